// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The small problem that a least squares problem comes to: R and Q^H B on rank 0, by the cheapest
/// factorisation that is measured to be safe. Next: algorithm/lstsq.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/row_aligned.hpp>
#include <matrass/algorithm/tall_qr.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

/// automatic: the first of the others that is safe. cholesky: of A^H A, with one step of
/// refinement. cholesky_qr2: see tall_qr. tsqr: Householder's QR, then the SVD of R.
enum class LstsqMethod { automatic, cholesky, cholesky_qr2, tsqr };

namespace detail {

/// Singular values, descending.
template <class N>
std::vector<double> singular_values(Small<N> a) {
  const int m = narrow(a.rows, "SVD: rows");
  const int n = narrow(a.cols, "SVD: columns");
  const int p = std::min(m, n);
  std::vector<double> s(static_cast<std::size_t>(p));
  if (p == 0) return s;
  require_no_overflow(a, "SVD");
  const char* job = "N";
  const int ld = a.ld();
  const int one = 1;
  std::vector<int> iwork(static_cast<std::size_t>(8 * p));
  std::vector<double> rwork(static_cast<std::size_t>(is_complex<N> ? 7 * p : 1));
  N unused{};
  N size{};
  int lwork = -1;
  int info = 0;
  const auto call = [&](N* work) {
    if constexpr (is_complex<N>) {
      zgesdd_(job, &m, &n, a.data.data(), &ld, s.data(), &unused, &one, &unused, &one, work, &lwork,
              rwork.data(), iwork.data(), &info);
    } else {
      dgesdd_(job, &m, &n, a.data.data(), &ld, s.data(), &unused, &one, &unused, &one, work, &lwork,
              iwork.data(), &info);
    }
    require_info(info, "gesdd");
  };
  call(&size);
  lwork = static_cast<int>(std::real(size));
  std::vector<N> work(static_cast<std::size_t>(lwork));
  call(work.data());
  return s;
}

/// How many of the descending values count, as NumPy does: those above rcond times the first.
inline Index rank_of(const std::vector<double>& s, double rcond) {
  const auto counts = [&](double value) { return value > rcond * s[0]; };
  return std::find_if_not(s.begin(), s.end(), counts) - s.begin();
}

/// ||A x - b|| for many b, as rank 0 sees it: A = Q R.
template <class N>
struct SmallProblem {
  Small<N> r;                     ///< n x n
  Small<N> z;                     ///< Q^H B, n x k
  std::vector<double> outside{};  ///< ||b_j - Q Q^H b_j||^2; from tsqr only
  std::vector<double> s{};        ///< singular values of R, descending
};

/// R^+ restricted to the `rank` largest singular values, and what refinement makes of it. Rank 0's.
template <class N>
class PseudoInverse {
 public:
  /// @param by_svd whether to go through the SVD even where the rank is full
  PseudoInverse(const Small<N>& r, Index rank, bool by_svd) : r_(r), rank_(rank) {
    if (by_svd || rank < r.cols) svd_ = gesdd(r);
  }

  /// R^+ z
  Small<N> solve(Small<N> z) const {
    if (!svd_) {
      solve_triangle('N', r_, z);
      return z;
    }
    Small<N> c = multiply('C', svd_->u.columns(0, rank_), 'N', z);
    return from_coordinates(std::move(c), -1);
  }

  /// (R^H R)^+ g
  Small<N> solve_normal(Small<N> g) const {
    if (!svd_) {
      solve_triangle('C', r_, g);
      solve_triangle('N', r_, g);
      return g;
    }
    return from_coordinates(multiply('N', top(), 'N', g), -2);
  }

 private:
  /// V diag(s^power) c
  Small<N> from_coordinates(Small<N> c, int power) const {
    for (Index j = 0; j < c.cols; ++j) {
      for (Index i = 0; i < rank_; ++i) {
        const double s = svd_->s[static_cast<std::size_t>(i)];
        for (int step = 0; step < -power; ++step) c(i, j) /= s;
      }
    }
    return multiply('C', top(), 'N', c);
  }
  Small<N> top() const {
    Small<N> rows(rank_, svd_->vh.cols);
    for (Index j = 0; j < rows.cols; ++j) {
      std::copy(svd_->vh.col(j), svd_->vh.col(j) + rank_, rows.col(j));
    }
    return rows;
  }

