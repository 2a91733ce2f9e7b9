// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The one rule behind all layouts: on how many places an axis is dealt, and which is a rank's.
/// Next: layout/axis.hpp
#pragma once

#include <matrass/grid/grid_map.hpp>
#include <matrass/layout/layout.hpp>
#include <numeric>
#include <optional>

namespace matrass {

/// What a layout's name leaves open: which diagonal [MD,STAR] uses, which rank [CIRC,CIRC].
struct Anchor {
  int diagonal = 0;  ///< 0 <= diagonal < gcd(r, c): the diagonal through grid row 0, this column
  int root = 0;      ///< rank in the grid's communicator

  friend constexpr bool operator==(const Anchor&, const Anchor&) = default;
};

/// On how many places an axis dealt as `dist` lies.
constexpr int place_count(Dist dist, const GridMap& grid) {
  switch (dist) {
    case Dist::MC:
      return grid.shape.rows;
    case Dist::MR:
      return grid.shape.cols;
    case Dist::MD:
      return std::lcm(grid.shape.rows, grid.shape.cols);
    case Dist::VC:
    case Dist::VR:
      return grid.size();
    case Dist::STAR:
    case Dist::CIRC:
      return 1;
  }
  return 1;
}

namespace detail {
/// The place on the diagonal: k with k = row (mod r) and k + diagonal = col (mod c), if there is
/// one below lcm(r, c). The grid is tiled along its diagonal, so place k is process
/// (k mod r, (k + diagonal) mod c).
constexpr std::optional<int> diagonal_place(GridCoord at, GridShape grid, int diagonal) {
  const int count = std::lcm(grid.rows, grid.cols);
  for (int k = at.row; k < count; k += grid.rows) {
    if ((k + diagonal) % grid.cols == at.col) return k;
  }
  return std::nullopt;
}
}  // namespace detail

/// The place of `rank` on an axis dealt as `dist`; nothing where it has no share.
///
/// A rank holds data if it has a place on both axes; ranks with equal places hold replicas.
constexpr std::optional<int> place(Dist dist, const GridMap& grid, int rank, Anchor anchor = {}) {
  if (dist == Dist::CIRC) return rank == anchor.root ? std::optional(0) : std::nullopt;
  const std::optional<GridCoord> at = grid.coord(rank);
  if (!at) return std::nullopt;
  switch (dist) {
    case Dist::MC:
      return at->row;
    case Dist::MR:
      return at->col;
    case Dist::MD:
      return detail::diagonal_place(*at, grid.shape, anchor.diagonal);
    case Dist::VC:
      return at->row + at->col * grid.shape.rows;
    case Dist::VR:
      return at->col + at->row * grid.shape.cols;
    default:
      return 0;
  }
}

}  // namespace matrass
