// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// k-means clustering of sparse rows: the dense iteration, at the cost of the entries.
/// Next: sparse/ridge.hpp
#pragma once

#include <matrass/algorithm/kmeans.hpp>
#include <matrass/sparse/kmeans_rows.hpp>
#include <matrass/sparse/sparse_tall_view.hpp>
#include <vector>

namespace matrass {

namespace detail {

/// Sparse rows as they are: taking the means off would fill them.
template <std::floating_point T>
class UncentredRows {
 public:
  using Rows = SparseClusterRows<T>;

  /// Collective; three passes over the entries. @param a no transposed view
  explicit UncentredRows(const SparseMatrix<T>& a)
      : rows_(a), origin_(static_cast<std::size_t>(rows_.n())), bounds_(rows_.column_bounds()) {
    require_squares<T>(rows_.comm(), bounds_);
    find_variance();
  }

  const Rows& rows() const { return rows_; }
  /// Zeros.
  const std::vector<T>& origin() const { return origin_; }
  /// Of the moduli in each column.
  const std::vector<double>& bounds() const { return bounds_; }
  /// The mean of the columns' variances.
  double variance() const { return variance_; }

 private:
  /// f(column, value) for all entries of this rank.
  template <class F>
  void for_each_entry(F&& f) const {
    for (Index i = 0; i < rows_.local_m(); ++i) rows_.for_each_entry(i, f);
  }

  void find_variance() {
    const auto n = static_cast<std::size_t>(rows_.n());
    const auto m = static_cast<double>(rows_.m());
    // Of each column: the two parts of an exact sum, and the number of entries.
    std::vector<double> sums = mpi::throw_together(rows_.comm(), [&] {
      std::vector<double> mine(3 * n);
      const ColumnBins bins(bounds_, rows_.m());
      for (Index i = 0; i < rows_.local_m(); ++i) {
        rows_.add_exactly({i, 1}, 0, 1, bins, mine.data(), mine.data() + n);
      }
      for_each_entry([&](Index j, double) { mine[2 * n + static_cast<std::size_t>(j)] += 1; });
      return mine;
    });
    mpi::allreduce(rows_.comm(), std::span<double>(sums));
    const auto mean = [&](std::size_t j) { return (sums[j] + sums[n + j]) / m; };
    ExactSum mine;
    const SumBins bins(distance_bound(bounds_), rows_.nnz());
    for_each_entry([&](Index j, double x) {
      const double d = x - mean(static_cast<std::size_t>(j));
      mine.add(d * d, bins);
    });
    variance_ = total(rows_.comm(), mine);
    for (std::size_t j = 0; j < n; ++j) variance_ += (m - sums[2 * n + j]) * mean(j) * mean(j);
    variance_ /= m * static_cast<double>(n);
  }

  Rows rows_;
  std::vector<T> origin_;
  std::vector<double> bounds_;
  double variance_ = 0;
};

template <std::floating_point T>
KMeans<T> kmeans_of_sparse(const SparseMatrix<T>& a, Index k, const KMeansOptions& o) {
  const mpi::Call call("kmeans", a.stored(), a.view().transposed, k, o.init,
                       centers_hash(o.centers), o.max_iter, o.tol, o.seed, o.n_init);
  mpi::throw_together(a.grid().comm(), call, [&] { require_clusters(a.shape(), k, o); });
  require_finite(a, "kmeans", "A");
  const SparseMatrix<T> rows = stored_by_rows(a);
  return kmeans_of_rows<T>(UncentredRows<T>(rows), a.grid(), rows.stored(), k, o);
}

}  // namespace detail

/// Clusters the rows of a sparse matrix: as of a dense one, with the same steps to rounding, and
/// like these the same bit by bit for any number of ranks, any grid and any blocks of rows.
///
/// Shapes: a m x n, real; labels lie where its rows do (a transposed view's entries move to the
/// owners of its rows first). Rows are not made dense, nor are means taken off them: squares of
/// distances have an error of some eps ||center||^2, where a dense matrix loses no digits.
///
/// Collective over a's grid. Cost of an iteration: 2 nnz k / p flops, one allreduce of 2 k n
/// doubles; of k-means++: 2 + log(k) times 4 nnz k / p flops in k passes. Memory: 8 bytes a row, 8
/// k n doubles.
///
/// @throws InvalidArgument, ShapeError on all ranks: see the dense one.
template <std::floating_point T>
KMeans<T> kmeans(const SparseMatrix<T>& a, Index k, const KMeansOptions& options = {}) {
  return detail::kmeans_of_sparse(a, k, options);
}

#ifdef MATRASS_LINKED
extern template KMeans<float> detail::kmeans_of_sparse<float>(const SparseMatrix<float>&, Index,
                                                              const KMeansOptions&);
extern template KMeans<double> detail::kmeans_of_sparse<double>(const SparseMatrix<double>&, Index,
                                                                const KMeansOptions&);
#endif

}  // namespace matrass
