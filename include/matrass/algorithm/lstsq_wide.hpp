// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Solutions of least norm, for a wide A, from the QR of A^H. Included by lstsq.hpp.
/// Next: algorithm/ridge.hpp
#pragma once

#include <matrass/algorithm/lstsq.hpp>
#include <matrass/algorithm/row_aligned.hpp>
#include <matrass/core/shown.hpp>
#include <optional>
#include <string>

namespace matrass::detail {

/// A wide A through the rows of its transpose. All of it solves the conjugate problem, conj(A) x' =
/// conj(b) with x' = conj(x), because conj(A)^H is the plain transpose of A.
template <Scalar T>
class WideProblem {
 public:
  using N = Wide<T>;

  /// @param rows of A^T, m columns @param k right-hand sides
  WideProblem(const DistMatrix<T>& rows, Index k)
      : comm_(rows.grid().comm()), a_(rows_of(rows)), x_(mpi::throw_together(comm_, [&] {
          const Distribution d = row_aligned(rows.distribution(), k);
          return DistMatrix<T>::allocate(rows.grid(), d, true);
        })) {}

  /// x' += A'^H v for rank 0's v (m x k). Collective; one pass over A.
  void add_image(Small<N> v) {
    const Index k = x_.shape().cols;
    broadcast_small(comm_, v, a_.n, k);
    mpi::throw_together(comm_, [&] {
      const LocalPart<T>& x = x_.part();
      std::vector<N> y(static_cast<std::size_t>(panel_rows(a_.n) * k));
      for_each_panel(a_, panel_rows(a_.n), [&](Index begin, const Panel<N>& panel) {
        blas::gemm('N', 'N', panel.rows, narrow(k, "right-hand sides"), static_cast<int>(a_.n),
                   N{1}, panel.data, panel.ld, v.data.data(), v.ld(), N{0}, y.data(), panel.rows);
        for (Index j = 0; j < k; ++j) {
          for (Index i = 0; i < panel.rows; ++i) {
            x(begin + i, j) += static_cast<T>(y[static_cast<std::size_t>(i + j * panel.rows)]);
          }
        }
      });
    });
  }

  /// A' x' on rank 0: (A'^H)^H (x' - 0). Collective; one pass over A.
  Small<N> apply() {
    TallSums<N> sums = mpi::throw_together(
        comm_, [&] { return residual_sums(a_, rows_of(x_), Small<N>(a_.n, x_.shape().cols)); });
    sum_on_root(comm_, sums.cross.span());
    return std::move(sums.cross);
  }

  /// x' = Q c for rank 0's c (m x k). Collective.
  void set_combination(const Tsqr<N>& qr, const Small<N>& c) {
    const Index k = x_.shape().cols;
    Small<N> rows = mpi::throw_together(comm_, [&] { return Small<N>(a_.m, k); });
    qr.apply(c, k, rows.data.data(), std::max<Index>(1, rows.rows));
    for (Index j = 0; j < x_.local_shape().cols; ++j) {
      for (Index i = 0; i < a_.m; ++i) x_.part()(i, j) = static_cast<T>(rows(i, j));
    }
  }

  /// x' = A'^H (R^H R)^-1 b', and once more for what is left of b'. r and b' are rank 0's.
  /// Collective; three passes over A.
  void solve_seminormal(const Small<N>& r, Small<N> b) {
    const auto solve = [&] {
      return mpi::throw_together(comm_, [&] {
        if (comm_.rank() != 0) return Small<N>();
        return PseudoInverse<N>(r, r.cols, false).solve_normal(b);
      });
    };
    add_image(solve());
    const Small<N> image = apply();
    if (comm_.rank() == 0) {
      for (std::size_t i = 0; i < b.data.size(); ++i) b.data[i] -= image.data[i];
    }
    add_image(solve());
  }

  /// x on every rank: [STAR,STAR]. Collective.
  DistMatrix<T> result() {
    for (Index j = 0; j < x_.local_shape().cols; ++j) {
      for (Index i = 0; i < a_.m; ++i) x_.part()(i, j) = conjugate(x_.part()(i, j));
    }
    return redistribute(x_, STAR_STAR);
  }

  const LocalRows<T>& a() const { return a_; }

