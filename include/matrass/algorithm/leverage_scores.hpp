// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Leverage scores: how much each row of a tall matrix counts for its column space.
/// Next: algorithm/tall_certificate.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <matrass/algorithm/least_squares.hpp>
#include <matrass/algorithm/start_block.hpp>
#include <matrass/core/shown.hpp>
#include <optional>
#include <string>
#include <vector>

namespace matrass {

/// qr: exact. sketch: estimates, from the QR of a sketch of A and a random projection of A R^-1.
enum class LeverageMethod { qr, sketch };

struct LeverageOptions {
  LeverageMethod method = LeverageMethod::qr;
  Index rank = 0;  ///< qr: of the space of so many leading left singular vectors; 0: numerical rank
  std::uint64_t seed = 0;  ///< of the sketch
};

namespace detail {

/// score_i = ||x_i||^2 for the rows of a panel, column-major.
template <Scalar T, class N>
void add_row_squares(const LocalPart<T>& scores, Index begin, const N* x, Index ld, Index rows,
                     Index cols) {
  for (Index i = 0; i < rows; ++i) {
    double sum = 0;
    for (Index j = 0; j < cols; ++j) sum += std::norm(x[i + j * ld]);
    scores(begin + i, 0) = static_cast<Real<T>>(sum);
  }
}

/// ||(A R^-1 C)_i||^2 of this rank's rows. Local; one pass. @param c none: the identity
template <Scalar T>
void score_rows(const LocalRows<T>& a, const Small<Wide<T>>& r,
                const std::optional<Small<Wide<T>>>& c, const LocalPart<T>& scores) {
  using N = Wide<T>;
  const int n = narrow(a.n, "columns");
  const int cols = c ? narrow(c->cols, "columns") : n;
  std::vector<N> y(static_cast<std::size_t>(c ? panel_rows(a.n) * c->cols : 0));
  for_each_solved_panel(a, r, [&](Index begin, const N* x, int ld, int rows) {
    if (c && cols > 0) {
      blas::gemm('N', 'N', rows, cols, n, N{1}, x, ld, c->data.data(), c->ld(), N{0}, y.data(),
                 rows);
    }
    add_row_squares(scores, begin, c ? y.data() : x, c ? rows : ld, rows, cols);
  });
}

/// This rank's part of S A: each row of A, with random signs, goes to `copies` of `rows` rows.
/// Depends on global row indices only. Source: Clarkson, Woodruff; Nelson, Nguyen (OSNAP).
template <Scalar T>
Small<Wide<T>> sparse_sketch(const LocalRows<T>& a, const std::vector<Index>& index, Index rows,
                             std::uint64_t seed) {
  constexpr std::uint64_t copies = 4;
  Small<Wide<T>> by_rows(a.n, rows);  // its columns are the rows of the sketch
  std::vector<Wide<T>> row(static_cast<std::size_t>(a.n));
  for (Index i = 0; i < a.m; ++i) {
    widen_rows(a, i, 1, row.data(), 1);
    for (std::uint64_t copy = 0; copy < copies; ++copy) {
      const auto at = static_cast<std::uint64_t>(index[static_cast<std::size_t>(i)]);
      const std::uint64_t drawn = mix(mix(seed) ^ (at * copies + copy));
      Wide<T>* to =
          by_rows.col(static_cast<Index>((drawn >> 1U) % static_cast<std::uint64_t>(rows)));
      const double sign = (drawn & 1U) != 0 ? 0.5 : -0.5;  // 1 / sqrt(copies)
      for (Index j = 0; j < a.n; ++j) to[j] += sign * row[static_cast<std::size_t>(j)];
    }
  }
  return by_rows;
}

template <Scalar T>
class LeverageRun {
 public:
  using N = Wide<T>;

  LeverageRun(const TallView<T>& tall, const LeverageOptions& options)
      : tall_(tall),
        problem_(tall, {}, "leverage_scores"),
        comm_(problem_.comm()),
        options_(options) {}

  void exact(const LocalPart<T>& scores) {
    const std::optional<SmallProblem<N>> small =
        problem_.reduce_by_cholesky(LstsqMethod::cholesky_qr2);
    if (!small) return by_tsqr(scores);
    Small<N> r;
    std::optional<Small<N>> turn;
    if (comm_.rank() == 0) r = small->r;
    broadcast_small(comm_, r, problem_.a().n, problem_.a().n);
    if (options_.rank > 0) {
      turn.emplace();
      if (comm_.rank() == 0) *turn = gesdd(r).u.columns(0, options_.rank);
      broadcast_small(comm_, *turn, problem_.a().n, options_.rank);
    }
    mpi::throw_together(comm_, [&] { score_rows(problem_.a(), r, turn, scores); });
  }

