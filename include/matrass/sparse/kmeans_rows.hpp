// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Sparse rows as k-means sees rows: nothing is made dense but centres.
/// Next: sparse/kmeans.hpp
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/algorithm/kmeans_rows.hpp>
#include <matrass/sparse/sparse_rows.hpp>
#include <span>
#include <vector>

namespace matrass::detail {

/// This rank's rows of a real sparse matrix that is stored by rows. Shares the entries. See
/// ClusterRows.
template <std::floating_point T>
class SparseClusterRows {
 public:
  /// Rows [begin, begin + count).
  struct Panel {
    Index begin = 0;
    Index count = 0;
  };
  class Nearest;
  class Distances;

  /// Local. @param a no transposed view
  explicit SparseClusterRows(const SparseMatrix<T>& a)
      : matrix_(a), rows_(stored_rows(matrix_)), indices_(matrix_.local_rows()) {}

  Index m() const { return rows_.total_rows; }
  Index n() const { return rows_.n; }
  Index nnz() const { return rows_.total_nnz; }
  Index local_m() const { return rows_.m; }
  std::span<const Index> indices() const { return indices_; }
  const mpi::Communicator& comm() const { return matrix_.grid().comm(); }
  const SparseRows<T>& local() const { return rows_; }

  /// Calls f(panel, begin, count). Local.
  template <class F>
  void for_each_panel(F&& f) const {
    for (Index begin = 0; begin < rows_.m; begin += packed_rows) {
      const Index count = std::min<Index>(packed_rows, rows_.m - begin);
      f(Panel{begin, count}, begin, count);
    }
  }

  /// Calls f(column, value) for the entries of local row i, by ascending column.
  template <class F>
  void for_each_entry(Index i, F&& f) const {
    for (Index e = rows_.begin(i); e < rows_.begin(i + 1); ++e) {
      f(rows_.column(e), static_cast<double>(rows_.value(e)));
    }
  }

  /// Adds `sign` (1 or -1) times row i of a panel to exact sums of the columns.
  void add_exactly(Panel panel, Index i, double sign, const ColumnBins& bins, double* high,
                   double* low) const {
    for_each_entry(panel.begin + i, [&](Index j, double x) {
      const auto at = static_cast<std::size_t>(j);
      const double t = (x + bins.high[at]) - bins.high[at];
      high[j] += sign * t;
      low[j] += sign * (((x - t) + bins.low[at]) - bins.low[at]);
    });
  }

  /// The largest modulus in each column, of all ranks. Collective; one pass.
  std::vector<double> column_bounds() const {
    std::vector<double> bounds = mpi::throw_together(comm(), [&] {
      std::vector<double> mine(static_cast<std::size_t>(n()));
      for (Index i = 0; i < local_m(); ++i) {
        for_each_entry(i, [&](Index j, double x) {
          double& bound = mine[static_cast<std::size_t>(j)];
          bound = std::max(bound, std::abs(x));
        });
      }
      return mine;
    });
    mpi::allreduce(comm(), std::span<double>(bounds), MPI_MAX);
    return bounds;
  }

  /// See fetch_rows().
  Small<double> fetch(const std::vector<Index>& which) const {
    return fetch_rows(*this, which, [&](Index i, double* to) {
      for_each_entry(i, [&](Index j, double x) { to[j] = x; });
    });
  }

 private:
  SparseMatrix<T> matrix_;
  SparseRows<T> rows_;
  std::vector<Index> indices_;  ///< ascending
};

/// The nearest of several centres: argmin over c of ||c||^2 - 2 x c, by a product of the sparse
/// rows with all centres. Memory: k numbers for each column that this rank touches.
template <std::floating_point T>
class SparseClusterRows<T>::Nearest {
 public:
  /// Borrows the rows. @param centres n x k
  Nearest(const SparseClusterRows& rows, const Small<double>& centres)
      : rows_(rows.rows_),
        width_(ceil_div(centres.cols, TallBlocks<T>::pad()) * TallBlocks<T>::pad()),
        factors_(rows_.part->cols * width_),
        bias_(width_),
        scores_(packed_rows * width_) {
    std::fill_n(bias_.get(), width_, std::numeric_limits<T>::infinity());
    for (Index c = 0; c < centres.cols; ++c) {
      double square = 0;
      for (Index j = 0; j < centres.rows; ++j) square += centres(j, c) * centres(j, c);
      bias_.get()[c] = static_cast<T>(square);
    }
    const std::vector<Index>& touched = rows_.part->touched;
    for (Index row = 0; row < rows_.part->cols; ++row) {
      const Index j = touched.empty() ? row : touched[static_cast<std::size_t>(row)];
      T* to = factors_.get() + row * width_;
      for (Index c = 0; c < centres.cols; ++c) to[c] = static_cast<T>(-2 * centres(j, c));
    }
  }

  /// best[i] for the rows of a panel; the first one of equal centres.
  void operator()(Panel panel, std::int32_t* best) const {
    SparseSweep<T> p = sweep_over(*rows_.part, false, panel.begin, panel.count, width_);
    p.adjoint = false;
    p.v = factors_.get();
    p.y = scores_.get();
    p.ldy = width_;
    const SparseKernel<T>& kernel = sparse_kernel<T>();
    kernel.run(p);
    kernel.nearest(scores_.get(), panel.count, width_, bias_.get(), best);
  }

 private:
  const SparseRows<T>& rows_;
  Index width_;
  Aligned<T> factors_;  ///< -2 c: a row for each column that is touched
  Aligned<T> bias_;
  Aligned<T> scores_;
};

/// Squared distances from several centres: differences where a row has entries, and what is left of
/// ||c||^2 elsewhere. A row that is a centre has distance 0.
template <std::floating_point T>
class SparseClusterRows<T>::Distances {
 public:
  /// Borrows both. @param centres n x k
  Distances(const SparseClusterRows& rows, const Small<double>& centres)
      : rows_(rows), centres_(centres) {
    for (Index c = 0; c < centres.cols; ++c) {
      double sum = 0;
      for (Index j = 0; j < centres.rows; ++j) sum += square(centres(j, c));
      squares_.push_back(sum);
    }
  }

  /// Of a panel's rows from centre c.
  void operator()(Panel panel, Index c, double* squares) const {
    for (Index i = 0; i < panel.count; ++i) squares[i] = of_row(panel.begin + i, c);
  }

  /// Of local row i from centre c.
  double of_row(Index i, Index c) const {
    const double* centre = centres_.col(c);
    double sum = 0;
    double seen = 0;
    rows_.for_each_entry(i, [&](Index j, double x) {
      sum += square(x - centre[j]);
      seen += square(centre[j]);
    });
    return sum + std::max(0.0, squares_[static_cast<std::size_t>(c)] - seen);
  }

 private:
  static double square(double x) { return x * x; }

  const SparseClusterRows& rows_;
  const Small<double>& centres_;
  std::vector<double> squares_{};  ///< ||c||^2
};

}  // namespace matrass::detail
