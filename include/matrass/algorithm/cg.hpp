// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Conjugate gradients for Hermitian positive definite systems, several right-hand sides at once.
/// Next: algorithm/lsqr.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <matrass/algorithm/vectors.hpp>
#include <matrass/core/shown.hpp>
#include <matrass/core/step.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

struct CgOptions {
  double tol = 0;  ///< largest ||b - A x|| in units of ||b||; 0: 1e-8 (1e-5 in single precision)
  Index maxiter = -1;  ///< most products with A, all right-hand sides at once; -1: 10 n
};

template <Scalar T>
struct Cg {
  DistMatrix<T> x;               ///< n x k in [VC,STAR]
  Index iterations = 0;          ///< of the slowest right-hand side
  std::vector<double> residual;  ///< ||b - A x|| of each right-hand side, measured
  bool converged = false;        ///< whether all of them are at most tol ||b||
};

namespace detail {

/// What cg_of() finds, on every rank.
template <Scalar T>
struct CgState {
  Small<Wide<T>> x{};
  Index iterations = 0;
  std::vector<double> residual{};
  bool converged = false;
};

/// One solve. The vectors (n x k, double precision) are whole on every rank, and every rank does
/// the same with them, bit by bit: the only messages are the sums that assemble A p.
///
/// Cycles of conjugate gradients: each begins with a residual that is computed anew, and ends where
/// the recurrence says that all is done. Rounding parts the two where A is ill-conditioned; another
/// cycle follows as long as the true residual falls by half.
template <RowOperator Op>
class CgRun {
 public:
  using T = typename Op::value_type;
  using N = Wide<T>;

  CgRun(const Op& op, const Small<N>& b, Small<N> x0, double tol, Index maxiter)
      : op_(op),
        b_(b),
        maxiter_(maxiter),
        product_(static_cast<Index>(op.row_indices().size()), b.cols, padded_columns(op, b.cols)),
        image_(b.rows, b.cols),
        r_(b),
        p_(b.rows, b.cols),
        rho_(static_cast<std::size_t>(b.cols)),
        active_(static_cast<std::size_t>(b.cols)) {
    found_.x = std::move(x0);
    for (Index c = 0; c < b.cols; ++c) target_.push_back(tol * std::sqrt(square(b, c)));
  }

  /// Collective.
  CgState<T> run() {
    std::vector<double> before(target_.size(), std::numeric_limits<double>::infinity());
    for (bool first = true;; first = false) {
      compute_residual();
      bool any = false;
      for (std::size_t c = 0; c < target_.size(); ++c) {
        const double residual = found_.residual[c];
        active_[c] = residual > target_[c] && residual < before[c] / 2;
        any = any || active_[c];
      }
      if (!any || found_.iterations >= maxiter_) break;
      before = found_.residual;
      cycle(first);
    }
    found_.converged = true;
    for (std::size_t c = 0; c < target_.size(); ++c) {
      found_.converged = found_.converged && found_.residual[c] <= target_[c];
    }
    return std::move(found_);
  }

 private:
  static double square(const Small<N>& x, Index c) {
    double sum = 0;
    for (Index i = 0; i < x.rows; ++i) sum += std::norm(x(i, c));
    return sum;
  }

  /// image = A x. Collective.
  void apply(const Small<N>& x) {
    mpi::throw_together(op_.comm(), [&] { op_.apply(x, product_.block()); });
    assemble<T>(
        op_.comm(), op_.row_indices(), [&](Index i, Index c) { return product_(i, c); }, image_);
  }

  void compute_residual() {
    apply(found_.x);
    found_.residual.assign(target_.size(), 0);
    for (Index c = 0; c < b_.cols; ++c) {
      for (Index i = 0; i < b_.rows; ++i) r_(i, c) = b_(i, c) - image_(i, c);
      found_.residual[static_cast<std::size_t>(c)] = std::sqrt(square(r_, c));
    }
  }