  /// R of S A on rank 0, S with 4 n + 64 rows; A R^-1 projected on 96 random directions if it has
  /// more columns. @throws SingularError on all ranks where S A has not full rank
  void sketched(const LocalPart<T>& scores) {
    const LocalRows<T>& a = problem_.a();
    const Index rows = 4 * a.n + 64;
    constexpr Index directions = 96;
    Small<N> sketch = mpi::throw_together(
        comm_, [&] { return sparse_sketch(a, tall_.rows.local_rows(), rows, options_.seed); });
    sum_on_root(comm_, sketch.span());
    Small<N> r;
    Index state = 0;  // 1: not finite, 2: without full rank
    mpi::throw_together(comm_, [&] {
      if (comm_.rank() != 0) return;
      for (const N& x : sketch.data) state = is_finite(x) ? state : 1;
      if (state == 0) r = QrNode<N>(0, transposed_small(sketch)).r();
      if (state == 0 && !(estimated_condition(with_unit_columns(r)) < 1e13)) state = 2;
    });
    mpi::broadcast<Index>(comm_, {&state, 1}, 0);
    if (state == 1) problem_.check();
    mpi::throw_together(comm_, [&] {
      if (state != 0) {
        throw SingularError("leverage_scores: columns must be independent for method=\"sketch\"");
      }
    });
    broadcast_small(comm_, r, a.n, a.n);
    mpi::throw_together(comm_, [&] {
      std::optional<Small<N>> project;
      if (a.n > directions) {
        project = random_block<N>(a.n, directions, options_.seed + 1, 0);
        const double size = std::sqrt(static_cast<double>(directions) * (is_complex<T> ? 2 : 1));
        for (N& x : project->data) x /= size;
      }
      score_rows(a, r, project, scores);
    });
  }

 private:
  static Small<N> transposed_small(const Small<N>& x) {
    Small<N> y(x.cols, x.rows);
    for (Index j = 0; j < x.cols; ++j) {
      for (Index i = 0; i < x.rows; ++i) y(j, i) = x(i, j);
    }
    return y;
  }

  /// Rows of Q U, where R = U S V^H, for the singular values that count.
  void by_tsqr(const LocalPart<T>& scores) {
    const LocalRows<T>& a = problem_.a();
    const Tsqr<N> qr(comm_, a.m, a.n, true, copy_of(a), problem_.scale());
    Small<N> u;
    Index rank = options_.rank;
    mpi::throw_together(comm_, [&] {
      if (comm_.rank() != 0) return;
      const SmallSvd<N> svd = gesdd(qr.r());
      if (rank == 0) rank = rank_of(svd.s, rcond_of_scores());
      u = svd.u.columns(0, rank);
    });
    mpi::broadcast<Index>(comm_, {&rank, 1}, 0);
    Small<N> mine = mpi::throw_together(comm_, [&] { return Small<N>(a.m, rank); });
    qr.apply(u, rank, mine.data.data(), std::max<Index>(1, a.m));
    add_row_squares(scores, 0, mine.data.data(), a.m, a.m, rank);
  }

  double rcond_of_scores() const {
    return std::numeric_limits<Real<T>>::epsilon() * static_cast<double>(tall_.rows.shape().rows);
  }

  const TallView<T>& tall_;
  LeastSquares<T> problem_;
  mpi::Communicator comm_;
  LeverageOptions options_;
};

template <Scalar T>
DistMatrix<T> leverage_scores_of(const DistMatrix<T>& a, const LeverageOptions& options) {
  const ProcessGrid& grid = a.grid();
  const mpi::Call call("leverage_scores", a.distribution(), options.method, options.rank,
                       options.seed);
  mpi::throw_together(grid.comm(), call, [&] {
    const Shape shape = a.shape();
    if (shape.rows < shape.cols) {
      throw ShapeError("leverage_scores: A must have at least as many rows as columns: got shape " +
                       shown(shape));
    }
    if (options.rank < 0 || options.rank > shape.cols) {
      throw InvalidArgument("leverage_scores: rank must be between 1 and " +
                            std::to_string(shape.cols) + ": got " + std::to_string(options.rank));
    }
    if (options.rank > 0 && options.method == LeverageMethod::sketch) {
      throw InvalidArgument("leverage_scores: rank must be none for method=\"sketch\"");
    }
  });
  const TallView<T> tall = tall_view(a);
  const DistMatrix<T> scores = mpi::throw_together(grid.comm(), [&] {
    return DistMatrix<T>::allocate(grid, row_aligned(tall.rows.distribution(), 1), true);
  });
  LeverageRun<T> run(tall, options);
  if (options.method == LeverageMethod::qr) {
    run.exact(scores.part());
  } else {
    run.sketched(scores.part());
  }
  return scores;
}

}  // namespace detail

/// The leverage score of each row: ||q_i||^2 where Q is an orthonormal basis of A's column space
/// (or of the space of its `rank` leading left singular vectors). In [0, 1]; they add up to the
/// rank.
///
/// Shapes: a m x n with m >= n in any layout, the result m x 1 in [VC,STAR] with a's rows where a
/// is so dealt (real numbers, also for complex a).
///
/// qr: exact to rounding for every A; columns that depend on others do not count (singular values
/// up to eps m s[0], in a's precision). sketch: each score within some 30 % (standard deviation 15
/// % for n > 96 real columns, less else) with high probability; the same for any number of ranks.
///
/// Collective over a's grid. Cost a rank: qr 4 m n^2 / p flops and three passes, or TSQR; sketch
/// m n (n + 8 + 2 min(n, 96)) / p flops and two passes, (4 n + 64) n numbers to rank 0.
/// @throws ShapeError, InvalidArgument on all ranks; SingularError (sketch) without full rank.
/// Source: Drineas, Magdon-Ismail, Mahoney, Woodruff (2012).
template <DistMatrixLike A>
DistMatrix<typename A::value_type> leverage_scores(const A& a,
                                                   const LeverageOptions& options = {}) {
  return detail::leverage_scores_of(to_dynamic(a), options);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                           \
  extern template DistMatrix<T> detail::leverage_scores_of<T>(const DistMatrix<T>&, \
                                                              const LeverageOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
