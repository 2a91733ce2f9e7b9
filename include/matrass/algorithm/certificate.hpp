// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// How good an answer is, measured: residuals and orthogonality of factors, by random probes.
///
/// For a vector z of independent standard normal numbers, the mean of ||M z||^2 is the square of
/// M's Frobenius norm. A few of them measure a residual M that is a product of factors at the cost
/// of products with thin matrices: O(n^2) and not O(n^3).
/// Next: algorithm/truncated_svd.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <matrass/algorithm/norm.hpp>
#include <matrass/algorithm/start_block.hpp>
#include <matrass/core/certificate.hpp>
#include <matrass/matrix/create.hpp>
#include <matrass/scalapack/eigh.hpp>
#include <matrass/scalapack/lu.hpp>
#include <matrass/scalapack/qr.hpp>
#include <matrass/scalapack/solve.hpp>
#include <matrass/scalapack/svd.hpp>

namespace matrass {

namespace detail {

inline constexpr Index probe_count = 8;

/// n x probe_count standard normal numbers, the same on any number of ranks. Collective.
template <Scalar T>
DistMatrix<T> probes(const ProcessGrid& grid, Index n) {
  constexpr std::uint64_t seed = 0x70726f6265;
  return from_function<T>(grid, Shape{n, probe_count}, MC_MR, [](Index i, Index j) {
    return static_cast<T>(counter_normal_of<Wide<T>>(seed, i, j));
  });
}

/// x - y, which have one shape, where x lies. Collective.
template <Scalar T>
DistMatrix<T> difference(const DistMatrix<T>& x, const DistMatrix<T>& y) {
  DistMatrix<T> result(x.grid(), x.distribution(), false);
  redistribute_into(y, result);
  for (Index j = 0; j < x.local_shape().cols; ++j) {
    for (Index i = 0; i < x.local_shape().rows; ++i) {
      result.part()(i, j) = x.part()(i, j) - result.part()(i, j);
    }
  }
  return result;
}

/// The Frobenius norm of M, of which `mz` is the product with probes. Collective.
template <Scalar T>
double probed(const DistMatrix<T>& mz) {
  const double variance = is_complex<T> ? 2 : 1;  // a complex number has two normal ones
  return norm(mz) / std::sqrt(variance * static_cast<double>(probe_count));
}

template <Scalar T>
double ratio(const DistMatrix<T>& difference, const DistMatrix<T>& a) {
  const double size = norm(a);
  const double found = probed(difference);
  return size > 0 ? found / size : found;
}

/// ||I - Q^H Q||_F, or of rows ||I - Q Q^H||_F.
template <Scalar T>
double loss_of_orthogonality(const DistMatrix<T>& q, bool of_rows = false) {
  const Op inner = of_rows ? Op::adjoint : Op::none;
  const Op outer = of_rows ? Op::none : Op::adjoint;
  const DistMatrix<T> z = probes<T>(q.grid(), of_rows ? q.shape().rows : q.shape().cols);
  const DistMatrix<T> qz = matmul(q, z, MatmulOptions<T>{.op_a = inner});
  return probed(difference(z, matmul(q, qz, MatmulOptions<T>{.op_a = outer})));
}

/// The whole of a Hermitian matrix of which one triangle counts, in [MC,MR]. Collective.
template <Scalar T>
DistMatrix<T> whole_hermitian(const DistMatrix<T>& a, Triangle which) {
  const DistMatrix<T> kept = triangle(factor_copy(a).matrix, part_of(which));
  const DistMatrix<T> turned(a.grid(), kept.distribution(), false);
  redistribute_into(kept.transposed(), turned);
  mpi::throw_together(a.grid().comm(), [&] {
    const std::vector<Index> rows = kept.local_rows();
    const std::vector<Index> cols = kept.local_cols();
    for (std::size_t j = 0; j < cols.size(); ++j) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        T& x = kept.part()(static_cast<Index>(i), static_cast<Index>(j));
        const T y = turned.part()(static_cast<Index>(i), static_cast<Index>(j));
        if (rows[i] == cols[j]) {
          x = static_cast<T>(std::real(x));
        } else {
          x += conjugate(y);
        }
      }
    }
  });
  return kept;
}

template <Scalar R>
std::vector<R> scaled_by(const std::vector<Real<R>>& s) {
  return {s.begin(), s.end()};
}

template <Scalar T>
Certificate certify_qr(const DistMatrix<T>& a, const Qr<T>& f) {
  const DistMatrix<T> z = probes<T>(a.grid(), a.shape().cols);
  return {ratio(difference(matmul(a, z), matmul(f.q, matmul(f.r, z))), a),
          loss_of_orthogonality(f.q)};
}

template <Scalar T>
Certificate certify_svd(const DistMatrix<T>& a, const Svd<T>& f) {
  const DistMatrix<T> z = probes<T>(a.grid(), a.shape().cols);
  const auto k = static_cast<Index>(f.s.size());
  const DistMatrix<T> svz = matmul(f.vt.slice(0, k, 0, f.vt.shape().cols), z);
  scale_rows(svz, scaled_by<T>(f.s));
  const DistMatrix<T> product = matmul(f.u.slice(0, f.u.shape().rows, 0, k), svz);
  return {ratio(difference(matmul(a, z), product), a),
          std::max(loss_of_orthogonality(f.u), loss_of_orthogonality(f.vt, true))};
}

