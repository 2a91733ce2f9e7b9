// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Ridge regression of sparse matrices: by the small Gram matrix, or by LSQR.
/// Next: sparse/certificate.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <matrass/algorithm/ridge.hpp>
#include <matrass/sparse/solvers.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

namespace detail {

/// One problem. A tall A has the rows T = A and the unknown x; a wide one T = A^T and the unknown v
/// with x' = T v for the conjugate problem (see WideProblem). T^H T is the small Gram matrix.
template <Scalar T>
class SparseRidge {
 public:
  using N = Wide<T>;

  /// Collective. Borrows the options.
  SparseRidge(const SparseMatrix<T>& a, const DistMatrix<T>& b, const RidgeOptions& options)
      : options_(options),
        grid_(a.grid()),
        tall_(tall_view(a)),
        op_(mpi::throw_together(comm(), [&] { return SparseOperator<T>(tall_.rows); })),
        groups_(penalties(options.alpha, b.shape().cols)),
        k_(b.shape().cols) {}

  /// Collective.
  Ridge<T> run(const DistMatrix<T>& b) {
    if (tall_.transposed) return run(WideSystem<SparseOperator<T>>{op_}, whole_vectors(b, true));
    return run(TallSystem<SparseOperator<T>>{op_},
               dealt_vectors(op_, b, tall_.rows.stored(), false));
  }

 private:
  const mpi::Communicator& comm() const { return grid_.comm(); }
  bool root() const { return comm().rank() == 0; }

  /// In steps of the iteration, what the Gram matrix and its factors cost: factors ten times as
  /// fast as products with sparse rows. The same on every rank.
  double direct_in_steps() const {
    const SparseRows<T> rows = tall_.local();
    if (!allows_direct(rows)) return std::numeric_limits<double>::infinity();
    const auto n = static_cast<double>(rows.n);
    const auto nnz = static_cast<double>(std::max<Index>(1, rows.total_nnz));
    const double each = nnz / static_cast<double>(std::max<Index>(1, rows.total_rows));
    const double factors = n * n * n / 30 * static_cast<double>(groups_.size());
    return (2 * nnz * each + factors) / (4 * nnz * static_cast<double>(std::max<Index>(1, k_)));
  }

  template <class System>
  Ridge<T> run(const System& system, const typename System::U& b) {
    constexpr double many_steps = 100;
    const bool direct =
        options_.method == RidgeMethod::cholesky ||
        (options_.method == RidgeMethod::automatic && direct_in_steps() <= many_steps);
    Ridge<T> result;
    std::optional<typename System::V> x;
    if (direct) x = by_cholesky(system, b);
    if (!x) {
      result.method = RidgeMethod::cg;
      x = iterate(system, b, result.steps);
    }
    if constexpr (System::V::dealt) {
      result.x = redistribute(matrix_of(grid_, tall_.rows.stored(), *x, true), STAR_STAR);
    } else {
      result.x =
          mpi::throw_together(comm(), [&] { return replicated<T>(grid_, x->values(), false); });
    }
    return result;
  }

  /// T^H T z by T z, which is kept. Collective.
  Small<N> normal_image(const Small<N>& z, DealtVectors<T>& image) const {
    Small<N> sum;
    mpi::throw_together(comm(), [&] {
      op_.apply(z, image.block());
      op_.apply_adjoint(image.block(), sum);
    });
    mpi::allreduce(comm(), sum.span());
    return sum;
  }

  /// Nothing, on all ranks, where Cholesky is not safe. Collective; four passes.
  template <class System>
  std::optional<typename System::V> by_cholesky(const System& system,
                                                const typename System::U& b) const {
    constexpr bool wide = System::V::dealt;
    Small<N> gram = mpi::throw_together(comm(), [&] { return gram_of_rows(tall_.local(), 1.0); });
    sum_on_root(comm(), gram.span());
    Small<N> y;
    if constexpr (wide) {
      y = b.values();
    } else {
      WholeVectors<T> sum = mpi::throw_together(comm(), [&] { return system.domain(k_); });
      system.apply_adjoint(b, sum);
      y = std::move(sum.values());
    }
    require_no_overflow(gram, y);
    DealtVectors<T> image = mpi::throw_together(
        comm(), [&] { return DealtVectors<T>(tall_.rows.part().rows, k_, op_.padded(k_)); });
    Small<N> z;
    if (!solve(gram, y, z)) return std::nullopt;
    // One step of refinement.
    Small<N> rest;
    if constexpr (wide) {
      rest = normal_image(z, image);
      for (std::size_t i = 0; i < rest.data.size(); ++i) rest.data[i] = y.data[i] - rest.data[i];
    } else {
      mpi::throw_together(comm(), [&] {
        op_.apply(z, image.block());
        const std::vector<double> one(static_cast<std::size_t>(k_), 1);
        combine(one, b, std::vector<double>(one.size(), -1), image);
        op_.apply_adjoint(image.block(), rest);
      });
      mpi::allreduce(comm(), rest.span());
    }
    subtract_penalties(rest, groups_, z);
    Small<N> step;
    if (!solve(gram, rest, step)) return std::nullopt;
    for (std::size_t i = 0; i < z.data.size(); ++i) z.data[i] += step.data[i];
    if constexpr (wide) {
      mpi::throw_together(comm(), [&] { op_.apply(z, image.block()); });
      return image;
    } else {
      return WholeVectors<T>(std::move(z));
    }
  }

