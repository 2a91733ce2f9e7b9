// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Matrices with given singular values, and what a result says of them when it is multiplied out.
/// Next: tests/cpp/algorithm/test_truncated_svd.cpp
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <matrass/algorithm/start_block.hpp>
#include <matrass/algorithm/truncated_svd.hpp>
#include <matrass/matrix/create.hpp>
#include <vector>

namespace matrass::test {

using detail::multiply;
using detail::Small;
using detail::Wide;

template <class T>
inline constexpr double eps = std::numeric_limits<Real<T>>::epsilon();

/// A whole matrix on every rank, with its singular values.
template <class T>
struct Known {
  Small<T> a;
  std::vector<double> s;  ///< descending
};

/// x - 2 h (h^H x) for a random unit vector h.
template <class N>
void reflect_rows(Small<N>& x, int which) {
  Small<N> h(x.rows, 1);
  double square = 0;
  for (Index i = 0; i < x.rows; ++i) {
    h(i, 0) = detail::counter_normal_of<N>(77, i, which);
    square += std::norm(h(i, 0));
  }
  for (N& value : h.data) value /= std::sqrt(square);
  Small<N> product = multiply('C', h, 'N', x);
  for (N& value : product.data) value *= 2;
  detail::subtract_product(x, h, product);
}

template <class N>
Small<N> adjoint(const Small<N>& x) {
  Small<N> y(x.cols, x.rows);
  for (Index j = 0; j < x.cols; ++j) {
    for (Index i = 0; i < x.rows; ++i) y(j, i) = conjugate(x(i, j));
  }
  return y;
}

/// U diag(spectrum(i)) V^H with U and V products of three Householder reflectors: the singular
/// values are the spectrum to a few eps of the largest one.
template <class T>
Known<T> with_spectrum(Index m, Index n, const std::function<double(Index)>& spectrum) {
  Known<T> known;
  Small<Wide<T>> x(m, n);
  for (Index i = 0; i < std::min(m, n); ++i) {
    known.s.push_back(spectrum(i));
    x(i, i) = spectrum(i);
  }
  for (int which = 0; which < 3; ++which) reflect_rows(x, which);
  x = adjoint(x);
  for (int which = 3; which < 6; ++which) reflect_rows(x, which);
  x = adjoint(x);
  std::sort(known.s.rbegin(), known.s.rend());
  known.a = Small<T>(m, n);
  std::transform(x.data.begin(), x.data.end(), known.a.data.begin(),
                 [](Wide<T> value) { return static_cast<T>(value); });
  return known;
}

template <class T>
DistMatrix<T> spread(const ProcessGrid& grid, const Small<T>& a, Layout layout = VC_STAR,
                     const LayoutOptions& options = {}) {
  return from_function<T>(
      grid, {a.rows, a.cols}, layout, [&](Index i, Index j) { return a(i, j); }, options);
}

/// The whole of a distributed matrix on every rank, in double precision. Collective.
template <class T>
Small<Wide<T>> gathered(const DistMatrix<T>& a) {
  const DistMatrix<T> all = redistribute(a, STAR_STAR);
  Small<Wide<T>> x(a.shape().rows, a.shape().cols);
  for (Index j = 0; j < all.local_shape().cols; ++j) {
    for (Index i = 0; i < all.local_shape().rows; ++i) {
      x(i, j) = static_cast<Wide<T>>(all.part()(i, j));
    }
  }
  mpi::broadcast<Wide<T>>(a.grid().comm(), x.span(), 0);  // for ranks outside the grid
  return x;
}

template <class T>
Small<Wide<T>> widened(const Small<T>& a) {
  Small<Wide<T>> x(a.rows, a.cols);
  std::transform(a.data.begin(), a.data.end(), x.data.begin(),
                 [](T value) { return static_cast<Wide<T>>(value); });
  return x;
}

/// The largest entry of |x^H x - I|.
template <class N>
double far_from_orthonormal(const Small<N>& x) {
  const Small<N> gram = multiply('C', x, 'N', x);
  double most = 0;
  for (Index j = 0; j < gram.cols; ++j) {
    for (Index i = 0; i < gram.rows; ++i) {
      most = std::max(most, std::abs(gram(i, j) - (i == j ? N{1} : N{0})));
    }
  }
  return most;
}

/// ||a v_i - s_i u_i|| by plain products.
template <class T, class N>
std::vector<double> residuals(const Small<T>& a, const Small<N>& u, const std::vector<Real<T>>& s,
                              const Small<N>& v) {
  const Small<N> image = multiply('N', widened(a), 'N', v);
  std::vector<double> result;
  for (Index j = 0; j < v.cols; ++j) {
    double square = 0;
    for (Index i = 0; i < image.rows; ++i) {
      square +=
          std::norm(image(i, j) - static_cast<double>(s[static_cast<std::size_t>(j)]) * u(i, j));
    }
    result.push_back(std::sqrt(square));
  }
  return result;
}

/// What every result must satisfy, whatever the spectrum. `tol` is that of the options. Collective.
template <class T>
void expect_svd(const Known<T>& known, const TruncatedSvd<T>& found, double tol) {
  const auto k = static_cast<Index>(found.s.size());
  const double norm = known.s.front();
  // Rounding grows no faster than with the number of terms of a scalar product.
  const double rounding = 10 * eps<T> * static_cast<double>(std::min(known.a.rows, known.a.cols));
  const Small<Wide<T>> u = gathered(found.u);
  const Small<Wide<T>> v = gathered(found.v);
  EXPECT_EQ(found.u.layout(), VC_STAR);
  EXPECT_EQ(found.v.layout(), STAR_STAR);
  ASSERT_EQ(u.rows, known.a.rows);
  ASSERT_EQ(v.rows, known.a.cols);
  EXPECT_LE(far_from_orthonormal(u), rounding);
  EXPECT_LE(far_from_orthonormal(v), rounding);
  EXPECT_TRUE(std::is_sorted(found.s.rbegin(), found.s.rend()));
  const std::vector<double> measured = residuals(known.a, u, found.s, v);
  for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
    // The error of s is of second order in the residual where gaps are wide, of first order at
    // worst, where singular values are lost in a cluster; values below 0.01 tol count as zero.
    EXPECT_NEAR(found.s[i], known.s[i], (rounding + 0.1 * tol) * norm) << "i = " << i;
    EXPECT_NEAR(found.residual[i], measured[i], rounding * norm) << "i = " << i;
    EXPECT_LE(found.residual[i], (1.5 * tol + rounding) * norm) << "i = " << i;
  }
  for (Index j = 0; j < k; ++j) {
    double largest = 0;
    for (Index i = 0; i < v.rows; ++i) largest = std::max(largest, std::abs(v(i, j)));
    Index lead = 0;
    while (std::abs(v(lead, j)) < (1 - 1.01e-4) * largest) ++lead;
    EXPECT_GT(std::real(v(lead, j)), 0) << "sign of v_" << j;
    EXPECT_LE(std::abs(std::imag(v(lead, j))), 4 * eps<T> * largest) << "phase of v_" << j;
  }
}

template <class N>
double column_norm(const Small<N>& x, Index j) {
  double sum = 0;
  for (Index i = 0; i < x.rows; ++i) sum += std::norm(x(i, j));
  return std::sqrt(sum);
}

template <class T>
Small<T> random_matrix(Index m, Index n, std::uint64_t seed) {
  Small<T> x(m, n);
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i < m; ++i) {
      x(i, j) = static_cast<T>(detail::counter_normal_of<Wide<T>>(seed, i, j));
    }
  }
  return x;
}

}  // namespace matrass::test
