// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The rows that k-means works on: panels of them, single ones by their global index, their bounds.
/// Next: algorithm/kmeans_init.hpp
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <matrass/algorithm/cluster_kernel.hpp>
#include <matrass/algorithm/exact_sum.hpp>
#include <matrass/algorithm/vectors.hpp>
#include <span>
#include <utility>
#include <vector>

namespace matrass::detail {

/// SumBins of each column.
struct ColumnBins {
  std::vector<double> high{};
  std::vector<double> low{};

  ColumnBins(const std::vector<double>& bounds, Index terms) {
    for (const double bound : bounds) {
      const SumBins bins(bound, terms);
      high.push_back(bins.high);
      low.push_back(bins.low);
    }
  }
};

/// What k-means asks of one rank's rows, dense (KMeansRows) or sparse: their numbers and global
/// indices, rows by these on every rank (fetch), and panels of at most packed_rows of them, of
/// which it asks the nearest centres (Nearest), squared distances from centres (Distances), and
/// that a row is added to exact sums.
///
/// Everything that is said of a row (its distance from a centre, its nearest centre, its random
/// numbers) has to be worked out from the row and its global index alone: as all sums are exact,
/// nothing then depends on how rows are dealt.
template <class Rows>
concept ClusterRows =
    requires(const Rows& rows, typename Rows::Panel panel, const typename Rows::Nearest& nearest,
             const typename Rows::Distances& distances, double* out, std::int32_t* best,
             const std::vector<Index>& which, const ColumnBins& bins) {
      { rows.m() } -> std::same_as<Index>;
      { rows.n() } -> std::same_as<Index>;
      { rows.local_m() } -> std::same_as<Index>;
      { rows.indices() } -> std::same_as<std::span<const Index>>;
      { rows.comm() } -> std::convertible_to<const mpi::Communicator&>;
      { rows.fetch(which) } -> std::same_as<Small<double>>;
      rows.for_each_panel([](typename Rows::Panel, Index, Index) {});
      nearest(panel, best);
      distances(panel, Index{0}, out);
      { distances.of_row(Index{0}, Index{0}) } -> std::same_as<double>;
      rows.add_exactly(panel, Index{0}, 1.0, bins, out, out);
    };

/// How the nearest of several centres is found: argmin over c of ||c||^2 - 2 x c, by one product
/// of a panel with all centres.
template <std::floating_point T>
class NearestCentre {
 public:
  /// @param centres n x k
  template <class Rows>
  NearestCentre(const Rows& /*rows*/, const Small<double>& centres)
      : n_(centres.rows),
        k_(centres.cols),
        factors_(n_ * k_),
        bias_(k_),
        scores_(k_ * packed_rows) {
    for (Index c = 0; c < k_; ++c) {
      double square = 0;
      for (Index j = 0; j < n_; ++j) {
        square += centres(j, c) * centres(j, c);
        factors_.get()[c * n_ + j] = static_cast<T>(-2 * centres(j, c));
      }
      bias_.get()[c] = static_cast<T>(square);
    }
  }

  /// best[i] for the packed_rows rows of a packed panel; the first one of equal centres.
  void operator()(const T* panel, std::int32_t* best) const {
    for (Index c = 0; c < k_; ++c) {
      std::fill_n(scores_.get() + c * packed_rows, packed_rows, bias_.get()[c]);
    }
    PanelProduct<T> product{.rows = k_, .depth = n_, .width = packed_rows};
    product.a = factors_.get();
    product.sr = n_;
    product.b = panel;
    product.ldb = packed_rows;
    product.c = scores_.get();
    product.ldc = packed_rows;
    product.accumulate = true;
    panel_kernel<T>().product(product);
    cluster_kernel<T>().nearest(scores_.get(), k_, best);
  }

 private:
  Index n_;
  Index k_;
  Aligned<T> factors_;  ///< -2 c, a row for each centre
  Aligned<T> bias_;
  Aligned<T> scores_;
};

/// Rows by their global indices, on every rank: column c of the result is row which[c]. Collective;
/// which is the same on every rank. @param copy (i, to) writes local row i, whose zeros are there
template <class Rows, class Copy>
Small<double> fetch_rows(const Rows& rows, const std::vector<Index>& which, Copy&& copy) {
  Small<double> found = mpi::throw_together(rows.comm(), [&] {
    Small<double> mine(rows.n(), static_cast<Index>(which.size()));
    const std::span<const Index> indices = rows.indices();
    for (Index c = 0; c < mine.cols; ++c) {
      const Index row = which[static_cast<std::size_t>(c)];
      const auto place = std::lower_bound(indices.begin(), indices.end(), row);
      if (place != indices.end() && *place == row) copy(place - indices.begin(), mine.col(c));
    }
    return mine;
  });
  mpi::allreduce(rows.comm(), found.span());
  return found;
}

/// This rank's rows of an m x n real matrix, perhaps shifted by a row. Borrows the elements, the
/// shift and the communicator. See ClusterRows.
template <std::floating_point T>
class KMeansRows {
 public:
  using Panel = const T*;  ///< packed rows
  using Nearest = NearestCentre<T>;

