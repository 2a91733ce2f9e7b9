// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// R of a tall matrix from A^H A, made exact by a second pass, as long as that is measured to be
/// safe. Next: algorithm/tall_qr.hpp
#pragma once

#include <cmath>
#include <limits>
#include <matrass/algorithm/start_block.hpp>
#include <matrass/algorithm/tall_sums.hpp>
#include <matrass/algorithm/tall_view.hpp>
#include <matrass/core/shown.hpp>
#include <string>
#include <vector>

namespace matrass::detail {

/// What A^H A says of the way to go on. fit: Cholesky's. unfit: Householder's, as A^H A has lost
/// too much. overflow: some sum is not finite, perhaps because A is not.
enum class Fitness : Index { fit, unfit, overflow };

/// The upper triangle of a Hermitian `g` becomes its Cholesky factor R, the rest zero.
/// @returns the smallest r_jj / sqrt(g_jj): small where a column nearly depends on those before it,
///   whatever the columns' scales; 0 where the factorisation fails.
template <class N>
double cholesky_upper(Small<N>& g) {
  std::vector<double> lengths;
  lengths.reserve(static_cast<std::size_t>(g.cols));
  for (Index j = 0; j < g.cols; ++j) lengths.push_back(std::sqrt(std::real(g(j, j))));
  if (potrf('U', narrow(g.cols, "Cholesky: columns"), g.data.data(), g.ld()) != 0) return 0;
  double smallest = 1;
  for (Index j = 0; j < g.cols; ++j) {
    std::fill(g.col(j) + j + 1, g.col(j) + g.rows, N{0});
    smallest = std::min(smallest, std::real(g(j, j)) / lengths[static_cast<std::size_t>(j)]);
  }
  return smallest;
}

/// b <- R^-1 b, or R^-H b with op 'C'.
template <class N>
void solve_triangle(char op, const Small<N>& r, Small<N>& b) {
  if (r.cols == 0 || b.cols == 0) return;
  trsm('L', 'U', op, 'N', static_cast<int>(r.cols), narrow(b.cols, "right-hand sides"),
       r.data.data(), r.ld(), b.data.data(), b.ld());
}

/// About the 2-norm condition number of the upper triangular R, from below: power iteration for the
/// largest and the smallest singular value, 20 n^2 flops.
template <class N>
double estimated_condition(const Small<N>& r) {
  constexpr int steps = 10;
  const auto grow = [&](auto&& apply) {
    Small<N> x(r.cols, 1);
    for (Index i = 0; i < x.rows; ++i) x(i, 0) = counter_normal_of<N>(1, i, 0);
    double square = 0;  // of the growth in the last step
    for (int step = 0; step < steps; ++step) {
      double length = 0;
      for (const N& value : x.data) length += std::norm(value);
      for (N& value : x.data) value /= std::sqrt(length);
      apply(x);
      square = 0;
      for (const N& value : x.data) square += std::norm(value);
    }
    return std::sqrt(square);  // an eigenvalue of R^H R or of its inverse
  };
  if (r.cols == 0) return 1;
  const double largest = grow([&](Small<N>& x) {
    x = multiply('N', r, 'N', x);
    x = multiply('C', r, 'N', x);
  });
  const double inverse = grow([&](Small<N>& x) {
    solve_triangle('C', r, x);
    solve_triangle('N', r, x);
  });
  const double product = largest * inverse;
  return std::isfinite(product) ? std::sqrt(product) : std::numeric_limits<double>::infinity();
}

/// R with its columns divided by their lengths: what Cholesky and the solves feel.
template <class N>
Small<N> with_unit_columns(Small<N> r) {
  for (Index j = 0; j < r.cols; ++j) {
    double square = 0;
    for (Index i = 0; i <= j; ++i) square += std::norm(r(i, j));
    for (Index i = 0; i <= j; ++i) r(i, j) /= std::sqrt(square);
  }
  return r;
}

/// ||G - I||_F of a Hermitian G, of which the upper triangle is given.
template <class N>
double far_from_identity(const Small<N>& g) {
  double sum = 0;
  for (Index j = 0; j < g.cols; ++j) {
    for (Index i = 0; i < j; ++i) sum += 2 * std::norm(g(i, j));
    sum += std::norm(g(j, j) - N{1});
  }
  return std::sqrt(sum);
}

/// Gives rank 0's `x` (rows x cols) to all ranks. Collective.
template <class N>
void broadcast_small(const mpi::Communicator& comm, Small<N>& x, Index rows, Index cols) {
  mpi::throw_together(comm, [&] {
    if (comm.rank() != 0) x = Small<N>(rows, cols);
  });
  mpi::broadcast<N>(comm, x.span(), 0);
}

/// Throws on all ranks if an element is NaN or infinite. @returns the largest modulus of all.
/// Collective; one pass.
/// @param name of the routine @param letter of the matrix @param index of its rows on this rank
template <Scalar T>
double require_finite(const mpi::Communicator& comm, const LocalRows<T>& a,
                      const std::vector<Index>& index, bool transposed, const std::string& name,
                      const std::string& letter) {
  const Extremes found = mpi::throw_together(comm, [&] {
    Extremes mine = extremes(a);
    if (mine.not_finite) {
      Index i = index[static_cast<std::size_t>(mine.not_finite->first)];
      Index j = mine.not_finite->second;
      if (transposed) std::swap(i, j);
      throw InvalidArgument(name + ": " + letter + " must be finite: got NaN or infinity at " +
                            shown(i, j));
    }
    return mine;
  });
  return mpi::allreduce(comm, found.largest, MPI_MAX);
}

/// One run of CholeskyQR2 of the m x n matrix A with m >= n, and Q^H B beside it. Rank 0 holds the
/// small matrices, decides, and tells the others. Everything small, and the rows while they are in
/// cache, is in double precision for every scalar.
///
/// first() is Cholesky of A^H A = R1^H R1: R1 is R with an error of cond(A)^2 eps. second() forms
/// X = A R1^-1 panel by panel, and its Gram matrix: if that is within 5/64 of I, the R2 of X makes
/// R = R2 R1 and Q = X R2^-1 as good as Householder's (Yamamoto et al., theorem 3.1, whose
/// condition on cond(A) is here replaced by the measured distance, and cond(A) by that of A with
/// columns of length 1: neither Cholesky nor the solves feel the columns' scales).
///
/// Source: Yamamoto, Nakatsukasa, Yanagisawa, Fukaya, "Roundoff error analysis of the CholeskyQR2
/// algorithm" (2015); in double for single precision: Yamazaki, Tomov, Dongarra (2015).
template <Scalar T>
class CholeskyQr {
 public:
  using N = Wide<T>;

