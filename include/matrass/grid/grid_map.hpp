// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Which rank stands where on the process grid: pure arithmetic, no MPI.
/// Next: grid/process_grid.hpp (the same with communicators) or layout/layout.hpp
#pragma once

#include <matrass/core/error.hpp>
#include <optional>
#include <string>

namespace matrass {

/// The order in which ranks fill a process grid.
enum class GridOrder { column_major, row_major };

struct GridShape {
  int rows = 1;
  int cols = 1;

  friend constexpr bool operator==(const GridShape&, const GridShape&) = default;
};

/// A place on the process grid.
struct GridCoord {
  int row = 0;
  int col = 0;

  friend constexpr bool operator==(const GridCoord&, const GridCoord&) = default;
};

/// An r x c process grid laid over the ranks 0, 1, ..., r*c - 1 of a communicator of `comm_size`
/// ranks; ranks from r*c on stand outside and hold nothing.
///
/// Example: 2 x 3, column-major: rank 3 stands at row 1, column 1; row-major: at row 1, column 0.
struct GridMap {
  GridShape shape;
  GridOrder order = GridOrder::column_major;
  int comm_size = 1;

  constexpr int size() const { return shape.rows * shape.cols; }

  constexpr int rank(GridCoord at) const {
    return order == GridOrder::column_major ? at.row + at.col * shape.rows
                                            : at.col + at.row * shape.cols;
  }

  /// Where `rank` stands; nothing for a rank outside the grid.
  constexpr std::optional<GridCoord> coord(int rank) const {
    if (rank < 0 || rank >= size()) return std::nullopt;
    if (order == GridOrder::column_major) return GridCoord{rank % shape.rows, rank / shape.rows};
    return GridCoord{rank / shape.cols, rank % shape.cols};
  }

  friend constexpr bool operator==(const GridMap&, const GridMap&) = default;
};

/// The shape nearest to square with r * c == size and r <= c.
constexpr GridShape nearest_to_square(int size) {
  int rows = 1;
  for (int r = 1; r * r <= size; ++r) {
    if (size % r == 0) rows = r;
  }
  return {rows, size / rows};
}

inline std::string to_string(GridShape shape) {
  return std::to_string(shape.rows) + "x" + std::to_string(shape.cols);
}

}  // namespace matrass
