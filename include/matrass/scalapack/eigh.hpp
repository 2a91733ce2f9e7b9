// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Eigenvalues and eigenvectors of Hermitian matrices.
/// Next: scalapack/eigvals.hpp
#pragma once

#include <matrass/scalapack/cholesky.hpp>
#include <matrass/scalapack/svd.hpp>
#include <vector>

namespace matrass {

/// A = V diag(w) V^H.
template <Scalar T>
struct Eigh {
  std::vector<Real<T>> w;  ///< ascending, on every rank
  DistMatrix<T> v;         ///< n x n, column j belongs to w[j]
};

namespace detail {

template <Scalar T>
Eigh<T> eigh_of(const DistMatrix<T>& a, Triangle which) {
  const ProcessGrid& grid = a.grid();
  mpi::throw_together(grid.comm(), mpi::Call("eigh", a.distribution(), which), [&] {
    require_square(a.shape(), "eigh");
    narrow(a.shape().rows, "eigh: rows");
    require_finite(a, part_of(which), "eigh");
  });
  const Operand<T> copy = factor_copy(a);
  const Operand<T> v = factor_matrix<T>(grid, a.shape());
  Eigh<T> result{{}, v.matrix};
  const int n = static_cast<int>(a.shape().rows);
  mpi::throw_together(grid.comm(), [&] { result.w.resize(static_cast<std::size_t>(n)); });
  if (n == 0) return result;
  // PxSTEDC gives the sort of its eigenvectors less memory than that asks for, does not look at
  // the error that it gets, and returns them in another order than the eigenvalues.
  // https://github.com/Reference-ScaLAPACK/scalapack/issues/74
  const Distribution& d = v.matrix.distribution();
  const Index block = d.block().cols;
  const Index sort =
      (d.rows().largest_local_extent() + block) * (d.cols().largest_local_extent() + 2 * block);
  const int info = run_with_workspace(
      "eigh", sort,
      [&](Workspace<T>& w) {
        return heevd(static_cast<char>(which), n, copy, result.w.data(), v, w);
      },
      copy, v);
  mpi::throw_together(grid.comm(), [&] {
    if (info != 0) {
      throw ScaLAPACKError(
          "eigh: the eigenvalues did not converge (pxsyevd info=" + std::to_string(info) + ")");
    }
  });
  share_from_first(v.matrix, result.w);
  scale_columns(result.v, column_phases(result.v));
  return result;
}

}  // namespace detail

/// The eigenvalues and eigenvectors of a Hermitian matrix.
///
/// Shapes: a n x n in any layout, of which only one triangle is read; V n x n, new, in [MC,MR] with
/// blocks of 64. The first one of the largest entries of each column of V is real and positive.
/// Collective over a's grid. Cost: about 4 n^3 / 3 flops for the reduction and 2 to 6 n^3 for the
/// vectors, in all; some five copies of the local part.
/// @throws ShapeError, InvalidArgument (NaN, infinity) on all ranks; ScaLAPACKError.
/// Source: ScaLAPACK PxSYEVD, PxHEEVD (divide and conquer).
template <DistMatrixLike A>
Eigh<typename A::value_type> eigh(const A& a, Triangle triangle = Triangle::lower) {
  return detail::eigh_of(to_dynamic(a), triangle);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T) \
  extern template Eigh<T> detail::eigh_of<T>(const DistMatrix<T>&, Triangle);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
