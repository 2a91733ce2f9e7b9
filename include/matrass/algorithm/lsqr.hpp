// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Least squares by LSQR, several right-hand sides at once, for any shape.
/// Next: algorithm/kmeans.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <matrass/algorithm/lsqr_recurrence.hpp>
#include <matrass/algorithm/vectors.hpp>
#include <matrass/core/shown.hpp>
#include <matrass/core/step.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

/// Lists have an entry for each right-hand side.
template <Scalar T>
struct Lsqr {
  DistMatrix<T> x;                      ///< n x k in [VC,STAR]
  Index iterations = 0;                 ///< of the slowest right-hand side
  std::vector<double> residual;         ///< ||b - A x||, measured
  std::vector<double> normal_residual;  ///< ||A^H (b - A x) - damp^2 x||, measured
  std::vector<double> condition;        ///< estimate of the condition number of [A; damp I]
  bool converged = false;               ///< whether atol and btol are met by what was measured
};

namespace detail {

/// A given by its rows: u is dealt as they are, v is whole on every rank.
template <RowOperator Op>
struct TallSystem {
  using T = typename Op::value_type;
  using U = DealtVectors<T>;
  using V = WholeVectors<T>;
  const Op& op;

  const mpi::Communicator& comm() const { return op.comm(); }
  U range(Index k) const {
    return U(static_cast<Index>(op.row_indices().size()), k, padded_columns(op, k));
  }
  V domain(Index k) const { return V(op.shape().cols, k); }

  /// u = A v. Collective.
  void apply(const V& v, U& u) const {
    mpi::throw_together(comm(), [&] { op.apply(v.values(), u.block()); });
  }
  /// v = A^H u. Collective.
  void apply_adjoint(const U& u, V& v) const {
    mpi::throw_together(comm(), [&] {
      mark_step();
      op.apply_adjoint(u.block(), v.values());
    });
    mpi::allreduce(comm(), v.values().span());
  }
  /// u = A v - u diag(alpha), w = A^H u. Collective.
  void update(const V& v, const std::vector<double>& alpha, U& u, U& spare, V& w) const {
    if constexpr (FusedOperator<Op>) {
      mpi::throw_together(comm(), [&] {
        mark_step();
        op.update(v.values(), alpha, u.block(), w.values());
      });
      mpi::allreduce(comm(), w.values().span());
    } else {
      apply(v, spare);
      std::vector<double> minus(alpha.size());
      std::transform(alpha.begin(), alpha.end(), minus.begin(), [](double x) { return -x; });
      combine(std::vector<double>(alpha.size(), 1), spare, minus, u);
      apply_adjoint(u, w);
    }
  }
};

/// A given by the rows of B = A^H: u is whole on every rank, v is dealt as the rows of B are.
template <RowOperator Op>
struct WideSystem {
  using T = typename Op::value_type;
  using U = WholeVectors<T>;
  using V = DealtVectors<T>;
  const Op& op;

  const mpi::Communicator& comm() const { return op.comm(); }
  U range(Index k) const { return U(op.shape().cols, k); }
  V domain(Index k) const {
    return V(static_cast<Index>(op.row_indices().size()), k, padded_columns(op, k));
  }

  void apply(const V& v, U& u) const {
    mpi::throw_together(comm(), [&] { op.apply_adjoint(v.block(), u.values()); });
    mpi::allreduce(comm(), u.values().span());
  }
  void apply_adjoint(const U& u, V& v) const {
    mpi::throw_together(comm(), [&] { op.apply(u.values(), v.block()); });
  }
  void update(const V& v, const std::vector<double>& alpha, U& u, U& spare, V& w) const {
    apply(v, spare);
    std::vector<double> minus(alpha.size());
    std::transform(alpha.begin(), alpha.end(), minus.begin(), [](double x) { return -x; });
    combine(std::vector<double>(alpha.size(), 1), spare, minus, u);
    apply_adjoint(u, w);
  }
};

/// What lsqr_of() finds; x as the system has its domain.
template <class V>
struct LsqrState {
  V x;
  Index iterations = 0;
  std::vector<double> residual{};
  std::vector<double> normal_residual{};
  std::vector<double> condition{};
  bool converged = false;
};

/// One solve: Golub and Kahan's bidiagonalisation of all right-hand sides side by side, a
/// recurrence for each. Columns that are done become zero and stay so.
template <class System>
class LsqrRun {
 public:
  using U = typename System::U;
  using V = typename System::V;