  /// From the residual r until the recurrence has every active column at its target.
  void cycle(bool first) {
    for (Index c = 0; c < b_.cols; ++c) {
      const bool active = active_[static_cast<std::size_t>(c)];
      for (Index i = 0; i < b_.rows; ++i) p_(i, c) = active ? r_(i, c) : N{};
      rho_[static_cast<std::size_t>(c)] = square(r_, c);
    }
    while (found_.iterations < maxiter_ &&
           std::find(active_.begin(), active_.end(), true) != active_.end()) {
      apply(p_);
      ++found_.iterations;
      mpi::throw_together(op_.comm(), [&] {
        mark_step();
        for (Index c = 0; c < b_.cols; ++c) {
          if (active_[static_cast<std::size_t>(c)] && !step(c)) stop(c, first);
        }
      });
    }
  }

  /// @returns whether p^H A p is positive
  bool step(Index c) {
    const auto at = static_cast<std::size_t>(c);
    double curvature = 0;
    for (Index i = 0; i < b_.rows; ++i) {
      curvature += std::real(conjugate(p_(i, c)) * image_(i, c));
    }
    if (!(curvature > 0)) {
      curvature_ = curvature;
      return false;
    }
    const double alpha = rho_[at] / curvature;
    for (Index i = 0; i < b_.rows; ++i) {
      found_.x(i, c) += alpha * p_(i, c);
      r_(i, c) -= alpha * image_(i, c);
    }
    const double rho = square(r_, c);
    const double beta = rho / rho_[at];
    rho_[at] = rho;
    active_[at] = std::sqrt(rho) > target_[at];
    for (Index i = 0; i < b_.rows; ++i) {
      p_(i, c) = active_[at] ? r_(i, c) + beta * p_(i, c) : N{};
    }
    return true;
  }

  /// In a later cycle r is rounding error, and what p^H A p says is no news of A.
  void stop(Index c, bool first) {
    if (first && std::isfinite(curvature_)) {
      throw NotPositiveDefiniteError(
          "cg: A must be positive definite: got p^H A p = " + shown(curvature_) + " in iteration " +
          std::to_string(found_.iterations) + " of column " + std::to_string(c));
    }
    active_[static_cast<std::size_t>(c)] = false;
    std::fill(p_.col(c), p_.col(c) + p_.rows, N{});
  }

