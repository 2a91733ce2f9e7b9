// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Conjugate gradients on the normal equations of ridge regression. Included by ridge.hpp.
/// Next: algorithm/leverage_scores.hpp
#pragma once

#include <matrass/algorithm/ridge.hpp>
#include <matrass/core/step.hpp>

namespace matrass::detail {

/// Conjugate gradients for several right-hand sides at once, each with its own penalty and numbers.
/// Rank 0's. Source: Hestenes, Stiefel (1952).
template <class N>
class ConjugateGradients {
 public:
  ConjugateGradients(const Small<N>& y, const Penalties& groups, double tol)
      : x_(y.rows, y.cols), r_(y), p_(y), groups_(groups) {
    for (Index j = 0; j < y.cols; ++j) {
      squares_.push_back(square(r_, j));
      targets_.push_back(tol * tol * squares_.back());
    }
  }

  bool finished() const {
    bool all = true;
    for (std::size_t j = 0; j < squares_.size(); ++j) all = all && squares_[j] <= targets_[j];
    return all;
  }

  /// @param w A^H A p; what has converged stays as it is
  void step(Small<N> w) {
    for (const auto& [alpha, which] : groups_) {
      for (const Index j : which) {
        const auto at = static_cast<std::size_t>(j);
        if (squares_[at] <= targets_[at]) continue;
        double curvature = 0;
        for (Index i = 0; i < w.rows; ++i) {
          w(i, j) += alpha * p_(i, j);
          curvature += std::real(conjugate(p_(i, j)) * w(i, j));
        }
        const double length = squares_[at] / curvature;
        for (Index i = 0; i < w.rows; ++i) {
          x_(i, j) += length * p_(i, j);
          r_(i, j) -= length * w(i, j);
        }
        const double before = std::exchange(squares_[at], square(r_, j));
        for (Index i = 0; i < w.rows; ++i) p_(i, j) = r_(i, j) + squares_[at] / before * p_(i, j);
      }
    }
  }

  bool finite() const {
    bool all = true;
    for (const double x : squares_) all = all && std::isfinite(x);
    return all;
  }

  Small<N>& p() { return p_; }
  Small<N>& x() { return x_; }

 private:
  static double square(const Small<N>& x, Index j) {
    double sum = 0;
    for (Index i = 0; i < x.rows; ++i) sum += std::norm(x(i, j));
    return sum;
  }

  Small<N> x_;
  Small<N> r_;  ///< residuals of the normal equations
  Small<N> p_;
  const Penalties& groups_;
  std::vector<double> squares_;  ///< ||r_j||^2
  std::vector<double> targets_;
};

/// @returns the number of steps. Collective. Cost of a step: one pass over A, 4 m n k / p flops, n
/// k numbers to rank 0 and back.
template <Scalar T>
Index RidgeRun<T>::iterate() {
  const LocalRows<T>& a = problem_.a();
  Small<N> y = right_;
  if (wide_) {
    problem_.check();
  } else {
    TallSums<N> sums = mpi::throw_together(
        comm_, [&] { return residual_sums(a, problem_.b(), Small<N>(a.n, k_)); });
    sum_on_root(comm_, sums);
    refuse_unless(is_finite_sum(sums));
    y = std::move(sums.cross);
  }
  const double tol = options_.tol > 0 ? options_.tol : default_tol<T>();
  std::optional<ConjugateGradients<N>> cg;
  TallBlocks<T> memory(a.m);
  typename TallBlocks<T>::Block image{};
  mpi::throw_together(comm_, [&] {
    if (root()) cg.emplace(y, groups_, tol);
    image = memory.add(k_);
  });
  const Index most = options_.max_steps > 0 ? options_.max_steps : std::max<Index>(1000, 10 * a.n);
  for (Index steps = 0;; ++steps) {
    refuse_unless(!cg || cg->finite());
    if (told_by_root(cg && cg->finished())) {
      if (cg) x_ = std::move(cg->x());
      if (wide_) wide_->add_image(x_);
      return steps;
    }
    if (steps == most) break;
    Small<N> p;
    if (cg) p = cg->p();
    broadcast_small(comm_, p, a.n, k_);
    Small<N> w = mpi::throw_together(comm_, [&] {
      mark_step();
      Small<N> sum;
      normal_product(a, Pass::both, p, image, sum);
      return sum;
    });
    sum_on_root(comm_, w.span());
    if (cg) cg->step(std::move(w));
  }
  mpi::throw_together(comm_, [&] {
    throw Error("ridge: cg must converge: got residuals above tol after " + std::to_string(most) +
                " steps (a larger alpha, tol or max_steps, or another method)");
  });
  return most;
}

}  // namespace matrass::detail
