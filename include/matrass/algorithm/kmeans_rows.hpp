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

/// This rank's rows of an m x n real matrix, perhaps shifted by a row. Borrows the elements, the
/// shift and the communicator.
///
/// Everything that is said of a row (its distance from a centre, its nearest centre, its random
/// numbers) is worked out from the row and its global index alone, and all sums are exact: so
/// nothing depends on how rows are dealt.
template <std::floating_point T>
class KMeansRows {
 public:
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

  /// Rows by their global indices, on every rank: column c of the result is row which[c].
  /// Collective; which is the same on every rank.
  Small<double> fetch(const std::vector<Index>& which) const {
    Small<double> found = mpi::throw_together(comm(), [&] {
      Small<double> mine(n(), static_cast<Index>(which.size()));
      for (Index c = 0; c < mine.cols; ++c) {
        const Index row = which[static_cast<std::size_t>(c)];
        const auto place = std::lower_bound(indices_.begin(), indices_.end(), row);
        if (place == indices_.end() || *place != row) continue;
        for (Index j = 0; j < n(); ++j) {
          mine(j, c) = static_cast<double>(at(place - indices_.begin(), j));
        }
      }
      return mine;
    });
    mpi::allreduce(comm(), found.span());
    return found;
  }

 private:
  LocalRows<T> rows_;
  std::vector<Index> indices_;  ///< ascending
  Index m_;
  const mpi::Communicator* comm_;
};

/// No squared distance within the columns' bounds is larger.
inline double distance_bound(const std::vector<double>& bounds) {
  double sum = 0;
  for (const double each : bounds) sum += 4 * each * each;
  return sum;
}

/// How the nearest of several centres is found: argmin over c of ||c||^2 - 2 x c, by one product
/// of a panel with all centres.
template <std::floating_point T>
class NearestCentre {
 public:
  /// @param centres n x k
  explicit NearestCentre(const Small<double>& centres)
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

}  // namespace matrass::detail
