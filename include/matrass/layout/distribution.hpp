// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A layout applied to a shape, block sizes and a grid: who owns which (i, j). No MPI.
/// Next: layout/descriptor.hpp
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/core/error.hpp>
#include <matrass/core/narrow.hpp>
#include <matrass/core/shown.hpp>
#include <matrass/core/types.hpp>
#include <matrass/grid/grid_map.hpp>
#include <matrass/layout/axis.hpp>
#include <matrass/layout/layout.hpp>
#include <matrass/layout/place.hpp>
#include <optional>
#include <string>
#include <vector>

namespace matrass {

/// The block size that `block = none` means: 64 where both axes are dealt, and one contiguous part
/// for each place where only one is, so that row partitions need not move.
inline constexpr Index default_block = 64;

/// What a caller may choose besides the layout's name.
struct LayoutOptions {
  std::optional<Block> block{};  ///< none: see `default_block`
  int row_source = 0;            ///< the place that owns row 0
  int col_source = 0;            ///< the place that owns column 0
  Anchor anchor{};               ///< [MD,STAR]'s diagonal, [CIRC,CIRC]'s root
};

/// Which rank owns which (i, j): the product of two axes over one grid.
class Distribution {
 public:
  Distribution() = default;

  /// @throws InvalidArgument, LayoutError if an extent is negative, a block size is not positive, a
  ///   source is no place of its axis, or the diagonal or root does not exist.
  Distribution(const GridMap& grid, Shape shape, Layout layout, const LayoutOptions& options = {});

  const GridMap& grid() const { return grid_; }
  Layout layout() const { return layout_; }
  Anchor anchor() const { return anchor_; }
  const BlockCyclicAxis& rows() const { return rows_; }
  const BlockCyclicAxis& cols() const { return cols_; }
  Shape shape() const { return {rows_.extent, cols_.extent}; }
  Block block() const { return {rows_.block, cols_.block}; }

  /// The place of `rank` on the axis of rows (of columns); nothing where it has no share.
  std::optional<int> row_place(int rank) const { return place(layout_.col, grid_, rank, anchor_); }
  std::optional<int> col_place(int rank) const { return place(layout_.row, grid_, rank, anchor_); }

  /// Whether `rank` has a share in this distribution (it may still be empty).
  bool holds(int rank) const { return row_place(rank) && col_place(rank); }

  /// The shape of the local part of `rank`.
  Shape local_shape(int rank) const {
    if (!holds(rank)) return {0, 0};
    return {rows_.local_extent(*row_place(rank)), cols_.local_extent(*col_place(rank))};
  }

  /// The smallest leading dimension of the local part of `rank` that ScaLAPACK takes: it counts a
  /// view's first block as a whole.
  Index leading_dimension(int rank) const {
    if (!holds(rank)) return 1;
    const int p = *row_place(rank);
    return std::max<Index>(1, rows_.local_extent(p) + rows_.missing_head(p));
  }

  /// The global row (column) indices that `rank` holds, ascending.
  std::vector<Index> local_rows(int rank) const {
    return holds(rank) ? rows_.global_indices(*row_place(rank)) : std::vector<Index>{};
  }
  std::vector<Index> local_cols(int rank) const {
    return holds(rank) ? cols_.global_indices(*col_place(rank)) : std::vector<Index>{};
  }

  /// All ranks that hold element (i, j), ascending.
  std::vector<int> owners(Index i, Index j) const {
    return ranks_at(rows_.owner(i), cols_.owner(j));
  }

  /// All ranks that stand at these two places of the axes, ascending. O(of these).
  std::vector<int> ranks_at(int row_place, int col_place) const;

  /// Of the ranks that hold the same part as `rank`, the first: it speaks for the part in sums.
  bool is_first_replica(int rank) const {
    return holds(rank) && ranks_at(*row_place(rank), *col_place(rank)).front() == rank;
  }

  /// The distribution of the transposed matrix on the same ranks: nothing moves.
  Distribution transposed() const;

  /// The distribution of the view on rows [i0, i1) and columns [j0, j1): nothing moves.
  /// @throws InvalidArgument unless 0 <= i0 <= i1 <= rows and the same for columns.
  Distribution slice(Index i0, Index i1, Index j0, Index j1) const;

  friend bool operator==(const Distribution&, const Distribution&) = default;

