// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Cholesky factors of positive definite matrices.
/// Next: scalapack/lu.hpp
#pragma once

#include <matrass/scalapack/run.hpp>

namespace matrass {

/// Which triangle of a Hermitian matrix is read, or which factor is wanted.
enum class Triangle : char { lower = 'L', upper = 'U' };

namespace detail {

inline Part part_of(Triangle triangle) {
  return triangle == Triangle::lower ? Part::lower : Part::upper;
}

/// Factors a copy of `a` and leaves the other triangle as it was. Collective.
template <Scalar T>
Operand<T> cholesky_factor(const DistMatrix<T>& a, Triangle triangle, const std::string& routine) {
  const mpi::Communicator& comm = a.grid().comm();
  mpi::throw_together(comm, mpi::Call(routine, a.distribution(), triangle), [&] {
    require_square(a.shape(), routine);
    narrow(a.shape().rows, "cholesky: rows");
    require_finite(a, part_of(triangle), routine);
  });
  Operand<T> factor = factor_copy(a);
  if (a.shape().size() == 0) return factor;
  const int n = static_cast<int>(a.shape().rows);
  const auto uplo = static_cast<char>(triangle);
  const int info = run(routine, [&] { return potrf(uplo, n, factor); }, factor);
  mpi::throw_together(comm, [&] {
    if (info == 0) return;
    throw NotPositiveDefiniteError(
        routine + ": leading minor of order " + std::to_string(info) +
        " is not positive definite (pxpotrf info=" + std::to_string(info) + ")");
  });
  return factor;
}

template <Scalar T>
DistMatrix<T> cholesky_of(const DistMatrix<T>& a, Triangle which) {
  const Operand<T> factor = cholesky_factor(a, which, "cholesky");
  mpi::throw_together(a.grid().comm(),
                      [&] { keep_triangle(factor.matrix, factor.matrix, part_of(which)); });
  return factor.matrix;
}

}  // namespace detail

/// The factor of a Hermitian positive definite matrix: A = L L^H or A = U^H U.
///
/// Shapes: a n x n in any layout, of which only that triangle is read; the factor n x n, new, in
/// [MC,MR] with blocks of 64, zero outside of its triangle.
/// Collective over a's grid. Cost: n^3 / 3 flops in all; a copy of the local part.
/// @throws ShapeError, InvalidArgument (NaN, infinity), NotPositiveDefiniteError with the order of
///   the first leading minor that fails; on all ranks.
/// Source: ScaLAPACK PxPOTRF.
template <DistMatrixLike A>
DistMatrix<typename A::value_type> cholesky(const A& a, Triangle triangle = Triangle::lower) {
  return detail::cholesky_of(to_dynamic(a), triangle);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                               \
  extern template Operand<T> detail::cholesky_factor<T>(const DistMatrix<T>&, Triangle, \
                                                        const std::string&);            \
  extern template DistMatrix<T> detail::cholesky_of<T>(const DistMatrix<T>&, Triangle);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