  const Op& op_;
  const Small<N>& b_;
  Index maxiter_;
  DealtVectors<T> product_;  ///< this rank's rows of A times whole vectors
  Small<N> image_;           ///< all rows of it
  Small<N> r_;
  Small<N> p_;
  std::vector<double> rho_;  ///< ||r||^2 by the recurrence
  std::vector<double> target_;
  std::vector<bool> active_;
  double curvature_ = 0;
  CgState<T> found_;
};

/// Solves A X = B for a positive definite n x n operator. Collective over op's communicator.
/// @param b, x0 n x k, the same on every rank
/// @throws NotPositiveDefiniteError on all ranks
template <RowOperator Op>
CgState<typename Op::value_type> cg_of(const Op& op, const Small<Wide<typename Op::value_type>>& b,
                                       Small<Wide<typename Op::value_type>> x0, double tol,
                                       Index maxiter) {
  std::optional<CgRun<Op>> run;
  mpi::throw_together(op.comm(), [&] { run.emplace(op, b, std::move(x0), tol, maxiter); });
  return run->run();
}

/// Of a matrix A with this grid and shape. @throws InvalidArgument, ShapeError
template <Scalar T>
void require_system(const ProcessGrid& grid, Shape shape, const DistMatrix<T>& b,
                    const DistMatrix<T>* x0, const CgOptions& o) {
  if (shape.rows != shape.cols) {
    throw ShapeError("cg: A must be square: got shape " + shown(shape));
  }
  if (b.shape().rows != shape.rows) {
    throw ShapeError("cg: b must have as many rows as A: got shapes " + shown(shape) + " and " +
                     shown(b.shape()));
  }
  if (x0 != nullptr && !(x0->shape() == b.shape())) {
    throw ShapeError("cg: x0 must have the shape of b: got " + shown(x0->shape()) + " and " +
                     shown(b.shape()));
  }
  if (!(grid == b.grid()) || (x0 != nullptr && !(grid == x0->grid()))) {
    throw InvalidArgument("cg: A, b and x0 must share one process grid (build all on one Grid)");
  }
  if (!(o.tol >= 0)) throw InvalidArgument("cg: tol must not be negative: got " + shown(o.tol));
}

/// For rows that `make` wraps as an operator (once b and x0 are in place). Collective.
/// @param x0 a start, or null for zero
template <Scalar T, class Make>
Cg<T> cg_of_rows(Make&& make, const DistMatrix<T>& b, const DistMatrix<T>* x0,
                 const CgOptions& options) {
  if (x0 != nullptr) require_finite(*x0, "cg", "x0");
  constexpr double default_tol = std::same_as<Real<T>, float> ? 1e-5 : 1e-8;
  const double tol = options.tol > 0 ? options.tol : default_tol;
  const Index maxiter = options.maxiter >= 0 ? options.maxiter : 10 * b.shape().rows;
  const mpi::Communicator& comm = b.grid().comm();
  const WholeVectors<T> right = whole_vectors(b, false);
  std::optional<WholeVectors<T>> start;
  if (x0 != nullptr) start.emplace(whole_vectors(*x0, false));
  std::optional<decltype(make())> op;
  mpi::throw_together(comm, [&] {
    op.emplace(make());
    if (!start) start.emplace(b.shape().rows, b.shape().cols);
  });
  CgState<T> found = cg_of(*op, right.values(), std::move(start->values()), tol, maxiter);
  return mpi::throw_together(comm, [&] {
    return Cg<T>{dealt<T>(b.grid(), found.x, false), found.iterations, std::move(found.residual),
                 found.converged};
  });
}

/// @param x0 a start, or null for zero
template <Scalar T>
Cg<T> cg_of_matrix(const DistMatrix<T>& a, const DistMatrix<T>& b, const DistMatrix<T>* x0,
                   const CgOptions& options) {
  const mpi::Call call("cg", a.distribution(), b.distribution(), x0 != nullptr, options.tol,
                       options.maxiter);
  mpi::throw_together(a.grid().comm(), call,
                      [&] { require_system(a.grid(), a.shape(), b, x0, options); });
  require_finite(a, "cg", "A");
  require_finite(b, "cg", "b");
  const DistMatrix<T> rows = a.layout() == VC_STAR ? a : redistribute(a, VC_STAR);
  return cg_of_rows([&] { return DenseRows<T>(rows); }, b, x0, options);
}

}  // namespace detail

/// Solves A X = B by conjugate gradients.
///
/// Shapes: a n x n Hermitian positive definite, in any layout; b n x k. All right-hand sides
/// share the passes over A, each has a recurrence of its own. That A is Hermitian is not checked:
/// the residual is measured, and would tell. Nor does a wrong result come of a matrix that is not
/// positive definite: either this is found out, or the residual is small all the same.
///
/// With one grid order any number of ranks gives the same x, bit by bit, for real scalars.
///
/// Collective over a's grid. Cost of an iteration: 2 n^2 k flops and one pass over A in all,
/// one allreduce of n k doubles; the iterations grow with the square root of A's condition number.
/// Memory: six n x k blocks in double precision on every rank, and one copy of A if it has to be
/// redistributed to [VC,STAR].
///
/// @throws ShapeError, InvalidArgument (NaN or infinity too) on all ranks, before anything is done;
///   NotPositiveDefiniteError on all ranks where p^H A p <= 0 for a direction p.
///
/// Source: Hestenes and Stiefel (1952).
template <DistMatrixLike A, DistMatrixLike B, class T = typename A::value_type>
Cg<T> cg(const A& a, const B& b, const CgOptions& options = {}) {
  const DistMatrix<T> right(b);
  return detail::cg_of_matrix<T>(to_dynamic(a), right, nullptr, options);
}

/// The same from a start x0, n x k.
template <DistMatrixLike A, DistMatrixLike B, DistMatrixLike X, class T = typename A::value_type>
Cg<T> cg(const A& a, const B& b, const X& x0, const CgOptions& options = {}) {
  const DistMatrix<T> right(b);
  const DistMatrix<T> start(x0);
  return detail::cg_of_matrix<T>(to_dynamic(a), right, &start, options);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                   \
  extern template Cg<T> detail::cg_of_matrix<T>(const DistMatrix<T>&, const DistMatrix<T>&, \
                                                const DistMatrix<T>*, const CgOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
