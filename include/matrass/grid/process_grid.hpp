// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A process grid: a grid map over a communicator.
/// Next: layout/layout.hpp, then matrix/dist_matrix.hpp
#pragma once

#include <concepts>
#include <cstdint>
#include <matrass/core/error.hpp>
#include <matrass/grid/grid_map.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/mpi/communicator.hpp>
#include <optional>
#include <string>

namespace matrass {

/// Which grid it is, for mpi::Call.
inline std::uint64_t call_hash(const GridMap& map) {
  return mpi::Call("grid", map.shape.rows, map.shape.cols, map.order, map.comm_size,
                   map.placement.hash())
      .hash();
}

/// An r x c process grid over a communicator. A value: copies share the communicator's state, and
/// any number of grids of any shape may live side by side on one communicator.
class ProcessGrid {
 public:
  /// The grid nearest to square over all ranks, column-major. Collective over `comm`.
  explicit ProcessGrid(MPI_Comm comm = MPI_COMM_WORLD, GridOrder order = GridOrder::column_major)
      : comm_(comm), map_{nearest_to_square(comm_.size()), order, comm_.size()} {}

  /// A grid of this shape over the first rows * cols ranks; the others hold nothing.
  ///
  /// Collective over `comm`, with the same arguments on every rank.
  /// @throws InvalidArgument unless 1 <= rows * cols <= size.
  ProcessGrid(MPI_Comm comm, GridShape shape, GridOrder order = GridOrder::column_major)
      : comm_(comm), map_{shape, order, comm_.size()} {
    mpi::throw_together(comm_, mpi::Call("Grid", shape.rows, shape.cols, order),
                        [&] { require_fit(); });
  }

  /// A grid with its ranks where `map` places them, one by one perhaps (GridMap::placed).
  ///
  /// Collective over `comm`, with the same map on every rank. A template, so that `{rows, cols}`
  /// means a shape.
  /// @throws InvalidArgument unless it is a map over all ranks of `comm` and 1 <= rows * cols <=
  ///   size.
  template <std::same_as<GridMap> Map>
  ProcessGrid(MPI_Comm comm, const Map& map) : comm_(comm), map_(map) {
    mpi::throw_together(comm_, mpi::Call("Grid", map_), [&] {
      if (map_.comm_size != comm_.size()) {
        throw InvalidArgument("Grid: a map must be over the " + std::to_string(comm_.size()) +
                              " ranks of the communicator: got one over " +
                              std::to_string(map_.comm_size));
      }
      require_fit();
      const auto ranks = map_.placement.ranks();
      if (map_.placement && static_cast<int>(ranks.size()) != size()) {
        throw InvalidArgument("Grid: a map must place rows * columns ranks: got " +
                              std::to_string(ranks.size()) + " for shape " + to_string(shape()));
      }
    });
  }

  /// The same ranks where `map`, one over all of them, places them. Local; the same on every rank.
  ProcessGrid placed(const GridMap& map) const {
    ProcessGrid grid = *this;
    grid.map_ = map;
    grid.require_fit();
    return grid;
  }

  const GridMap& map() const { return map_; }
  GridShape shape() const { return map_.shape; }
  GridOrder order() const { return map_.order; }
  /// How many ranks stand on the grid.
  int size() const { return map_.size(); }
  /// This process's rank in the communicator.
  int rank() const { return comm_.rank(); }
  /// Where this process stands; nothing outside the grid.
  std::optional<GridCoord> coord() const { return map_.coord(rank()); }

  const mpi::Communicator& comm() const { return comm_; }

  friend bool operator==(const ProcessGrid&, const ProcessGrid&) = default;

 private:
  void require_fit() const {
    const bool positive = shape().rows >= 1 && shape().cols >= 1;
    if (!positive || static_cast<Index>(shape().rows) * shape().cols > comm_.size()) {
      throw InvalidArgument("Grid: rows * columns must be between 1 and the " +
                            std::to_string(comm_.size()) + " ranks: got shape " +
                            to_string(shape()));
    }
  }

  mpi::Communicator comm_;
  GridMap map_;
};

}  // namespace matrass