  Small<N> r_;
  Index rank_;
  std::optional<SmallSvd<N>> svd_{};
};

/// R and Q^H B by Householder's QR of [A B]. Collective; the result is rank 0's.
///
/// Cost: about 2.2 m (n + k)^2 / p flops. More than max(n, 16) columns of B go in turns.
template <Scalar T>
SmallProblem<Wide<T>> householder_problem(const LocalRows<T>& a, const LocalRows<T>& b,
                                          const mpi::Communicator& comm, double scale) {
  using N = Wide<T>;
  SmallProblem<N> problem{Small<N>(a.n, a.n), Small<N>(a.n, b.n)};
  problem.outside.resize(static_cast<std::size_t>(b.n));
  const Index most = std::max<Index>(a.n, 16);
  for (Index first = 0; first == 0 || first < b.n; first += most) {
    LocalRows<T> some = b;
    some.n = std::min(most, b.n - first);
    if (some.m > 0) some.data += first * b.col_stride;
    const Tsqr<N> qr(comm, a.m, a.n + some.n, false, copy_of(a, some), scale);
    mpi::throw_together(comm, [&] {
      if (comm.rank() != 0) return;
      const Small<N>& all = qr.r();
      for (Index j = 0; j < a.n; ++j) {
        for (Index i = 0; i <= j; ++i) problem.r(i, j) = all(i, j) * scale;
      }
      for (Index j = 0; j < some.n; ++j) {
        for (Index i = 0; i < a.n; ++i) problem.z(i, first + j) = all(i, a.n + j) * scale;
        double& square = problem.outside[static_cast<std::size_t>(first + j)];
        for (Index i = a.n; i < all.rows; ++i) square += std::norm(all(i, a.n + j) * scale);
      }
    });
  }
  return problem;
}

/// From a tall A (and B) to the small problem. Collective.
template <Scalar T>
class LeastSquares {
 public:
  using N = Wide<T>;

  /// @param tall what `a` is a view of; `b` has its rows, or no columns @param name of the routine
  LeastSquares(const TallView<T>& tall, const DistMatrix<T>& b, std::string name)
      : tall_(tall),
        a_(tall.local()),
        b_(b.empty_handle() ? LocalRows<T>{a_.m, 0} : rows_of(b)),
        comm_(tall.rows.grid().comm()),
        name_(std::move(name)) {}

  const LocalRows<T>& a() const { return a_; }
  const LocalRows<T>& b() const { return b_; }
  const mpi::Communicator& comm() const { return comm_; }
  LstsqMethod used() const { return used_; }
  double scale() const { return scale_; }

  /// The small problem, rank 0's, by the first method that is safe. Collective.
  SmallProblem<N> reduce(LstsqMethod wanted) {
    std::optional<SmallProblem<N>> problem = reduce_by_cholesky(wanted);
    if (problem) return std::move(*problem);
    SmallProblem<N> exact = householder_problem(a_, b_, comm_, scale_);
    find_values(exact);
    return exact;
  }

  /// Nothing, on all ranks, where no way by A^H A is safe. Collective.
  std::optional<SmallProblem<N>> reduce_by_cholesky(LstsqMethod wanted) {
    SmallProblem<N> problem;
    used_ = LstsqMethod::tsqr;
    if (wanted == LstsqMethod::tsqr) {
      check();
      return std::nullopt;
    }
    CholeskyQr<T> cholesky(a_, b_, comm_);
    const Fitness first = cholesky.first();
    if (first == Fitness::overflow) check();
    if (first == Fitness::fit) used_ = by_cholesky(cholesky, wanted, problem);
    if (used_ == LstsqMethod::tsqr) return std::nullopt;
    if (used_ == LstsqMethod::cholesky_qr2) find_values(problem);
    return problem;
  }

  /// Refuses NaN and infinity; chooses the scale. Collective; one pass over A and B.
  void check() {
    const std::vector<Index> rows =
        mpi::throw_together(comm_, [&] { return tall_.rows.local_rows(); });
    const double a = require_finite(comm_, a_, rows, tall_.transposed, name_, "A");
    scale_ = safe_scale(std::max(a, require_finite(comm_, b_, rows, false, name_, "B")));
  }

 private:
  void find_values(SmallProblem<N>& problem) {
    mpi::throw_together(comm_, [&] {
      if (comm_.rank() == 0) problem.s = singular_values(problem.r);
    });
  }

  /// Singular values from A^H A are wrong by cond(A) / 2 eps of the largest one, from R of
  /// CholeskyQR2 by some eps.
  static constexpr double largest_condition = 50;

  LstsqMethod by_cholesky(CholeskyQr<T>& cholesky, LstsqMethod wanted, SmallProblem<N>& problem) {
    if (wanted != LstsqMethod::cholesky_qr2 && is_well_conditioned(cholesky, problem)) {
      return LstsqMethod::cholesky;
    }
    problem = {};
    if (!cholesky.second()) return LstsqMethod::tsqr;
    mpi::throw_together(comm_, [&] {
      if (comm_.rank() != 0) return;
      problem.r = cholesky.r();
      problem.z = cholesky.adjoint_times_q();
    });
    return LstsqMethod::cholesky_qr2;
  }

  bool is_well_conditioned(CholeskyQr<T>& cholesky, SmallProblem<N>& problem) {
    Index well = mpi::throw_together(comm_, [&]() -> Index {
      if (comm_.rank() != 0) return 0;
      problem.s = singular_values(cholesky.r1());
      if (!problem.s.empty() && problem.s.front() > largest_condition * problem.s.back()) return 0;
      problem.r = cholesky.r1();
      problem.z = cholesky.sums().cross;
      solve_triangle('C', problem.r, problem.z);
      return 1;
    });
    mpi::broadcast<Index>(comm_, {&well, 1}, 0);
    return well == 1;
  }

  const TallView<T>& tall_;
  LocalRows<T> a_;
  LocalRows<T> b_;
  mpi::Communicator comm_;
  std::string name_;
  LstsqMethod used_ = LstsqMethod::tsqr;
  double scale_ = 1;
};

}  // namespace detail
}  // namespace matrass
