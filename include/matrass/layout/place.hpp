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
inline int place_count(Dist dist, const GridMap& grid) {
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
inline std::optional<int> place(Dist dist, const GridMap& grid, int rank, Anchor anchor = {}) {
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

/// A part of the process grid: one process, the whole of one row or column, or everything.
struct GridPart {
  std::optional<int> row{};  ///< none: all rows
  std::optional<int> col{};
};

/// Who stands at place `k` of an axis dealt as `dist`: the inverse of `place`. CIRC is no part of
/// the grid but the root.
constexpr GridPart standing_at(Dist dist, GridShape grid, int k, Anchor anchor = {}) {
  switch (dist) {
    case Dist::MC:
      return {k, std::nullopt};
    case Dist::MR:
      return {std::nullopt, k};
    case Dist::MD:
      return {k % grid.rows, (k + anchor.diagonal) % grid.cols};
    case Dist::VC:
      return {k % grid.rows, k / grid.rows};
    case Dist::VR:
      return {k / grid.cols, k % grid.cols};
    default:
      return {};
  }
}

}  // namespace matrass