  LsqrRun(const System& system, U b, const LsqrOptions& options)
      : system_(system),
        options_(options),
        k_(b.cols()),
        b_(std::move(b)),
        u_(system.range(k_)),
        spare_(system.range(k_)),
        v_(system.domain(k_)),
        w_(system.domain(k_)),
        next_(system.domain(k_)),
        x_(system.domain(k_)) {}

  /// Collective.
  LsqrState<V> run(Index maxiter) {
    start();
    Index iterations = 0;
    while (iterations < maxiter && any_active()) {
      ++iterations;
      iterate();
    }
    return finish(iterations);
  }

 private:
  using List = std::vector<double>;

  List ones() const { return all(1); }
  List zeros() const { return all(0); }
  List all(double value) const {
    List list(static_cast<std::size_t>(k_), value);
    return list;
  }

  /// 1 / x, and 0 for 0.
  static List inverses(const List& x) {
    List result;
    for (const double each : x) result.push_back(each > 0 ? 1 / each : 0);
    return result;
  }

  bool any_active() const {
    return std::any_of(rules_.begin(), rules_.end(), [](const auto& r) { return r.active(); });
  }

  void start() {
    combine(ones(), b_, zeros(), u_);
    const List beta = norms(system_.comm(), u_);
    scale(inverses(beta), u_);
    system_.apply_adjoint(u_, v_);
    alpha_ = norms(system_.comm(), v_);
    scale(inverses(alpha_), v_);
    combine(ones(), v_, zeros(), w_);
    for (std::size_t c = 0; c < beta.size(); ++c) rules_.emplace_back(beta[c], alpha_[c], options_);
  }

  void iterate() {
    system_.update(v_, alpha_, u_, spare_, next_);  // next = A^H u before u is normalised
    const List beta = norms(system_.comm(), u_);
    const List inverse = inverses(beta);
    scale(inverse, u_);
    List minus_beta = beta;
    for (double& each : minus_beta) each = -each;
    combine(inverse, next_, minus_beta, v_);
    alpha_ = norms(system_.comm(), v_);
    scale(inverses(alpha_), v_);
    const List wnorm = norms(system_.comm(), w_);
    List steps = zeros();
    List turns = zeros();
    List alive = zeros();
    for (std::size_t c = 0; c < rules_.size(); ++c) {
      if (!rules_[c].active()) continue;
      const LsqrRecurrence::Move move = rules_[c].advance(beta[c], alpha_[c], wnorm[c]);
      steps[c] = move.step;
      turns[c] = move.turn;
      alive[c] = rules_[c].active() ? 1 : 0;
      if (alive[c] == 0) alpha_[c] = 0;
    }
    combine(steps, w_, ones(), x_);
    combine(ones(), v_, turns, w_);
    for (auto* vectors : {&v_, &w_}) scale(alive, *vectors);
    scale(alive, u_);
  }

  LsqrState<V> finish(Index iterations) {
    system_.apply(x_, u_);
    combine(ones(), b_, List(static_cast<std::size_t>(k_), -1), u_);
    List residual = norms(system_.comm(), u_);
    system_.apply_adjoint(u_, v_);
    const List xnorm = norms(system_.comm(), x_);
    combine(List(static_cast<std::size_t>(k_), -options_.damp * options_.damp), x_, ones(), v_);
    List normal = norms(system_.comm(), v_);
    List condition;
    bool converged = true;
    for (std::size_t c = 0; c < rules_.size(); ++c) {
      condition.push_back(rules_[c].condition());
      converged = converged && rules_[c].confirms(residual[c], normal[c], xnorm[c]);
    }
    return {std::move(x_),     iterations,           std::move(residual),
            std::move(normal), std::move(condition), converged};
  }