  /// Squared distances of rows from several centres, the differences first.
  class Distances {
   public:
    /// Borrows both. @param centres n x k
    Distances(const KMeansRows& rows, const Small<double>& centres)
        : rows_(rows), centres_(centres) {}

    /// Of a panel's rows from centre c.
    void operator()(Panel panel, Index c, double* squares) const {
      cluster_kernel<T>().distances(panel, rows_.n(), centres_.col(c), squares);
    }

    /// Of local row i from centre c.
    double of_row(Index i, Index c) const {
      const double* centre = centres_.col(c);
      double sum = 0;
      for (Index j = 0; j < rows_.n(); ++j) {
        const double d = static_cast<double>(rows_.at(i, j)) - centre[j];
        sum += d * d;
      }
      return sum;
    }

   private:
    const KMeansRows& rows_;
    const Small<double>& centres_;
  };

  /// Local.
  KMeansRows(const LocalRows<T>& rows, std::vector<Index> indices, Index m,
             const mpi::Communicator& comm)
      : rows_(rows), indices_(std::move(indices)), m_(m), comm_(&comm) {}

  Index m() const { return m_; }
  Index n() const { return rows_.n; }
  Index local_m() const { return rows_.m; }
  std::span<const Index> indices() const { return indices_; }
  const mpi::Communicator& comm() const { return *comm_; }
  T at(Index i, Index j) const {
    const T shift = rows_.col_shift != nullptr ? rows_.col_shift[j] : T{0};
    return rows_.row(i)[j * rows_.col_stride] - shift;
  }

  /// Calls f(panel, begin, count) for the packed panels of this rank: rows [begin, begin + count),
  /// then zeros. Local.
  template <class F>
  void for_each_panel(F&& f) const {
    const Aligned<T> panel(n() * packed_rows);
    for (Index begin = 0; begin < rows_.m; begin += packed_rows) {
      const Index count = std::min<Index>(packed_rows, rows_.m - begin);
      if (count < packed_rows) std::fill_n(panel.get(), n() * packed_rows, T{});
      copy_rows(rows_, begin, count, panel.get(), 1, packed_rows);
      f(panel.get(), begin, count);
    }
  }

  /// Adds `sign` (1 or -1) times row i of a panel to exact sums of the columns.
  void add_exactly(Panel panel, Index i, double sign, const ColumnBins& bins, double* high,
                   double* low) const {
    row_.resize(static_cast<std::size_t>(n()));
    for (Index j = 0; j < n(); ++j) {
      row_[static_cast<std::size_t>(j)] = static_cast<double>(panel[j * packed_rows + i]);
    }
    cluster_kernel<T>().add_exactly(row_.data(), n(), sign, bins.high.data(), bins.low.data(), high,
                                    low);
  }

  /// The largest modulus in each column, of all ranks. Collective; one pass.
  std::vector<double> column_bounds() const {
    std::vector<double> bounds = mpi::throw_together(comm(), [&] {
      std::vector<double> mine(static_cast<std::size_t>(n()));
      for_each_panel([&](const T* panel, Index, Index) {
        for (Index j = 0; j < n(); ++j) {
          std::array<T, 8> most{};
          for (int i = 0; i < packed_rows; ++i) {
            T& kept = most[static_cast<std::size_t>(i % 8)];
            const T size = std::abs(panel[j * packed_rows + i]);
            kept = size > kept ? size : kept;
          }
          double& bound = mine[static_cast<std::size_t>(j)];
          bound = std::max<double>(bound, *std::max_element(most.begin(), most.end()));
        }
      });
      return mine;
    });
    mpi::allreduce(comm(), std::span<double>(bounds), MPI_MAX);
    return bounds;
  }

  /// See fetch_rows().
  Small<double> fetch(const std::vector<Index>& which) const {
    return fetch_rows(*this, which, [&](Index i, double* to) {
      for (Index j = 0; j < n(); ++j) to[j] = static_cast<double>(at(i, j));
    });
  }

 private:
  LocalRows<T> rows_;
  std::vector<Index> indices_;  ///< ascending
  Index m_;
  const mpi::Communicator* comm_;
  mutable std::vector<double> row_{};  ///< of add_exactly
};

/// No squared distance within the columns' bounds is larger.
inline double distance_bound(const std::vector<double>& bounds) {
  double sum = 0;
  for (const double each : bounds) sum += 4 * each * each;
  return sum;
}

}  // namespace matrass::detail
