// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Least squares and minimum norm solutions of A x = b in NumPy's sense.
/// Next: algorithm/lstsq_wide.hpp (minimum norm), algorithm/ridge.hpp
#pragma once

#include <limits>
#include <matrass/algorithm/least_squares.hpp>
#include <optional>
#include <string>
#include <vector>

namespace matrass {

struct LstsqOptions {
  /// Singular values up to rcond times the largest one count as zero; none: eps of double precision
  /// (in which all small problems are solved) times max(m, n), as NumPy. What does not lie between
  /// 0 and 1 means eps, as in LAPACK.
  std::optional<double> rcond{};
  LstsqMethod method = LstsqMethod::automatic;  ///< a wish; what is not safe gives way to tsqr
};

/// What NumPy's lstsq returns.
template <Scalar T>
struct Lstsq {
  DistMatrix<T> x;                   ///< n x k in [STAR,STAR]
  std::vector<Real<T>> residuals{};  ///< ||b_j - A x_j||^2, where rank == n < m; else empty
  Index rank = 0;
  std::vector<Real<T>> s{};                ///< min(m, n) singular values of A, descending
  LstsqMethod method = LstsqMethod::tsqr;  ///< the one that gave the result
};

namespace detail {

/// What rank 0 finds, and all get: x, n x k.
template <class N>
struct LstsqSolution {
  Small<N> x;
  std::vector<double> residuals{};
  std::vector<double> s{};
  Index rank = 0;
};

/// Gives rank 0's rank and singular values (`count` of them) to all. Collective.
template <class N>
void broadcast_spectrum(const mpi::Communicator& comm, LstsqSolution<N>& found, Index count) {
  mpi::throw_together(comm, [&] { found.s.resize(static_cast<std::size_t>(count)); });
  mpi::broadcast<double>(comm, found.s, 0);
  mpi::broadcast<Index>(comm, {&found.rank, 1}, 0);
}

/// x <- x + (A^H A)^+ A^H (b - A x), and the squares of the residuals after that. Collective; one
/// pass over A.
template <Scalar T>
void refine(const LeastSquares<T>& problem, const PseudoInverse<Wide<T>>* inverse,
            LstsqSolution<Wide<T>>& found) {
  using N = Wide<T>;
  const mpi::Communicator& comm = problem.comm();
  broadcast_small(comm, found.x, problem.a().n, problem.b().n);
  TallSums<N> sums =
      mpi::throw_together(comm, [&] { return residual_sums(problem.a(), problem.b(), found.x); });
  sum_on_root(comm, sums);
  mpi::throw_together(comm, [&] {
    if (comm.rank() != 0) return;
    const Small<N> step = inverse->solve_normal(sums.cross);
    for (Index j = 0; j < step.cols; ++j) {
      // ||r - A d||^2 = ||r||^2 - Re(d^H g) where A^H A d = g = A^H r.
      double less = 0;
      for (Index i = 0; i < step.rows; ++i) {
        less += std::real(conjugate(step(i, j)) * sums.cross(i, j));
        found.x(i, j) += step(i, j);
      }
      double& square = sums.squares[static_cast<std::size_t>(j)];
      square = std::max(0.0, square - less);
    }
    found.residuals = std::move(sums.squares);
  });
}

/// m >= n. Collective; x is on all ranks.
template <Scalar T>
LstsqSolution<Wide<T>> solve_tall(LeastSquares<T>& problem, double rcond, LstsqMethod wanted) {
  using N = Wide<T>;
  const mpi::Communicator& comm = problem.comm();
  SmallProblem<N> small = problem.reduce(wanted);
  LstsqSolution<N> found;
  std::optional<PseudoInverse<N>> inverse;
  const bool direct = problem.used() == LstsqMethod::tsqr;
  mpi::throw_together(comm, [&] {
    if (comm.rank() != 0) return;
    found.s = small.s;
    found.rank = rank_of(small.s, rcond);
    inverse.emplace(small.r, found.rank, direct);
    found.x = inverse->solve(small.z);
    found.residuals = small.outside;
  });
  if (!direct) refine(problem, inverse ? &*inverse : nullptr, found);
  broadcast_small(comm, found.x, problem.a().n, problem.b().n);
  mpi::throw_together(comm,
                      [&] { found.residuals.resize(static_cast<std::size_t>(problem.b().n)); });
  mpi::broadcast<double>(comm, found.residuals, 0);
  broadcast_spectrum(comm, found, problem.a().n);
  return found;
}

/// As NumPy and LAPACK's xGELSD: what does not lie between 0 and 1 means eps.
inline double rcond_of(const LstsqOptions& options, Shape shape) {
  constexpr double eps = std::numeric_limits<double>::epsilon();
  if (options.rcond) return *options.rcond > 0 && *options.rcond < 1 ? *options.rcond : eps;
  return eps * static_cast<double>(std::max(shape.rows, shape.cols));
}

template <Scalar T>
Lstsq<T> lstsq_of(const DistMatrix<T>& a, const DistMatrix<T>& b, const LstsqOptions& options);

}  // namespace detail

/// x that minimises ||b_j - A x_j|| for each column of b; among several the one of least norm.
///
/// Shapes: a m x n in any layout and of any shape and rank, b m x k in any layout on a's grid, x
/// n x k in [STAR,STAR]. A wide A is used through its transpose.
///
/// The cheapest way that is safe: with cond(A) <= 50, Cholesky of A^H A and one step of refinement
/// by the residual b - A x (two passes over A); up to some 1e7, CholeskyQR2, by measure (three);
/// else Householder's QR of [A b] and the SVD of R (one). Singular values have an error of at most
/// 25 eps (of double precision) s[0] in the first way, some eps s[0] else: never that of the square
/// root of an eigenvalue near the noise of A^H A. So the rank is NumPy's.
///
/// Collective over a's grid. Cost a rank: (m n^2 + 6 m n k) / p flops; CholeskyQR2 3, TSQR 2.2
/// m (n + k)^2 / p. The small problem is rank 0's: up to 20 n^3 flops. Memory: b and A once more
/// where they have to move; wide and without full rank: a copy of A's part.
/// @throws ShapeError, InvalidArgument on all ranks: rows of a and b, grids; NaN or infinity.
/// Source: Bjorck, "Numerical Methods for Least Squares Problems", 2.4, 6.6; LAPACK xGELSD.
template <DistMatrixLike A, DistMatrixLike B>
Lstsq<typename A::value_type> lstsq(const A& a, const B& b, const LstsqOptions& options = {}) {
  return detail::lstsq_of(to_dynamic(a), to_dynamic(b), options);
}

}  // namespace matrass

#include <matrass/algorithm/lstsq_wide.hpp>

namespace matrass {

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                  \
  extern template class detail::LeastSquares<T>;                                           \
  extern template Lstsq<T> detail::lstsq_of<T>(const DistMatrix<T>&, const DistMatrix<T>&, \
                                               const LstsqOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