  const System& system_;
  LsqrOptions options_;
  Index k_;
  U b_;
  U u_;
  U spare_;
  V v_;
  V w_;
  V next_;
  V x_;
  List alpha_;
  std::vector<LsqrRecurrence> rules_;
};

/// min ||B - A X|| (with damping) for an operator given by its rows (TallSystem), or by those of
/// its adjoint (WideSystem). Collective over op's communicator.
/// @param b as the system has its range
template <class System>
LsqrState<typename System::V> lsqr_of(const System& system, typename System::U b,
                                      const LsqrOptions& options, Index maxiter) {
  std::optional<LsqrRun<System>> run;
  mpi::throw_together(system.comm(), [&] { run.emplace(system, std::move(b), options); });
  return run->run(maxiter);
}

/// Of a matrix A with this grid and shape. @throws InvalidArgument, ShapeError
template <Scalar T>
void require_least_squares(const ProcessGrid& grid, Shape shape, const DistMatrix<T>& b,
                           const LsqrOptions& o) {
  if (b.shape().rows != shape.rows) {
    throw ShapeError("lsqr: b must have as many rows as A: got " + std::to_string(b.shape().rows) +
                     " and " + std::to_string(shape.rows));
  }
  if (!(grid == b.grid())) {
    throw InvalidArgument("lsqr: A and b must share one process grid (build both on one Grid)");
  }
  const auto require_size = [](double x, const char* name) {
    if (std::isfinite(x) && x >= 0) return;
    throw InvalidArgument(std::string("lsqr: ") + name + " must be finite and not negative: got " +
                          shown(x));
  };
  require_size(o.damp, "damp");
  require_size(o.atol, "atol");
  require_size(o.btol, "btol");
  require_size(o.conlim, "conlim");
  require_size(o.ntol, "ntol");
}

/// x as a matrix: that of a wide A's conjugated system lies where `rows` do. Collective.
template <Scalar T, class V>
Lsqr<T> lsqr_result(const ProcessGrid& grid, const Distribution& rows, LsqrState<V> found) {
  return mpi::throw_together(grid.comm(), [&] {
    DistMatrix<T> x;
    if constexpr (V::dealt) {
      x = matrix_of(grid, rows, found.x, true);
    } else {
      x = dealt<T>(grid, found.x.values(), false);
    }
    return Lsqr<T>{x,
                   found.iterations,
                   std::move(found.residual),
                   std::move(found.normal_residual),
                   std::move(found.condition),
                   found.converged};
  });
}

/// A wide A is conj(B^H) where B = A^T has the dealt rows: conj(A) conj(x) = conj(b) is solved.
/// @param tall a view of A by rows, or of A^T @param op the products with these rows
/// Collective.
template <class View, RowOperator Op, class T = typename Op::value_type>
Lsqr<T> lsqr_of_rows(const View& tall, const Op& op, const Distribution& rows,
                     const DistMatrix<T>& b, const LsqrOptions& options, Index maxiter) {
  const ProcessGrid& grid = b.grid();
  if (tall.transposed) {
    const WideSystem<Op> system{op};
    return lsqr_result<T>(grid, rows, lsqr_of(system, whole_vectors(b, true), options, maxiter));
  }
  const TallSystem<Op> system{op};
  return lsqr_result<T>(grid, rows,
                        lsqr_of(system, dealt_vectors(op, b, rows, false), options, maxiter));
}

template <Scalar T>
Lsqr<T> lsqr_of_matrix(const DistMatrix<T>& a, const DistMatrix<T>& b, const LsqrOptions& options) {
  const mpi::Call call("lsqr", a.distribution(), b.distribution(), options.damp, options.atol,
                       options.btol, options.conlim, options.maxiter, options.ntol);
  mpi::throw_together(a.grid().comm(), call,
                      [&] { require_least_squares(a.grid(), a.shape(), b, options); });
  require_finite(a, "lsqr", "A");
  require_finite(b, "lsqr", "b");
  const Index maxiter = options.maxiter >= 0 ? options.maxiter : 2 * a.shape().cols;
  const TallView<T> tall = tall_view(a);
  std::optional<DenseRows<T>> op;
  mpi::throw_together(a.grid().comm(), [&] { op.emplace(tall.rows); });
  return lsqr_of_rows(tall, *op, tall.rows.distribution(), b, options, maxiter);
}

}  // namespace detail

/// Minimises ||b - A x||^2 + damp^2 ||x||^2 for each column b of `b`; the x of smallest norm.
///
/// Shapes: a m x n in any layout, tall or wide; b m x k. All right-hand sides share the passes over
/// A, each has a recurrence of its own, and stops by scipy.sparse.linalg.lsqr's rules. Residuals
/// are measured after the end, and `converged` is said of these.
///
/// Collective over a's grid. Cost of an iteration: 4 m n k flops; one pass over a tall A, two over
/// a wide one; one allreduce of min(m, n) k doubles and some of k. Memory: six blocks of k columns
/// with this rank's rows or min(m, n) rows (in whole vector registers), and one copy of A if it has
/// to be redistributed.
///
/// @throws ShapeError, InvalidArgument (NaN or infinity too) on all ranks, before anything is done.
///
/// Source: Paige and Saunders (1982).
template <DistMatrixLike A, DistMatrixLike B, class T = typename A::value_type>
Lsqr<T> lsqr(const A& a, const B& b, const LsqrOptions& options = {}) {
  const DistMatrix<T> right(b);
  return detail::lsqr_of_matrix<T>(to_dynamic(a), right, options);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                       \
  extern template Lsqr<T> detail::lsqr_of_matrix<T>(const DistMatrix<T>&, const DistMatrix<T>&, \
                                                    const LsqrOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
