// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// From saved blocks Y = A Q and small coefficients to left singular vectors and residuals.
/// Next: algorithm/svd_run.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <matrass/algorithm/normal_product.hpp>
#include <matrass/algorithm/svd_options.hpp>
#include <matrass/algorithm/tsqr.hpp>
#include <matrass/scalapack/phases.hpp>
#include <vector>

namespace matrass::detail {

/// This rank's rows of U: element (i, j) at data[i + j * ld].
template <Scalar T>
struct LocalColumns {
  T* data = nullptr;
  Index rows = 0;
  Index ld = 1;
};

/// Rows that are worked on at a time: their part of Y and U stays in cache.
inline constexpr Index sweep_rows = 256;

/// out (rows x cols, ld) = rows [begin, begin + rows) of Y times `coefficients`, given slab by
/// slab.
template <Scalar T>
void combine_rows(const TallBlocks<T>& y, const std::vector<Small<T>>& coefficients, Index begin,
                  Index rows, T* out, Index ld) {
  T beta{0};
  for (std::size_t s = 0; s < y.slabs().size(); ++s) {
    const auto& slab = y.slabs()[s];
    const Small<T>& c = coefficients[s];
    gemm('T', 'N', static_cast<int>(rows), static_cast<int>(c.cols), static_cast<int>(slab.used),
         T{1}, slab.storage.data() + begin * slab.ld, static_cast<int>(slab.ld), c.data.data(),
         c.ld(), beta, out, static_cast<int>(ld));
    beta = T{1};
  }
}

/// The rows of `c` (one for each column of Y; missing ones are zero) parted by slabs, zero for
/// padding.
template <Scalar T>
std::vector<Small<T>> by_slabs(const TallBlocks<T>& y, const Small<Wide<T>>& c) {
  std::vector<Small<T>> parts;
  for (const auto& slab : y.slabs()) {
    Small<T> part(slab.used, c.cols);
    for (Index j = 0; j < c.cols; ++j) {
      for (Index i = 0; i < slab.used; ++i) {
        const Index row = slab.columns[static_cast<std::size_t>(i)];
        if (row >= 0 && row < c.rows) part(i, j) = static_cast<T>(c(row, j));
      }
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

/// u(:, 0:c.cols) = Y c. @returns this rank's part of its Gram matrix. Local; one pass over Y.
template <Scalar T>
Small<Wide<T>> combine_blocks(const TallBlocks<T>& y, const Small<Wide<T>>& c,
                              const LocalColumns<T>& u) {
  const std::vector<Small<T>> parts = by_slabs(y, c);
  const int cols = narrow(c.cols, "truncated_svd: k");
  Small<Wide<T>> gram(cols, cols);
  Small<T> gram_of_rows(cols, cols);
  for (Index begin = 0; begin < u.rows && cols > 0; begin += sweep_rows) {
    const Index rows = std::min(sweep_rows, u.rows - begin);
    T* piece = u.data + begin;
    combine_rows(y, parts, begin, rows, piece, u.ld);
    gemm('C', 'N', cols, cols, static_cast<int>(rows), T{1}, piece, static_cast<int>(u.ld), piece,
         static_cast<int>(u.ld), T{0}, gram_of_rows.data.data(), gram_of_rows.ld());
    for (std::size_t i = 0; i < gram.data.size(); ++i) {
      gram.data[i] += static_cast<Wide<T>>(gram_of_rows.data[i]);
    }
  }
  return gram;
}

/// Y <- Y c. Local; one pass over Y.
template <Scalar T>
void compress_blocks(TallBlocks<T>& y, const Small<Wide<T>>& c) {
  const std::vector<Small<T>> parts = by_slabs(y, c);
  TallBlocks<T> made(y.rows());
  const typename TallBlocks<T>::Block block = made.add(c.cols);
  Small<T> panel(sweep_rows, c.cols);
  for (Index begin = 0; begin < y.rows(); begin += sweep_rows) {
    const Index rows = std::min(sweep_rows, y.rows() - begin);
    combine_rows(y, parts, begin, rows, panel.data.data(), sweep_rows);
    for (Index i = 0; i < rows; ++i) {
      T* row = block.data + (begin + i) * block.ld;
      for (Index j = 0; j < block.padded; ++j) row[j] = j < c.cols ? panel(i, j) : T{0};
    }
  }
  y = std::move(made);
}

/// `x` of rank 0 on every rank, whatever its size. Collective.
template <class N>
void broadcast_small(const mpi::Communicator& comm, Small<N>& x) {
  Index extent[2] = {x.rows, x.cols};
  mpi::broadcast<Index>(comm, extent, 0);
  mpi::throw_together(comm, [&] {
    if (comm.rank() != 0) x = Small<N>(extent[0], extent[1]);
  });
  mpi::broadcast<N>(comm, x.span(), 0);
}

/// Sums over this rank's rows of |A v_i - s_i u_i|^2 and of Re(conj(u_i) A v_i).
struct ResidualSums {
  std::vector<double> squares;
  std::vector<double> quotients;
};

/// u <- u rotation (an empty one leaves u), then the residuals of u, s and v = Q d, where A v = Y
/// d. Local; one pass over Y and U.
template <Scalar T>
ResidualSums rotate_and_measure(const TallBlocks<T>& y, const Small<Wide<T>>& d,
                                const Small<Wide<T>>& rotation, const std::vector<double>& s,
                                const LocalColumns<T>& u) {
  const std::vector<Small<T>> parts = by_slabs(y, d);
  const int cols = static_cast<int>(d.cols);
  const Small<T> turn = small_as<T>(rotation);
  ResidualSums sums{std::vector<double>(s.size()), std::vector<double>(s.size())};
  Small<T> image(sweep_rows, cols);
  Small<T> old(sweep_rows, cols);
  for (Index begin = 0; begin < u.rows; begin += sweep_rows) {
    const Index rows = std::min(sweep_rows, u.rows - begin);
    T* piece = u.data + begin;
    if (turn.cols > 0) {
      for (Index j = 0; j < turn.rows; ++j) {
        std::copy(piece + j * u.ld, piece + j * u.ld + rows, old.col(j));
      }
      gemm('N', 'N', static_cast<int>(rows), cols, static_cast<int>(turn.rows), T{1},
           old.data.data(), old.ld(), turn.data.data(), turn.ld(), T{0}, piece,
           static_cast<int>(u.ld));
    }
    combine_rows(y, parts, begin, rows, image.data.data(), sweep_rows);
    for (Index j = 0; j < cols; ++j) {
      const auto value = static_cast<Real<T>>(s[static_cast<std::size_t>(j)]);
      double square = 0;
      double quotient = 0;
      for (Index i = 0; i < rows; ++i) {
        const T left = piece[i + j * u.ld];
        const T right = image(i, j);
        square += static_cast<double>(std::norm(right - value * left));
        quotient += static_cast<double>(std::real(conjugate(left) * right));
      }
      sums.squares[static_cast<std::size_t>(j)] += square;
      sums.quotients[static_cast<std::size_t>(j)] += quotient;
    }
  }
  return sums;
}

/// The factor that makes the first one of the largest entries of v(:, j) real and positive.
template <class N>
N leading_phase(const Small<N>& v, Index j) {
  double largest = 0;
  for (Index i = 0; i < v.rows; ++i) largest = std::max(largest, std::abs(v(i, j)));
  for (Index i = 0; i < v.rows; ++i) {
    const double size = std::abs(v(i, j));
    if (counts_as_largest(size, largest)) return conjugate(v(i, j)) / size;
  }
  return N{1};
}

template <class N>
void scale_column(Small<N>& x, Index j, N factor) {
  for (Index i = 0; i < x.rows; ++i) x(i, j) *= factor;
}

/// Appends the columns of `more` to the orthonormal ones of q, made orthonormal one by one (each
/// twice).
template <class N>
void append_orthonormal(Small<N>& q, const Small<N>& more) {
  for (Index j = 0; j < more.cols; ++j) {
    Small<N> x = more.columns(j, j + 1);
    for (int twice = 0; twice < 2; ++twice) {
      subtract_product(x, q, multiply('C', q, 'N', x));
      double square = 0;
      for (const N& value : x.data) square += std::norm(value);
      scale_column(x, 0, N{1 / std::sqrt(square)});
    }
    q.append(x);
  }
}

/// The first k columns of vh^H.
template <class N>
Small<N> adjoint_of_rows(const Small<N>& vh, Index k) {
  Small<N> v(vh.cols, k);
  for (Index j = 0; j < k; ++j) {
    for (Index i = 0; i < vh.cols; ++i) v(i, j) = conjugate(vh(j, i));
  }
  return v;
}

/// Orthonormalises the columns of u by TSQR and multiplies them by `rotation_of(R)`, which rank 0
/// makes of the triangular factor (k x k): u <- Q rotation. Collective.
template <Scalar T, class F>
void orthonormalize(const LocalColumns<T>& u, Index k, const mpi::Communicator& comm,
                    F&& rotation_of) {
  const Tsqr<T> qr(LocalRows<T>{u.rows, k, u.data, 1, u.ld}, comm, true);
  const Small<T> rotation = mpi::throw_together(comm, [&] {
    if (comm.rank() != 0) return Small<T>();
    return small_as<T>(rotation_of(small_as<Wide<T>>(qr.r())));
  });
  qr.apply(rotation, k, u.data, u.ld);
}

}  // namespace matrass::detail