 private:
  GridMap grid_;
  Layout layout_ = STAR_STAR;
  Anchor anchor_;
  BlockCyclicAxis rows_;
  BlockCyclicAxis cols_;
};

/// "[VC,STAR] 7x5, blocks 1x5, grid 2x3", and " placed" where ranks stand in no regular order.
inline std::string to_string(const Distribution& d) {
  return to_string(d.layout()) + " " + std::to_string(d.rows().extent) + "x" +
         std::to_string(d.cols().extent) + ", blocks " + std::to_string(d.rows().block) + "x" +
         std::to_string(d.cols().block) + ", grid " + to_string(d.grid().shape) +
         (d.grid().placement ? " placed" : "");
}

namespace detail {

inline Block choose_block(const LayoutOptions& options, Shape shape, int row_places, int col_places,
                          Layout layout) {
  if (options.block) return *options.block;
  const bool both_dealt = layout == MC_MR || layout == MR_MC;
  if (both_dealt) return {default_block, default_block};
  return {std::max<Index>(1, ceil_div(shape.rows, row_places)),
          std::max<Index>(1, ceil_div(shape.cols, col_places))};
}

inline void require(bool good, const std::string& what) {
  if (!good) throw InvalidArgument(what);
}

}  // namespace detail

inline Distribution::Distribution(const GridMap& grid, Shape shape, Layout layout,
                                  const LayoutOptions& options)
    : grid_(grid), layout_(require_legal(layout)), anchor_(options.anchor) {
  const int row_places = place_count(layout.col, grid);
  const int col_places = place_count(layout.row, grid);
  const Block block = detail::choose_block(options, shape, row_places, col_places, layout);
  detail::require(shape.rows >= 0 && shape.cols >= 0,
                  "layout: extents must not be negative: got " + shown(shape.rows, shape.cols));
  detail::require(block.rows >= 1 && block.cols >= 1,
                  "layout: block sizes must be at least 1: got " + shown(block.rows, block.cols));
  // So that no sum or product of these, a few cycles past the end, leaves 64 bits.
  constexpr Index most = std::numeric_limits<Index>::max() / 8;
  detail::require(shape.rows <= most && shape.cols <= most,
                  "layout: extents must be below 2^60: got " + shown(shape.rows, shape.cols));
  detail::require(
      block.rows <= most / row_places && block.cols <= most / col_places,
      "layout: block sizes must be below 2^60 / places: got " + shown(block.rows, block.cols));
  detail::require(options.row_source >= 0 && options.row_source < row_places &&
                      options.col_source >= 0 && options.col_source < col_places,
                  "layout: sources must be places of " + to_string(layout) + " on a grid " +
                      to_string(grid.shape) + ": got " +
                      shown(options.row_source, options.col_source));
  detail::require(
      anchor_.diagonal >= 0 && anchor_.diagonal < std::gcd(grid.shape.rows, grid.shape.cols),
      "layout: a grid " + to_string(grid.shape) + " has no diagonal " +
          std::to_string(anchor_.diagonal));
  detail::require(anchor_.root >= 0 && anchor_.root < grid.comm_size,
                  "layout: root must be one of " + std::to_string(grid.comm_size) + " ranks: got " +
                      std::to_string(anchor_.root));
  rows_ = {shape.rows, block.rows, row_places, options.row_source, 0};
  cols_ = {shape.cols, block.cols, col_places, options.col_source, 0};
}

inline std::vector<int> Distribution::ranks_at(int row_place, int col_place) const {
  if (layout_ == CIRC_CIRC) return {anchor_.root};
  // In a legal pair no two axes name the same coordinate: one of them is [*,STAR], or MC and MR.
  const GridPart a = standing_at(layout_.col, grid_.shape, row_place, anchor_);
  const GridPart b = standing_at(layout_.row, grid_.shape, col_place, anchor_);
  const std::optional<int> row = a.row ? a.row : b.row;
  const std::optional<int> col = a.col ? a.col : b.col;
  std::vector<int> ranks;
  for (int j = col.value_or(0); j < (col ? *col + 1 : grid_.shape.cols); ++j) {
    for (int i = row.value_or(0); i < (row ? *row + 1 : grid_.shape.rows); ++i) {
      ranks.push_back(grid_.rank({i, j}));
    }
  }
  if (!std::is_sorted(ranks.begin(), ranks.end())) std::sort(ranks.begin(), ranks.end());
  return ranks;
}

inline Distribution Distribution::transposed() const {
  Distribution result = *this;
  result.layout_ = matrass::transposed(layout_);
  result.rows_ = cols_;
  result.cols_ = rows_;
  return result;
}

inline Distribution Distribution::slice(Index i0, Index i1, Index j0, Index j1) const {
  detail::require(
      0 <= i0 && i0 <= i1 && i1 <= rows_.extent && 0 <= j0 && j0 <= j1 && j1 <= cols_.extent,
      "slice: must lie within shape " + shown(rows_.extent, cols_.extent) + ": got rows " +
          std::to_string(i0) + ":" + std::to_string(i1) + ", columns " + std::to_string(j0) + ":" +
          std::to_string(j1));
  Distribution result = *this;
  result.rows_ = rows_.slice(i0, i1);
  result.cols_ = cols_.slice(j0, j1);
  return result;
}

}  // namespace matrass