/// With the rows of A z in the order that L U has: A[permutation] = L U.
template <Scalar T>
Certificate certify_lu(const DistMatrix<T>& a, const Lu<T>& f) {
  const DistMatrix<T> z = probes<T>(a.grid(), a.shape().cols);
  const DistMatrix<T> az = redistribute(matmul(a, z), STAR_STAR);
  const DistMatrix<T> permuted(a.grid(), az.distribution(), false);
  for (Index j = 0; j < az.local_shape().cols; ++j) {
    for (Index i = 0; i < az.local_shape().rows; ++i) {
      permuted.part()(i, j) = az.part()(f.permutation[static_cast<std::size_t>(i)], j);
    }
  }
  return {ratio(difference(permuted, matmul(f.l, matmul(f.u, z))), a), std::nullopt};
}

template <Scalar T>
Certificate certify_eigh(const DistMatrix<T>& a, const Eigh<T>& f, Triangle which) {
  const DistMatrix<T> whole = whole_hermitian(a, which);
  const DistMatrix<T> z = probes<T>(a.grid(), a.shape().cols);
  const DistMatrix<T> wvz = matmul(f.v, z, MatmulOptions<T>{.op_a = Op::adjoint});
  scale_rows(wvz, scaled_by<T>(f.w));
  return {ratio(difference(matmul(whole, z), matmul(f.v, wvz)), whole), loss_of_orthogonality(f.v)};
}

template <Scalar T>
Certificate certify_cholesky(const DistMatrix<T>& a, const DistMatrix<T>& factor, Triangle which) {
  const DistMatrix<T> whole = whole_hermitian(a, which);
  const DistMatrix<T> z = probes<T>(a.grid(), a.shape().cols);
  const bool lower = which == Triangle::lower;
  const Op first = lower ? Op::adjoint : Op::none;
  const Op second = lower ? Op::none : Op::adjoint;
  const DistMatrix<T> inner = matmul(factor, z, MatmulOptions<T>{.op_a = first});
  const DistMatrix<T> product = matmul(factor, inner, MatmulOptions<T>{.op_a = second});
  return {ratio(difference(matmul(whole, z), product), whole), std::nullopt};
}

template <Scalar T>
Certificate certify_solve(const DistMatrix<T>& a, const DistMatrix<T>& x, const DistMatrix<T>& b,
                          Assume assume) {
  const DistMatrix<T> whole = assume == Assume::positive ? whole_hermitian(a, Triangle::lower) : a;
  const double size = norm(whole) * norm(x) + norm(b);
  const double found = norm(difference(matmul(whole, x), b));
  return {size > 0 ? found / size : found, std::nullopt};
}

}  // namespace detail

/// Measures A - Q R and Q. Shapes as those of qr; `f` has a Q.
///
/// Collective, as all of these. Cost: products of the factors with matrices of 8 columns,
/// which go to where the factors are, and copies of these.
template <DistMatrixLike A>
Certificate certify(const A& a, const Qr<typename A::value_type>& f) {
  return detail::certify_qr(to_dynamic(a), f);
}

/// Measures A - U diag(s) Vt, U and Vt.
template <DistMatrixLike A>
Certificate certify(const A& a, const Svd<typename A::value_type>& f) {
  return detail::certify_svd(to_dynamic(a), f);
}

/// Measures A[permutation] - L U.
template <DistMatrixLike A>
Certificate certify(const A& a, const Lu<typename A::value_type>& f) {
  return detail::certify_lu(to_dynamic(a), f);
}

/// Measures A - V diag(w) V^H and V. Of `a` the same triangle counts as for eigh.
template <DistMatrixLike A>
Certificate certify(const A& a, const Eigh<typename A::value_type>& f,
                    Triangle triangle = Triangle::lower) {
  return detail::certify_eigh(to_dynamic(a), f, triangle);
}

/// Measures A - L L^H, or A - U^H U.
template <DistMatrixLike A, DistMatrixLike L>
Certificate certify_cholesky(const A& a, const L& factor, Triangle triangle = Triangle::lower) {
  return detail::certify_cholesky(to_dynamic(a), to_dynamic(factor), triangle);
}

/// Measures the normwise backward error ||B - A X||_F / (||A||_F ||X||_F + ||B||_F).
template <DistMatrixLike A, DistMatrixLike X, DistMatrixLike B>
Certificate certify_solve(const A& a, const X& x, const B& b, Assume assume = Assume::general) {
  return detail::certify_solve(to_dynamic(a), to_dynamic(x), to_dynamic(b), assume);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                          \
  extern template Certificate detail::certify_qr<T>(const DistMatrix<T>&, const Qr<T>&);           \
  extern template Certificate detail::certify_svd<T>(const DistMatrix<T>&, const Svd<T>&);         \
  extern template Certificate detail::certify_lu<T>(const DistMatrix<T>&, const Lu<T>&);           \
  extern template Certificate detail::certify_eigh<T>(const DistMatrix<T>&, const Eigh<T>&,        \
                                                      Triangle);                                   \
  extern template Certificate detail::certify_cholesky<T>(const DistMatrix<T>&,                    \
                                                          const DistMatrix<T>&, Triangle);         \
  extern template Certificate detail::certify_solve<T>(const DistMatrix<T>&, const DistMatrix<T>&, \
                                                       const DistMatrix<T>&, Assume);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
