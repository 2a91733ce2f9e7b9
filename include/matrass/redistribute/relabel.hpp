// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Which rank best stands where on a target's grid: where it has most of its elements already.
/// Next: redistribute/redistribute.hpp
#pragma once

#include <algorithm>
#include <matrass/layout/distribution.hpp>
#include <matrass/redistribute/assignment.hpp>
#include <matrass/redistribute/shares.hpp>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace matrass {

namespace detail {

/// How many elements of a source a rank keeps where it comes to stand at a position of the target:
/// it has them before and after. Positions are the ranks of the target's grid.
class KeptElements {
 public:
  KeptElements(const Distribution& source, const Distribution& target)
      : source_(source), target_(target) {
    for (int k = 0; k < target.grid().size(); ++k) {
      places_.push_back(target.holds(k) ? std::pair(*target.row_place(k), *target.col_place(k))
                                        : std::pair(-1, -1));
    }
  }

  /// Fast where the same rank is asked for again.
  Index operator()(int rank, int position) {
    if (rank != rank_) look_at(rank);
    const auto [p, q] = places_[static_cast<std::size_t>(position)];
    if (p < 0 || rows_.empty()) return 0;
    return rows_[static_cast<std::size_t>(p)] * cols_[static_cast<std::size_t>(q)];
  }

 private:
  static std::vector<Index> counts(const BlockCyclicAxis& axis, int p,
                                   const BlockCyclicAxis& other) {
    std::vector<Index> all(static_cast<std::size_t>(other.nprocs), 0);
    for (const PlaceShare& share : shares(axis, p, other)) {
      all[static_cast<std::size_t>(share.place)] = share.count;
    }
    return all;
  }

  void look_at(int rank) {
    rank_ = rank;
    rows_.clear();
    if (!source_.holds(rank)) return;
    rows_ = counts(source_.rows(), *source_.row_place(rank), target_.rows());
    cols_ = counts(source_.cols(), *source_.col_place(rank), target_.cols());
  }

  Distribution source_;
  Distribution target_;
  std::vector<std::pair<int, int>> places_;  ///< by position
  int rank_ = -1;
  std::vector<Index> rows_;  ///< of rank_, by the target's place; empty where it holds nothing
  std::vector<Index> cols_;
};

/// A grid and how many elements pass between ranks on the way to it.
struct Relabelled {
  GridMap grid;
  Index sent = 0;
};

/// The best placement on the grid of `target`, which is in column-major order.
///
/// [CIRC,CIRC] lies on its root, wherever ranks stand: its grid stays as it is.
inline Relabelled relabel(const Distribution& source, const Distribution& target) {
  const GridMap& standard = target.grid();
  const int positions = standard.size();
  if (target.layout() == CIRC_CIRC) return {standard, 0};
  KeptElements kept(source, target);
  const auto profit = [&](int rank, int position) -> Profit {
    return {kept(rank, position), rank == position ? 1 : 0};
  };
  std::vector<int> best = assign(positions, standard.comm_size, profit);
  Index total = 0;
  Index stays = 0;
  Index stays_as_it_is = 0;
  for (int k = 0; k < positions; ++k) {
    total += target.local_shape(k).size();
    stays += kept(best[static_cast<std::size_t>(k)], k);
    stays_as_it_is += kept(k, k);
  }
  if (stays <= stays_as_it_is) return {standard, total - stays_as_it_is};
  return {GridMap::placed(standard.shape, std::move(best), standard.comm_size), total - stays};
}

/// All shapes of `size` ranks, the nearest to square first; of two alike the one with more columns.
inline std::vector<GridShape> grid_shapes(int size) {
  std::vector<GridShape> shapes;
  for (int rows = nearest_to_square(size).rows; rows >= 1; --rows) {
    if (size % rows != 0) continue;
    shapes.push_back({rows, size / rows});
    if (rows * rows != size) shapes.push_back({size / rows, rows});
  }
  return shapes;
}

}  // namespace detail

/// The grid of this shape on which a matrix that lies in `source` needs to send the fewest elements
/// to come into `layout`: its ranks placed where most of their elements stay. Where the order of
/// ranks is as good as any, that is column-major.
///
/// Pure: the same on every rank. Cost: O(p^3) and the best for p <= 128 ranks in the communicator;
/// for more ranks largest shares first, O(p^2) as a rule, never worse than column-major.
/// @param options as for Distribution; sources count places, not ranks.
/// @throws InvalidArgument, LayoutError as Distribution does.
/// Source: COSTA (Kabic, Pintarelli, Kozhevnikov, VandeVondele 2021), relabelling of processes.
inline GridMap relabelled_grid(const Distribution& source, GridShape shape, Layout layout,
                               const LayoutOptions& options = {}) {
  const GridMap standard{shape, GridOrder::column_major, source.grid().comm_size};
  return detail::relabel(source, {standard, source.shape(), layout, options}).grid;
}

/// The same with any shape that takes all ranks: where several send as little, the one nearest to
/// square. Shapes without the places, diagonal or root that `options` name are left out.
inline GridMap relabelled_grid(const Distribution& source, Layout layout,
                               const LayoutOptions& options = {}) {
  const int size = source.grid().comm_size;
  std::optional<detail::Relabelled> best;
  for (const GridShape shape : detail::grid_shapes(size)) {
    const GridMap standard{shape, GridOrder::column_major, size};
    const bool fits = options.row_source < place_count(layout.col, standard) &&
                      options.col_source < place_count(layout.row, standard) &&
                      options.anchor.diagonal < std::gcd(shape.rows, shape.cols);
    if (!fits) continue;
    auto found = detail::relabel(source, {standard, source.shape(), layout, options});
    if (!best || found.sent < best->sent) best = std::move(found);
  }
  if (best) return best->grid;
  return relabelled_grid(source, nearest_to_square(size), layout, options);  // throws
}

}  // namespace matrass
