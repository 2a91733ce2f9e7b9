// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What a QR or a least squares solution is worth, measured on the result.
/// Next: matrass.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <matrass/algorithm/lstsq.hpp>
#include <matrass/algorithm/norm.hpp>
#include <matrass/algorithm/start_block.hpp>
#include <matrass/core/certificate.hpp>
#include <optional>
#include <string>
#include <vector>

namespace matrass {

namespace detail {

/// m rows of k zeros that take no memory.
template <Scalar T>
LocalRows<T> zero_rows(Index m, Index k) {
  static const T zero{};
  return {m, k, &zero, 0, 0};
}

/// Whatever every rank has of a [STAR,STAR] matrix, on all ranks of the communicator. Collective.
template <Scalar T>
Small<Wide<T>> whole_everywhere(const DistMatrix<T>& a) {
  Small<Wide<T>> whole = whole_on_root(a);
  broadcast_small(a.grid().comm(), whole, a.shape().rows, a.shape().cols);
  return whole;
}

inline double ratio(double part, double whole) { return part == 0 ? 0 : part / whole; }

/// The sums over ranks of ||A W - Q Z||_F^2, by panels. Collective; one pass over A and Q.
template <Scalar T>
double difference_squared(const LocalRows<T>& a, const Small<Wide<T>>& w, const LocalRows<T>& q,
                          const Small<Wide<T>>& z, const mpi::Communicator& comm) {
  using N = Wide<T>;
  const double mine = mpi::throw_together(comm, [&] {
    double sum = 0;
    const Index rows = panel_rows(a.n);
    Companion<T> right(q, rows);
    std::vector<N> y(static_cast<std::size_t>(rows * w.cols));
    const int k = static_cast<int>(w.cols);
    for_each_panel(a, rows, [&](Index begin, const Panel<N>& panel) {
      const Panel<N> other = right.at(begin, panel.rows);
      blas::gemm('N', 'N', panel.rows, k, static_cast<int>(a.n), N{1}, panel.data, panel.ld,
                 w.data.data(), w.ld(), N{0}, y.data(), panel.rows);
      blas::gemm('N', 'N', panel.rows, k, static_cast<int>(q.n), N{-1}, other.data, other.ld,
                 z.data.data(), z.ld(), N{1}, y.data(), panel.rows);
      for (Index i = 0; i < static_cast<Index>(panel.rows) * k; ++i) {
        sum += std::norm(y[static_cast<std::size_t>(i)]);
      }
    });
    return sum;
  });
  return mpi::allreduce(comm, mine);
}

}  // namespace detail

/// Of A = Q R: ||(A - Q R) W||_F / (sqrt(8) ||A||_F) with 8 random vectors W, which estimates
/// ||A - Q R||_F / ||A||_F to some 10 %; and ||I - Q^H Q||_F, all of it. Where there is R only:
/// ||(A^H A - R^H R) W||_F / (sqrt(8) ||A||_F^2).
///
/// Collective over a's grid. Cost a rank: m n (n + 32) / p flops, two passes.
/// @param q an empty handle where there is none
template <Scalar T>
Certificate certify_qr(const DistMatrix<T>& a, const DistMatrix<T>& q, const DistMatrix<T>& r) {
  using N = detail::Wide<T>;
  constexpr Index vectors = 8;
  const mpi::Communicator& comm = a.grid().comm();
  const detail::TallView<T> tall = detail::tall_view(a);
  const detail::LocalRows<T> rows = tall.local();
  const detail::Small<N> w = detail::random_block<N>(rows.n, vectors, 8, 0);
  const detail::Small<N> z = multiply('N', detail::whole_everywhere(r), 'N', w);
  const double size = norm(a) * std::sqrt(static_cast<double>(vectors) * (is_complex<T> ? 2 : 1));
  if (q.empty_handle()) {
    const detail::Small<N> right = multiply('C', detail::whole_everywhere(r), 'N', z);
    auto sums = mpi::throw_together(comm, [&] {
      return detail::residual_sums(rows, detail::zero_rows<T>(rows.m, vectors), w);  // -A^H A W
    });
    mpi::allreduce<N>(comm, sums.cross.span());
    double square = 0;
    for (std::size_t i = 0; i < right.data.size(); ++i) {
      square += std::norm(sums.cross.data[i] + right.data[i]);
    }
    return {detail::ratio(std::sqrt(square), size * norm(a)), std::nullopt};
  }
  const DistMatrix<T> aligned = detail::aligned_with(tall.rows, q);
  const detail::LocalRows<T> q_rows = detail::rows_of(aligned);
  const double square = detail::difference_squared(rows, w, q_rows, z, comm);
  auto sums = mpi::throw_together(
      comm, [&] { return detail::tall_sums(q_rows, detail::LocalRows<T>{q_rows.m, 0}); });
  mpi::allreduce<N>(comm, sums.gram.span());
  return {detail::ratio(std::sqrt(square), size), detail::far_from_identity(sums.gram)};
}

namespace detail {

/// Norms of each column of a least squares problem.
struct ProblemNorms {
  std::vector<double> gradient{};  ///< A^H (b - A x) - alpha x
  std::vector<double> residual{};  ///< b - A x
  std::vector<double> solution{};
  std::vector<double> right{};  ///< b
};

/// See certify_least_squares(). Local.
inline Certificate least_squares_certificate(const ProblemNorms& of, double a_norm,
                                             const std::vector<double>& alpha) {
  Certificate found;
  for (std::size_t j = 0; j < of.right.size(); ++j) {
    const double penalty = alpha[alpha.size() == 1 ? 0 : j];
    double worst = ratio(of.gradient[j], a_norm * of.residual[j] + penalty * of.solution[j]);
    if (penalty == 0) {
      worst = std::min(worst, ratio(of.residual[j], a_norm * of.solution[j] + of.right[j]));
    }
    found.residual = std::max(found.residual, worst);
  }
  return found;
}

}  // namespace detail

/// Of x as the minimiser of ||A x_j - b_j||^2 + alpha_j ||x_j||^2: the largest over j of the
/// smaller one of ||A^H r - alpha x|| / (||A||_F ||r|| + alpha ||x||), r = b - A x, and (for alpha
/// = 0)
/// ||r|| / (||A||_F ||x|| + ||b||): both bound the relative change of A and b that would make x
/// exact. Where singular values were cut off by a large rcond, the first one says what that has
/// cost.
///
/// Collective over a's grid. Cost a rank: 4 m n k / p flops, two passes.
/// @param alpha one for each column of b, or a single one
template <Scalar T>
Certificate certify_least_squares(const DistMatrix<T>& a, const DistMatrix<T>& b,
                                  const DistMatrix<T>& x, const std::vector<double>& alpha) {
  using N = detail::Wide<T>;
  const mpi::Communicator& comm = a.grid().comm();
  const Index k = b.shape().cols;
  const detail::Small<N> whole = detail::whole_everywhere(x);
  const DistMatrix<T> tall = redistribute(a, VC_STAR);  // also a wide one: rows are enough
  const DistMatrix<T> right = detail::aligned_with(tall, b);
  auto sums = mpi::throw_together(comm, [&] {
    return detail::residual_sums(detail::rows_of(tall), detail::rows_of(right), whole);
  });
  mpi::allreduce<N>(comm, sums.cross.span());
  mpi::allreduce(comm, std::span<double>(sums.squares));
  detail::ProblemNorms norms{.residual = std::move(sums.squares)};
  norms.right.resize(static_cast<std::size_t>(k));
  const detail::LocalRows<T> b_rows = detail::rows_of(right);
  for (Index j = 0; j < k; ++j) {
    for (Index i = 0; i < b_rows.m; ++i) {
      const double size = modulus(b_rows.row(i)[j * b_rows.col_stride]);
      norms.right[static_cast<std::size_t>(j)] += size * size;
    }
  }
  mpi::allreduce(comm, std::span<double>(norms.right));
  for (Index j = 0; j < k; ++j) {
    const double penalty = alpha[alpha.size() == 1 ? 0 : static_cast<std::size_t>(j)];
    double gradient = 0;
    double solution = 0;
    for (Index i = 0; i < whole.rows; ++i) {
      gradient += std::norm(sums.cross(i, j) - penalty * whole(i, j));
      solution += std::norm(whole(i, j));
    }
    norms.gradient.push_back(std::sqrt(gradient));
    norms.solution.push_back(std::sqrt(solution));
  }
  for (auto* squares : {&norms.residual, &norms.right}) {
    for (double& each : *squares) each = std::sqrt(each);
  }
  return detail::least_squares_certificate(norms, norm(a), alpha);
}

}  // namespace matrass