 private:
  mpi::Communicator comm_;
  LocalRows<T> a_;
  DistMatrix<T> x_;
};

/// conj(b) on rank 0. @throws InvalidArgument on all ranks for NaN or infinity. Collective.
template <Scalar T>
Small<Wide<T>> conjugate_on_root(const DistMatrix<T>& b, const std::string& routine) {
  const mpi::Communicator& comm = b.grid().comm();
  Small<Wide<T>> whole = whole_on_root(b);
  Index wrong[2] = {-1, -1};
  for (Index j = 0; comm.rank() == 0 && j < whole.cols; ++j) {
    for (Index i = 0; i < whole.rows; ++i) {
      if (wrong[0] < 0 && !is_finite(whole(i, j))) std::tie(wrong[0], wrong[1]) = std::pair(i, j);
      whole(i, j) = conjugate(whole(i, j));
    }
  }
  mpi::broadcast<Index>(comm, wrong, 0);
  mpi::throw_together(comm, [&] {
    if (wrong[0] < 0) return;
    throw InvalidArgument(routine + ": B must be finite: got NaN or infinity at " +
                          shown(wrong[0], wrong[1]));
  });
  return whole;
}

/// x' = Q f(svd of R)(b') by Householder's QR of A^H; on rank 0 `coefficients` makes Q's factors of
/// R, b'. Collective.
template <Scalar T, class F>
void solve_by_tsqr(WideProblem<T>& wide, const mpi::Communicator& comm, double scale,
                   const Small<Wide<T>>& b, F&& coefficients) {
  using N = Wide<T>;
  const Tsqr<N> qr(comm, wide.a().m, wide.a().n, true, copy_of(wide.a()), scale);
  const Small<N> c = mpi::throw_together(comm, [&] {
    if (comm.rank() != 0) return Small<N>();
    Small<N> r = qr.r();
    for (N& x : r.data) x *= scale;
    return coefficients(r, b);
  });
  wide.set_combination(qr, c);
}

/// m < n. Collective.
template <Scalar T>
Lstsq<T> lstsq_wide(const DistMatrix<T>& a, const DistMatrix<T>& b, double rcond,
                    LstsqMethod wanted) {
  using N = Wide<T>;
  const mpi::Communicator& comm = a.grid().comm();
  const TallView<T> tall = tall_view(a);
  Small<N> right = conjugate_on_root(b, "lstsq");
  LeastSquares<T> problem(tall, {}, "lstsq");
  const std::optional<SmallProblem<N>> small = problem.reduce_by_cholesky(wanted);
  LstsqSolution<N> found;
  const auto see = [&](const std::vector<double>& s) {
    found.s = s;
    found.rank = rank_of(s, rcond);
  };
  if (small && comm.rank() == 0) see(small->s);
  if (small) broadcast_spectrum(comm, found, a.shape().rows);
  WideProblem<T> solution(tall.rows, b.shape().cols);
  LstsqMethod used = problem.used();
  if (small && found.rank == a.shape().rows) {
    solution.solve_seminormal(small->r, std::move(right));
  } else {
    used = LstsqMethod::tsqr;
    // A' = R^H Q^H, so x' = Q (R^H)^+ b'.
    solve_by_tsqr(solution, comm, problem.scale(), right,
                  [&](const Small<N>& r, const Small<N>& y) {
                    see(singular_values(r));
                    return PseudoInverse<N>(adjoint_of_rows(r, r.rows), found.rank, true).solve(y);
                  });
    broadcast_spectrum(comm, found, a.shape().rows);
  }
  DistMatrix<T> x = solution.result();
  return mpi::throw_together(
      comm, [&] { return Lstsq<T>{std::move(x), {}, found.rank, narrowed<T>(found.s), used}; });
}

template <Scalar T>
Lstsq<T> lstsq_of(const DistMatrix<T>& a, const DistMatrix<T>& b, const LstsqOptions& options) {
  const double rcond = rcond_of(options, a.shape());
  require_right_side(a, b, "lstsq",
                     mpi::Call("lstsq", a.distribution(), b.distribution(), rcond, options.method));
  const Shape shape = a.shape();
  if (shape.rows < shape.cols) return lstsq_wide(a, b, rcond, options.method);
  const TallView<T> tall = tall_view(a);
  const DistMatrix<T> right = aligned_with(tall.rows, b);
  LeastSquares<T> problem(tall, right, "lstsq");
  LstsqSolution<Wide<T>> found = solve_tall(problem, rcond, options.method);
  return mpi::throw_together(a.grid().comm(), [&] {
    const bool told = found.rank == shape.cols && shape.rows > shape.cols;
    return Lstsq<T>{replicated<T>(a.grid(), found.x, false),
                    told ? narrowed<T>(found.residuals) : std::vector<Real<T>>{}, found.rank,
                    narrowed<T>(found.s), problem.used()};
  });
}

}  // namespace matrass::detail
