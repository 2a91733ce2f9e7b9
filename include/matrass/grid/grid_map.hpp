// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Which rank stands where on the process grid: pure arithmetic, no MPI.
/// Next: grid/process_grid.hpp (the same with communicators) or layout/layout.hpp
#pragma once

#include <algorithm>
#include <cstdint>
#include <matrass/core/error.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

/// The order in which ranks fill a process grid.
enum class GridOrder { column_major, row_major };

struct GridShape {
  int rows = 1;
  int cols = 1;

  friend constexpr bool operator==(const GridShape&, const GridShape&) = default;
};

inline std::string to_string(GridShape shape) {
  return std::to_string(shape.rows) + "x" + std::to_string(shape.cols);
}

/// A place on the process grid.
struct GridCoord {
  int row = 0;
  int col = 0;

  friend constexpr bool operator==(const GridCoord&, const GridCoord&) = default;
};

/// Which rank stands where, in no regular order. A value: copies share one table.
class Placement {
 public:
  /// No table: the order of the grid map tells.
  Placement() = default;

  explicit operator bool() const { return table_ != nullptr; }
  std::span<const int> ranks() const {
    return table_ ? std::span<const int>(table_->ranks) : std::span<const int>{};
  }

  int rank(int position) const { return table_->ranks[static_cast<std::size_t>(position)]; }

  /// Where `rank` is in ranks(); nothing where it is not.
  std::optional<int> position(int rank) const {
    if (rank < 0 || static_cast<std::size_t>(rank) >= table_->positions.size()) return std::nullopt;
    const int at = table_->positions[static_cast<std::size_t>(rank)];
    return at < 0 ? std::nullopt : std::optional(at);
  }

  /// Equal for equal placements; 0 where there is no table.
  std::uint64_t hash() const { return table_ ? table_->hash : 0; }

  friend bool operator==(const Placement& a, const Placement& b) {
    return a.table_ == b.table_ || std::ranges::equal(a.ranks(), b.ranks());
  }

 private:
  friend struct GridMap;

  struct Table {
    std::vector<int> ranks;
    std::vector<int> positions;  ///< by rank; -1: stands outside
    std::uint64_t hash = 0;
  };

  /// @param ranks all different and not negative: `ranks[row + col * shape.rows]`.
  explicit Placement(std::vector<int> ranks) {
    auto table = std::make_shared<Table>();
    table->positions.assign(
        static_cast<std::size_t>(*std::max_element(ranks.begin(), ranks.end())) + 1, -1);
    table->hash = 0xcbf29ce484222325U;  // FNV-1a
    for (std::size_t k = 0; k < ranks.size(); ++k) {
      table->positions[static_cast<std::size_t>(ranks[k])] = static_cast<int>(k);
      table->hash = (table->hash ^ static_cast<std::uint64_t>(ranks[k])) * 0x100000001b3U;
    }
    table->ranks = std::move(ranks);
    table_ = std::move(table);
  }

  std::shared_ptr<const Table> table_;
};

/// An r x c process grid laid over the ranks 0, 1, ..., r*c - 1 of a communicator of `comm_size`
/// ranks, in an order or placed one by one (then any r*c ranks); the others stand outside and hold
/// nothing.
///
/// Example: 2 x 3, column-major: rank 3 stands at row 1, column 1; row-major: at row 1, column 0.
struct GridMap {
  GridShape shape;
  GridOrder order = GridOrder::column_major;  ///< where there is a placement: column_major
  int comm_size = 1;
  Placement placement = {};

  /// The grid on which `ranks[row + col * shape.rows]` stands at (row, col). What is one of the two
  /// orders has no placement, so that equal grids compare equal.
  /// @throws InvalidArgument unless these are shape.rows * shape.cols different ranks of
  ///   `comm_size`.
  static GridMap placed(GridShape shape, std::vector<int> ranks, int comm_size);

  int size() const { return shape.rows * shape.cols; }

  int rank(GridCoord at) const {
    if (placement) return placement.rank(at.row + at.col * shape.rows);
    return order == GridOrder::column_major ? at.row + at.col * shape.rows
                                            : at.col + at.row * shape.cols;
  }

  /// Where `rank` stands; nothing for a rank outside the grid.
  std::optional<GridCoord> coord(int rank) const {
    if (placement) {
      const std::optional<int> at = placement.position(rank);
      return at ? std::optional(GridCoord{*at % shape.rows, *at / shape.rows}) : std::nullopt;
    }
    if (rank < 0 || rank >= size()) return std::nullopt;
    if (order == GridOrder::column_major) return GridCoord{rank % shape.rows, rank / shape.rows};
    return GridCoord{rank / shape.cols, rank % shape.cols};
  }

  friend bool operator==(const GridMap&, const GridMap&) = default;
};

inline GridMap GridMap::placed(GridShape shape, std::vector<int> ranks, int comm_size) {
  const auto size = static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(shape.cols);
  std::vector<int> sorted = ranks;
  std::sort(sorted.begin(), sorted.end());
  const bool different = std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
  if (shape.rows < 1 || shape.cols < 1 || ranks.size() != size || !different ||
      sorted.front() < 0 || sorted.back() >= comm_size) {
    throw InvalidArgument("Grid: a placement must name rows * columns different ranks of the " +
                          std::to_string(comm_size) + ": got " + std::to_string(ranks.size()) +
                          " for shape " + to_string(shape));
  }
  for (const GridOrder order : {GridOrder::column_major, GridOrder::row_major}) {
    GridMap regular{shape, order, comm_size};
    bool same = true;
    for (int k = 0; k < regular.size() && same; ++k) {
      same = regular.rank({k % shape.rows, k / shape.rows}) == ranks[static_cast<std::size_t>(k)];
    }
    if (same) return regular;
  }
  return {shape, GridOrder::column_major, comm_size, Placement(std::move(ranks))};
}

/// The shape nearest to square with r * c == size and r <= c.
constexpr GridShape nearest_to_square(int size) {
  int rows = 1;
  for (int r = 1; r * r <= size; ++r) {
    if (size % r == 0) rows = r;
  }
  return {rows, size / rows};
}

}  // namespace matrass