  /// z = (G + alpha)^-1 y on every rank, for rank 0's G. @returns whether that is safe. Collective.
  bool solve(const Small<N>& gram, const Small<N>& y, Small<N>& z) const {
    Index good = mpi::throw_together(comm(), [&]() -> Index {
      if (!root()) return 0;
      std::optional<Small<N>> found = penalised_solve(gram, groups_, y);
      if (found) z = std::move(*found);
      return found ? 1 : 0;
    });
    mpi::broadcast<Index>(comm(), {&good, 1}, 0);
    if (good == 1) broadcast_small(comm(), z, y.rows, y.cols);
    return good == 1;
  }

  void require_no_overflow(const Small<N>& gram, const Small<N>& y) const {
    Index finite = 1;
    for (Index j = 0; root() && j < gram.cols; ++j) finite = is_finite(gram(j, j)) ? finite : 0;
    for (const N& x : y.data) finite = is_finite(x) ? finite : 0;
    mpi::broadcast<Index>(comm(), {&finite, 1}, 0);
    mpi::throw_together(comm(), [&] {
      if (finite == 1) return;
      throw InvalidArgument("ridge: squares of A and B must not overflow (scale A and B)");
    });
  }

  template <class Vectors>
  static void copy_column(const Vectors& from, Index c, Vectors& to, Index d) {
    for (Index i = 0; i < from.rows(); ++i) to(i, d) = from(i, c);
  }

  /// LSQR for the columns of each penalty. Collective. @param steps of the slowest one
  template <class System>
  typename System::V iterate(const System& system, const typename System::U& b,
                             Index& steps) const {
    constexpr double eps = std::numeric_limits<Real<T>>::epsilon();
    const double tol = options_.tol > 0 ? options_.tol : default_tol<T>();
    const Index least = std::max<Index>(1000, 10 * tall_.rows.stored().shape().cols);
    const Index most = options_.max_steps > 0 ? options_.max_steps : least;
    typename System::V x = mpi::throw_together(comm(), [&] { return system.domain(k_); });
    for (const auto& [alpha, which] : groups_) {
      const auto count = static_cast<Index>(which.size());
      typename System::U some = mpi::throw_together(comm(), [&] {
        typename System::U columns = system.range(count);
        for (Index c = 0; c < count; ++c) {
          copy_column(b, which[static_cast<std::size_t>(c)], columns, c);
        }
        return columns;
      });
      const LsqrOptions options{std::sqrt(alpha), eps, eps, 0, most, tol};
      const auto found = lsqr_of(system, std::move(some), options, most);
      mpi::throw_together(comm(), [&] {
        if (found.converged) return;
        throw Error("ridge: cg must converge: got residuals above tol after " +
                    std::to_string(found.iterations) +
                    " steps (a larger alpha, tol or max_steps, or another method)");
      });
      steps = std::max(steps, found.iterations);
      for (Index c = 0; c < count; ++c) {
        copy_column(found.x, c, x, which[static_cast<std::size_t>(c)]);
      }
    }
    return x;
  }

  const RidgeOptions& options_;
  ProcessGrid grid_;
  SparseTallView<T> tall_;
  SparseOperator<T> op_;
  Penalties groups_;
  Index k_;
};

template <Scalar T>
Ridge<T> ridge_of_sparse(const SparseMatrix<T>& a, const DistMatrix<T>& b,
                         const RidgeOptions& options) {
  const mpi::Call call = sparse_call("ridge", a, b.distribution(), options_hash(options));
  mpi::throw_together(a.grid().comm(), call, [&] {
    require_right_side(a.grid(), a.shape(), b, "ridge");
    require_penalties(options.alpha, b.shape().cols);
    if (options.method == RidgeMethod::svd || options.method == RidgeMethod::tsqr) {
      throw InvalidArgument(
          "ridge: methods svd and tsqr make a dense R of a sparse matrix: use auto, cholesky or cg "
          "(or A.to_dense())");
    }
    const Index q = std::min(a.shape().rows, a.shape().cols);
    if (options.method == RidgeMethod::cholesky && !allows_direct(SparseRows<T>{.n = q})) {
      throw InvalidArgument(
          "ridge: method cholesky needs a dense matrix of the smaller extent, at most 4096: got " +
          std::to_string(q) + " (use auto or cg)");
    }
  });
  require_finite(a, "ridge", "A");
  require_finite(b, "ridge", "B");
  return SparseRidge<T>(a, b, options).run(b);
}

}  // namespace detail

/// x that minimises ||A x_j - b_j||^2 + alpha_j ||x_j||^2 for each column of b: as of a dense A.
///
/// Methods: cholesky of A^H A + alpha I or A A^H + alpha I, the smaller one, up to an extent of
/// 4,096, with one step of refinement; gives way to cg where that is not safe. cg, here in the form
/// of LSQR with damp = sqrt(alpha), until A^H (b - A x) - alpha x is tol times A^H b, or rounding;
/// what is measured after the end has to bear that out. automatic: cholesky where it costs no more
/// than 100 steps of cg.
///
/// Collective over a's grid. Cost a rank, with q = min(m, n): cholesky the sum of squares of the
/// entries in rows of the longer side, four passes, q^2 doubles, and on rank 0 q^3 / 3 flops for
/// each distinct alpha; cg 4 nnz k / p flops a step.
///
/// @throws ShapeError, InvalidArgument on all ranks: rows, grids, alpha, methods svd and tsqr; NaN
///   or infinity. Error if cg does not converge.
template <Scalar T, DistMatrixLike B>
Ridge<T> ridge(const SparseMatrix<T>& a, const B& b, const RidgeOptions& options = {}) {
  return detail::ridge_of_sparse<T>(a, DistMatrix<T>(b), options);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                     \
  extern template Ridge<T> detail::ridge_of_sparse<T>(const SparseMatrix<T>&, \
                                                      const DistMatrix<T>&, const RidgeOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