  /// @param b with the rows of `a`; 0 columns where there is none
  CholeskyQr(const LocalRows<T>& a, const LocalRows<T>& b, const mpi::Communicator& comm)
      : a_(a), b_(b), comm_(comm) {}

  /// Collective. Cost: m n (n + 2 k) / p flops, one pass; n (n + k) numbers to rank 0, n^2 / 2
  /// back.
  Fitness first() {
    sums_ = mpi::throw_together(comm_, [&] { return tall_sums(a_, b_); });
    sum_on_root(comm_, sums_);
    const Fitness found = decide([&] { return judge(); });
    mpi::broadcast<double>(comm_, {&condition_, 1}, 0);
    if (found == Fitness::fit) broadcast_small(comm_, r1_, a_.n, a_.n);
    return found;
  }

  /// After a fit first(): about the condition number of A with columns of length 1; on all ranks.
  double condition() const { return condition_; }

  /// After a fit first(). @param q gets X, and keeps it whatever comes of this
  /// @returns whether R is good. Collective. Cost: 2 m n (n + k) / p flops, one pass.
  bool second(const LocalPart<T>& q = {}) {
    TallSums<N> sums = mpi::throw_together(comm_, [&] { return solved_sums(a_, r1_, b_, q); });
    sum_on_root(comm_, sums);
    const Fitness found = decide([&] { return judge_second(std::move(sums)); });
    distance_ = mpi::allreduce(comm_, distance_, MPI_MAX);
    return found == Fitness::fit;
  }

  /// ||X^H X - I||_F, as second() measured it; on all ranks.
  double distance() const { return distance_; }

  /// X in q becomes Q. Collective. Cost: m n^2 / p flops, one pass over q.
  void third(const LocalPart<T>& q) {
    broadcast_small(comm_, r2_, a_.n, a_.n);
    mpi::throw_together(comm_, [&] { solve_rows(q, r2_); });
  }

  // On rank 0:
  Small<N>& r1() { return r1_; }                                  ///< after first()
  const Small<N>& r() const { return r_; }                        ///< after second()
  const Small<N>& adjoint_times_q() const { return q_times_b_; }  ///< Q^H B, after second()
  const TallSums<N>& sums() const { return sums_; }               ///< of A and B; A^H A as it was

 private:
  /// Beyond these, sums of squares may have lost small parts or be near overflow.
  static constexpr double smallest_square = 1e-280;
  static constexpr double largest_square = 1e280;
  static constexpr double eps = std::numeric_limits<double>::epsilon();

  template <class F>
  Fitness decide(F&& f) {
    const Fitness mine =
        mpi::throw_together(comm_, [&] { return comm_.rank() == 0 ? f() : Fitness::fit; });
    auto told = static_cast<Index>(mine);
    mpi::broadcast<Index>(comm_, {&told, 1}, 0);
    return static_cast<Fitness>(told);
  }

  Fitness judge() {
    Fitness found = Fitness::fit;
    for (Index j = 0; j < a_.n; ++j) {
      const double square = std::real(sums_.gram(j, j));
      if (!std::isfinite(square)) return Fitness::overflow;
      if (square < smallest_square || square > largest_square) found = Fitness::unfit;
    }
    for (const double square : sums_.squares) {
      if (!std::isfinite(square)) return Fitness::overflow;
    }
    if (found != Fitness::fit) return found;
    r1_ = sums_.gram;
    // Below this, eps / pivot^2 would leave X far from orthonormal: the second pass is not tried.
    const double pivot = cholesky_upper(r1_);
    if (pivot * pivot <= 64 * static_cast<double>(a_.n) * eps) return Fitness::unfit;
    condition_ = estimated_condition(with_unit_columns(r1_));
    return Fitness::fit;
  }

  Fitness judge_second(TallSums<N> sums) {
    constexpr double most = 5.0 / 64;
    distance_ = far_from_identity(sums.gram);
    if (!(distance_ <= most)) return Fitness::unfit;
    r2_ = std::move(sums.gram);
    if (cholesky_upper(r2_) == 0) return Fitness::unfit;
    r_ = r1_;
    const int n = static_cast<int>(a_.n);
    if (n > 0) blas::trmm('L', 'U', 'N', n, n, r2_.data.data(), r2_.ld(), r_.data.data(), r_.ld());
    q_times_b_ = std::move(sums.cross);
    solve_triangle('C', r2_, q_times_b_);
    return Fitness::fit;
  }

  LocalRows<T> a_;
  LocalRows<T> b_;
  mpi::Communicator comm_;
  TallSums<N> sums_;
  Small<N> r1_;
  Small<N> r2_;
  Small<N> r_;
  Small<N> q_times_b_;
  double condition_ = 0;
  double distance_ = 0;
};

}  // namespace matrass::detail
