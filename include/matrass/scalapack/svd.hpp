// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Singular values and vectors by ScaLAPACK.
/// Next: scalapack/eigh.hpp, algorithm/svd.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <matrass/scalapack/matmul.hpp>
#include <matrass/scalapack/qr.hpp>
#include <span>
#include <vector>

namespace matrass {

/// A = U diag(s) Vt.
template <Scalar T>
struct Svd {
  DistMatrix<T> u;         ///< m x min(m, n), or m x m
  std::vector<Real<T>> s;  ///< descending, on every rank
  DistMatrix<T> vt;        ///< V^H: min(m, n) x n, or n x n
};

/// What svd computes.
enum class SvdMode { values, reduced, full };

namespace detail {

/// Replaces `values` by those of the first rank of the grid: bit by bit the same everywhere, on
/// ranks outside of the grid, too. Collective.
template <Scalar T, class N>
void share_from_first(const DistMatrix<T>& a, std::vector<N>& values) {
  mpi::broadcast(a.grid().comm(), std::span<N>(values), a.distribution().ranks_at(0, 0).front());
}

/// The SVD by ScaLAPACK; vectors where `vectors`. Overwrites `a`.
template <Scalar T>
Svd<T> gesvd_of(const Operand<T>& a, bool vectors) {
  const ProcessGrid& grid = a.matrix.grid();
  const auto [m, n] = a.matrix.shape();
  const Index k = std::min(m, n);
  const Operand<T> u = factor_matrix<T>(grid, {m, vectors ? k : Index{0}});
  const Operand<T> vt = factor_matrix<T>(grid, {vectors ? k : Index{0}, n});
  Svd<T> result{u.matrix, {}, vt.matrix};
  mpi::throw_together(grid.comm(), [&] { result.s.resize(static_cast<std::size_t>(k)); });
  if (k == 0) return result;
  const int info = run_with_workspace(
      "svd", 0,
      [&](Workspace<T>& w) {
        return gesvd(vectors ? 'V' : 'N', static_cast<int>(m), static_cast<int>(n), a,
                     result.s.data(), u, vt, w);
      },
      a, u, vt);
  // info = k + 1 says that ranks have found other values. It is so where some have no rows of U and
  // no columns of Vt: LAPACK's xBDSQR takes another algorithm there, as accurate. Those of the
  // first rank, which has some, belong to the vectors.
  mpi::throw_together(grid.comm(), [&] {
    if (info == 0 || info == static_cast<int>(k) + 1) return;
    throw ScaLAPACKError(
        "svd: the QR iteration did not converge (pxgesvd info=" + std::to_string(info) + ")");
  });
  share_from_first(a.matrix, result.s);
  return result;
}

/// [q, columns that complete it to an orthonormal basis]: m x m. Collective.
template <Scalar T>
DistMatrix<T> completed(const DistMatrix<T>& q) {
  const Index m = q.shape().rows;
  if (q.shape().cols == m) return q;
  DistMatrix<T> basis = qr_of(q, QrMode::complete).q;
  redistribute_into(q, basis.slice(0, m, 0, q.shape().cols));
  return basis;
}

/// Turns the rows of Vt, and the columns of U with them, so that the first one of the largest
/// entries of each row is real and positive. Collective.
template <Scalar T>
void fix_phases(const Svd<T>& f) {
  const std::vector<T> phases = column_phases(f.vt.transposed());
  scale_rows(f.vt, phases);
  scale_columns(f.u, conjugated(phases));
}

/// Of A from that of A^T = U S Vt: A = Vt^T S U^T. Collective.
template <Scalar T>
Svd<T> transposed_svd(Svd<T> f, SvdMode mode) {
  if (mode == SvdMode::values) return f;
  Svd<T> result{f.vt.transposed(), std::move(f.s), f.u.transposed()};
  fix_phases(result);
  return result;
}

/// From how many rows a column on A = Q R is taken first, and the SVD of R.
inline constexpr double qr_first = 1.6;

template <Scalar T>
Svd<T> svd_by_columns(const DistMatrix<T>& a, SvdMode mode) {
  const auto [m, n] = a.shape();
  const bool vectors = mode != SvdMode::values;
  Svd<T> result;
  if (n > 0 && static_cast<double>(m) >= qr_first * static_cast<double>(n)) {
    const Qr<T> f = qr_of(a, vectors ? QrMode::reduced : QrMode::r);
    result = gesvd_of(factor_copy(f.r), vectors);
    if (vectors) result.u = matmul(f.q, result.u);
  } else {
    result = gesvd_of(factor_copy(a), vectors);
  }
  if (!vectors) return result;
  fix_phases(result);
  if (mode == SvdMode::full) result.u = completed(result.u);
  return result;
}

/// A power of two that makes elements small whose squares overflow, on which ScaLAPACK's iteration
/// may never end; else 1. Collective.
template <Scalar T>
Real<T> shrinking(const DistMatrix<T>& a) {
  constexpr int wide = std::numeric_limits<Real<T>>::max_exponent / 2 - 32;
  Real<T> largest = 0;
  for (Index j = 0; j < a.part().shape.cols; ++j) {
    for (Index i = 0; i < a.part().shape.rows; ++i) {
      const T x = a.part()(i, j);
      largest = std::max({largest, std::abs(std::real(x)), std::abs(std::imag(x))});
    }
  }
  mpi::allreduce(a.grid().comm(), std::span<Real<T>>(&largest, 1), MPI_MAX);
  const int exponent = largest > 0 ? std::ilogb(largest) : 0;
  return exponent > wide ? std::ldexp(Real<T>{1}, -exponent) : Real<T>{1};
}

/// A copy of `a` times a number. Collective.
template <Scalar T>
DistMatrix<T> scaled(const DistMatrix<T>& a, Real<T> factor) {
  DistMatrix<T> result = a.copy();
  for (Index j = 0; j < result.part().shape.cols; ++j) {
    for (Index i = 0; i < result.part().shape.rows; ++i) result.part()(i, j) *= factor;
  }
  return result;
}

/// The SVD of a matrix of any shape in any layout: what svd calls where neither rows nor columns
/// are many more than the others. U and Vt in [MC,MR] with blocks of 64 (for wide matrices
/// transposed views of such). Collective over a's grid. Cost: about 8 m n^2 + 12 n^3 flops in all
/// for m >= n with vectors; copies of the local parts of A, U and Vt.
/// @throws InvalidArgument on all ranks: NaN or infinity in `a`. ScaLAPACKError: no convergence.
/// Source: ScaLAPACK PxGESVD; PxGEQRF first from 1.6 n rows on.
template <Scalar T>
Svd<T> svd_of(const DistMatrix<T>& a, SvdMode mode) {
  const mpi::Communicator& comm = a.grid().comm();
  mpi::throw_together(comm, mpi::Call("svd", a.distribution(), mode), [&] {
    narrow(a.shape().rows, "svd: rows");
    narrow(a.shape().cols, "svd: columns");
    require_finite(a, Part::all, "svd");
  });
  if (const Real<T> factor = shrinking(a); factor != 1) {
    Svd<T> result = svd_of(scaled(a, factor), mode);
    for (Real<T>& s : result.s) s /= factor;
    return result;
  }
  if (a.shape().rows >= a.shape().cols) return svd_by_columns(a, mode);
  return transposed_svd(svd_by_columns(a.transposed(), mode), mode);
}

}  // namespace detail

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T) extern template Svd<T> detail::svd_of<T>(const DistMatrix<T>&, SvdMode);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
