// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The truncated SVD of a tall matrix whose rows are dealt to the ranks: the iteration and its end.
/// Next: algorithm/svd_iteration.hpp, algorithm/svd_end.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <matrass/algorithm/krylov_basis.hpp>
#include <matrass/algorithm/start_block.hpp>
#include <matrass/algorithm/svd_finish.hpp>
#include <matrass/algorithm/tall_rows.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace matrass::detail {

/// One run. Rank 0 holds the short side (basis, small problems), decides, and tells the others;
/// every rank applies its rows of A and keeps its rows of Y. Where n is large the basis is dealt to
/// all ranks by rows, and only small problems and decisions are rank 0's.
///
/// Memory: Y takes at most `most_vectors()` columns of this rank's rows, at most half of what a
/// dense A has; Q is as wide. Each pass sends n x b numbers to rank 0 and back, or summed to their
/// owners and from there to all.
template <Scalar T, TallRows<T> Rows = LocalRows<T>>
class SvdRun {
 public:
  using N = Wide<T>;
  /// The global index of a local row, for random vectors and messages.
  using RowIndex = std::function<Index(Index)>;

  /// @param a this rank's rows of an m x n matrix with m >= n >= 1 (m summed over ranks)
  /// @param name of the routine, for errors
  SvdRun(const Rows& a, const mpi::Communicator& comm, Index k, const SvdOptions& options,
         RowIndex row_index, std::string name = "truncated_svd")
      : a_(a),
        comm_(comm),
        k_(k),
        options_(options),
        name_(std::move(name)),
        row_index_(std::move(row_index)),
        tol_(std::max(options.tol > 0 ? options.tol : default_tol<T>(), 50 * eps)),
        block_(std::min(a.n, options.block > 0 ? options.block : vectors_in_block(a))),
        y_(a.m),
        side_(comm.size() > 1 && a.n >= dealt_from() ? ShortSide(a.n, comm) : ShortSide(a.n)),
        basis_(side_, limits()) {}

  /// From this many columns on the basis is dealt to all ranks: the products with it then take
  /// longer than the messages. A test makes it small.
  static Index& dealt_from() {
    static Index columns = 8192;
    return columns;
  }

  /// With thick restarts: after so many passes it gives up. A test makes it small.
  static int& most_passes() {
    static int passes = 2000;
    return passes;
  }

  /// Which residual is reported, and is not zero by construction: ||A v - s u||, or ||A^H u - s v||
  /// (for a caller that works on the transpose).
  enum class Residual { of_v, of_u };

  /// @param u where this rank's rows of U go, with k columns
  /// Collective.
  LocalSvd<T> run(const LocalColumns<T>& u, Residual residual = Residual::of_v) {
    u_ = u;
    transposed_ = residual == Residual::of_u;
    if (method() == SvdMethod::tsqr) {
      refuse_or_scale();
      direct();
    } else {
      from_gram_ = method() == SvdMethod::gram;
      iterate(begin());
    }
    if (transposed_) {
      mpi::throw_together(comm_,
                          [&] { next_ = side_.is_dealt() ? side_.mine_of(result_.v) : result_.v; });
      if (!result_.direct) finish_right();
      measure_adjoint();
    }
    for (double& s : result_.s) s *= scale_;
    for (double& r : result_.residual) r *= scale_;
    return std::move(result_);
  }

 private:
  static constexpr double eps = std::numeric_limits<Real<T>>::epsilon();
  static constexpr int most_restarts = 4;

  /// expand: pass over A for Y and W, then decide anew. inject, restart, thick_restart: change the
  /// basis, then expand. last: pass for Y, then finish if the residuals are small enough. finish:
  /// nothing is left to expand. gram: begin anew from A^H A. direct: give up the iteration.
  enum class Action { expand, inject, restart, thick_restart, last, finish, gram, direct };

  /// What rank 0 tells the others.
  struct Order {
    Action action = Action::expand;
    Index width = 0;  ///< of the next pass; random vectors to inject or to restart with
    double residual = std::numeric_limits<double>::infinity();  ///< estimate, relative
  };

  bool root() const { return comm_.rank() == 0; }
  /// Whether this rank works on the basis.
  bool holds() const { return root() || side_.is_dealt(); }
  /// The newest vectors with all rows, as every rank has them in a pass.
  const Small<N>& whole() const { return side_.is_dealt() ? whole_ : next_; }

