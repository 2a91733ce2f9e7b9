// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Linear systems with square matrices, and inverses.
/// Next: scalapack/phases.hpp
#pragma once

#include <matrass/scalapack/cholesky.hpp>
#include <matrass/scalapack/lu.hpp>

namespace matrass {

/// What is known of the matrix of a linear system.
enum class Assume {
  general,   ///< LU with partial pivoting
  positive,  ///< Hermitian positive definite: Cholesky; the lower triangle is read
  symmetric  ///< Hermitian: by LU, as ScaLAPACK has no factorisation of its own for it
};

namespace detail {

/// What solve() asks of its arguments. Local.
template <Scalar T>
void require_system(const DistMatrix<T>& a, const DistMatrix<T>& b) {
  require_square(a.shape(), "solve");
  if (a.shape().rows != b.shape().rows) {
    throw ShapeError("solve: A and B must have as many rows: got " +
                     std::to_string(a.shape().rows) + " and " + std::to_string(b.shape().rows));
  }
  if (!(a.grid() == b.grid())) {
    throw InvalidArgument("solve: A and B must share one process grid: got " +
                          matrass::to_string(a.grid().shape()) + " and " +
                          matrass::to_string(b.grid().shape()) + " (build both on one Grid)");
  }
  narrow(b.shape().cols, "solve: columns of B");
  require_finite(b, Part::all, "solve", "B");
}

/// Overwrites x, which holds the right-hand sides.
template <Scalar T>
void solve_in_place(const DistMatrix<T>& a, const Operand<T>& x, Assume assume,
                    const std::string& routine) {
  const int n = static_cast<int>(a.shape().rows);
  const int nrhs = static_cast<int>(x.matrix.shape().cols);
  if (assume == Assume::positive) {
    const Operand<T> factor = cholesky_factor(a, Triangle::lower, routine);
    if (n == 0 || nrhs == 0) return;
    run(routine, [&] { return potrs('L', n, nrhs, factor, x); }, x, factor);
  } else {
    const LuFactor<T> f = lu_factor(a, routine);
    require_regular(f, routine);
    if (n == 0 || nrhs == 0) return;
    run(routine, [&] { return getrs('N', n, nrhs, f.lu, f.pivots.data(), x); }, x, f.lu);
  }
}

template <Scalar T>
DistMatrix<T> solve_of(const DistMatrix<T>& a, const DistMatrix<T>& b, Assume assume) {
  const mpi::Communicator& comm = a.grid().comm();
  mpi::throw_together(comm, mpi::Call("solve", a.distribution(), b.distribution(), assume),
                      [&] { require_system(a, b); });
  const Operand<T> x = factor_copy(b);
  solve_in_place(a, x, assume, "solve");
  const Distribution wanted(b.grid().map(), b.shape(), b.layout(), {.block = b.block()});
  return redistribute(x.matrix, b.grid(), wanted);
}

template <Scalar T>
DistMatrix<T> inverse_of(const DistMatrix<T>& a) {
  mpi::throw_together(a.grid().comm(), mpi::Call("inv", a.distribution()),
                      [&] { require_square(a.shape(), "inv"); });
  const Operand<T> x = factor_matrix<T>(a.grid(), a.shape());
  mpi::throw_together(a.grid().comm(), [&] {
    const std::vector<Index> rows = x.matrix.local_rows();
    const std::vector<Index> cols = x.matrix.local_cols();
    for (std::size_t j = 0; j < cols.size(); ++j) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        x.matrix.part()(static_cast<Index>(i), static_cast<Index>(j)) =
            rows[i] == cols[j] ? T{1} : T{0};
      }
    }
  });
  solve_in_place(a, x, Assume::general, "inv");
  return x.matrix;
}

}  // namespace detail

/// X with A X = B.
///
/// Shapes: a n x n, b n x k, any layouts on one grid; X n x k, new, in the layout and blocks of b.
/// Collective over the grid. Cost: 2 n^3 / 3 flops in all (Cholesky: half of it) and 2 n^2 k;
/// copies of the local parts of a and b.
/// @throws ShapeError, InvalidArgument (NaN, infinity, two grids), SingularError with the pivot,
///   NotPositiveDefiniteError with the order; on all ranks.
/// Source: ScaLAPACK PxGETRF, PxGETRS, PxPOTRF, PxPOTRS.
template <DistMatrixLike A, DistMatrixLike B>
DistMatrix<typename A::value_type> solve(const A& a, const B& b, Assume assume = Assume::general) {
  return detail::solve_of(to_dynamic(a), to_dynamic(b), assume);
}

/// The inverse of a square matrix, in [MC,MR] with blocks of 64: solve() with the identity.
/// Collective. Cost: 8 n^3 / 3 flops in all; three copies of the local part.
/// @throws as solve.
template <DistMatrixLike A>
DistMatrix<typename A::value_type> inv(const A& a) {
  return detail::inverse_of(to_dynamic(a));
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                       \
  extern template DistMatrix<T> detail::solve_of<T>(const DistMatrix<T>&, const DistMatrix<T>&, \
                                                    Assume);                                    \
  extern template DistMatrix<T> detail::inverse_of<T>(const DistMatrix<T>&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
