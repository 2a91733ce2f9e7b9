// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Grid maps of every kind: both orders, and ranks placed one by one.
/// Next: tests/cpp/support/matrices.hpp
#pragma once

#include <matrass/grid/grid_map.hpp>
#include <vector>

#include "support/campaign.hpp"
#include "support/reference.hpp"

namespace matrass::test {

/// A grid with any of `comm_size` ranks at its places, by chance.
inline GridMap placed_by_chance(GridShape shape, int comm_size, Sample& sample) {
  std::vector<int> ranks;
  for (int rank = 0; rank < comm_size; ++rank) {
    const int at = sample.choose(rank + 1);
    ranks.insert(ranks.begin() + at, rank);
  }
  ranks.resize(static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(shape.cols));
  return GridMap::placed(shape, ranks, comm_size);
}

/// A grid of any shape on at most `ranks` ranks, in one of the orders or placed by chance.
inline GridMap any_grid_map(int ranks, Sample& sample) {
  const auto shapes = grid_shapes(ranks);
  const auto [r, c] =
      shapes[static_cast<std::size_t>(sample.choose(static_cast<int>(shapes.size())))];
  const int kind = sample.choose(3);
  if (kind == 2) return placed_by_chance({r, c}, ranks, sample);
  return {{r, c}, kind == 0 ? GridOrder::column_major : GridOrder::row_major, ranks};
}

/// The grids of one shape: both orders and a placement.
inline std::vector<GridMap> grid_maps(GridShape shape, int comm_size) {
  Sample sample(1);
  return {{shape, GridOrder::column_major, comm_size},
          {shape, GridOrder::row_major, comm_size},
          placed_by_chance(shape, comm_size, sample)};
}

/// `grid` as a table, filled from its order or from its list of ranks.
inline GridTable table_of(const GridMap& grid) {
  GridTable table(grid.shape.rows, grid.shape.cols, grid.order == GridOrder::column_major);
  std::size_t next = 0;
  for (int j = 0; grid.placement && j < grid.shape.cols; ++j) {
    for (int i = 0; i < grid.shape.rows; ++i) table.at(i, j) = grid.placement.ranks()[next++];
  }
  return table;
}

}  // namespace matrass::test