  KrylovLimits limits() const {
    // A q of a null vector q is rounding: some eps times the Frobenius norm of A.
    const double noise = 4 * eps * std::sqrt(std::min(static_cast<double>(a_.n), 100.0));
    return {eps, std::max(noise, 0.01 * tol_)};
  }

  /// Whether it restarts from what it has found so far rather than keep all vectors.
  bool thick() const {
    return options_.method == SvdMethod::lanczos ||
           (options_.method == SvdMethod::automatic && keeps_few_blocks(a_));
  }

  /// What a thick restart keeps.
  Index kept_vectors() const { return k_ + block_; }

  Index most_vectors() const {
    constexpr Index plenty = 512;
    if (thick()) return std::min(a_.n - block_, 2 * (k_ + block_) + 8 * block_);
    return std::max(std::min(a_.n / 2, std::max(plenty, 4 * k_)), k_ + 3 * block_);
  }

  /// The iteration has no room where the blocks would span most of the space: then A = QR is
  /// cheaper. A pass takes 4 m n b flops and A^H A takes m n^2, as much as n / 4b passes: where few
  /// columns make that less than the fewest passes, the iteration begins there.
  SvdMethod method() const {
    const bool automatic = options_.method == SvdMethod::automatic;
    const bool direct = options_.method == SvdMethod::gram || options_.method == SvdMethod::tsqr;
    if (direct) return options_.method;
    if (2 * (k_ + 2 * block_) > a_.n) return SvdMethod::tsqr;
    return automatic && passes_of_gram() < blocks(k_) + 5 ? SvdMethod::gram : SvdMethod::randomized;
  }

  double blocks(Index vectors) const {
    return static_cast<double>(vectors) / static_cast<double>(block_);
  }
  /// What A^H A costs in passes, and the pass with k + b vectors and the last one after it.
  double passes_of_gram() const { return gram_in_passes(a_, block_) + 1.5 * blocks(k_ + block_); }
  double passes_left(double before, double residual) const;

  // Passes over A: svd_passes.hpp
  void pass(Pass kind, Index width);
  void multiply_rows(Pass kind);
  void adjoint_of_newest();
  void bring_together();
  void sum_on_root(std::span<N> values);
  Small<N> from_root(Small<N> all);
  void check_first_pass(Pass kind);
  void refuse_or_scale();
  Small<N> gram_matrix();

  // The iteration: svd_iteration.hpp
  Order begin();
  void iterate(Order order);
  Order decide_together();
  Order decide();
  Order restart_or_direct(double residual);
  Index carry_out(const Order& order);
  Index injected() const;
  void restart(Index count);
  void thick_restart();
  bool slower_than_gram(double residual);
  bool misses_copies() const;
  Small<N> random_vectors(Index count);

  // The end: svd_end.hpp
  bool finish();
  Small<N> ritz_rotation(const Small<N>& triangle, Index rank, const Small<N>& more);
  void right_vectors(Small<N>& rotation);
  void measure(const Small<N>& rotation);
  Small<N> completing_vectors(Index count) const;
  void direct(double residual = 0);
  void finish_right();
  void measure_adjoint();

  Rows a_;
  mpi::Communicator comm_;
  Index k_;
  SvdOptions options_;
  std::string name_;
  RowIndex row_index_;
  double tol_;
  Index block_;
  double scale_ = 1;
  LocalColumns<T> u_;
  TallBlocks<T> y_;
  typename TallBlocks<T>::Block newest_{};
  ShortSide side_;
  Small<N> next_;   ///< the columns of Q that the next pass applies A to: on rank 0, or dealt
  Small<N> whole_;  ///< the same with all rows, where they are dealt
  Small<N> w_;
  Small<N> d_;  ///< coordinates of v in Q
  LocalSvd<T> result_;
  bool checked_ = false;     ///< A is known to be finite
  bool transposed_ = false;  ///< A is the transpose of what the caller was given

  KrylovBasis<N> basis_;  ///< on rank 0, or dealt; from here on: rank 0 only
  Ritz<N> ritz_;
  typename KrylovBasis<N>::Kept kept_;  ///< by a thick restart
  Index starts_ = 0;       ///< independent random vectors that the basis has grown from
  Index random_used_ = 0;  ///< random vectors taken so far
  int restarts_ = 0;
  bool from_gram_ = false;  ///< whether the iteration began from A^H A
  double last_residual_ = std::numeric_limits<double>::infinity();  ///< before the last pass
};

}  // namespace matrass::detail

#include <matrass/algorithm/svd_end.hpp>
#include <matrass/algorithm/svd_iteration.hpp>
#include <matrass/algorithm/svd_passes.hpp>
