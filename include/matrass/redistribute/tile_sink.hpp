// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A matrix that is filled by tiles over time: sources that are larger than memory.
/// Next: scalapack/context.hpp or algorithm/norm.hpp
#pragma once

#include <matrass/redistribute/tiles.hpp>
#include <utility>
#include <vector>

namespace matrass {

/// Takes tiles in batches until they cover a matrix exactly once.
///
/// After each batch its tiles are free for other use: beside the matrix there is one batch in
/// memory, and the extents of all tiles (some 100 bytes each).
template <Scalar T>
class TileSink {
 public:
  using value_type = T;

  /// Allocates the matrix. Collective over `grid`, like all that this class does.
  TileSink(const ProcessGrid& grid, const Distribution& wanted)
      : matrix_(grid, wanted, false), taken_(static_cast<std::size_t>(grid.comm().size()), 0) {}

  /// Places the tiles that all ranks have given, each any number of them.
  /// @throws InvalidArgument on all ranks, naming the tile: one that lies outside of the matrix, or
  ///   overlaps another. Nothing of the batch is placed then.
  void add(const std::vector<Tile<const T>>& tiles) {
    require_unfinished();
    const ProcessGrid& grid = matrix_.grid();
    const auto [headers, parts] = detail::split(tiles);
    std::vector<TileExtent> batch = gather_extents(grid.comm(), "from_tiles", headers);
    for (TileExtent& tile : batch) tile.number += taken_[static_cast<std::size_t>(tile.rank)];
    const mpi::Call call("from_tiles", matrix_.distribution());
    auto exchange = mpi::throw_together(grid.comm(), call, [&] {
      require_within(batch, matrix_.shape(), "from_tiles");
      cover_.require_free(batch);
      const Pieces target = matrass::pieces_of(matrix_.distribution());
      auto plan = std::make_shared<const Plan>(
          make_plan(detail::pieces_of(batch), target, grid.rank(), grid.comm().size()));
      return detail::Exchange<T>(grid.comm(), std::move(plan), size_of(batch));
    });
    exchange.run(parts, detail::parts_of(matrix_.part(), matrix_.distribution(), grid.rank()),
                 matrix_.storage().owner());
    for (const TileExtent& tile : batch) ++taken_[static_cast<std::size_t>(tile.rank)];
    cover_.add(batch);
    covered_ = cover_.covered();
  }

  /// How many elements have come so far.
  Index covered() const { return covered_; }

  /// The matrix, once all of it has come; the sink then takes nothing more.
  /// @throws InvalidArgument on all ranks, saying what is missing.
  DistMatrix<T> finish() {
    require_unfinished();
    const mpi::Call call("from_tiles", matrix_.distribution(), covered_);
    mpi::throw_together(matrix_.grid().comm(), call,
                        [&] { cover_.require_exact(matrix_.shape()); });
    cover_ = {};
    finished_ = true;
    return std::exchange(matrix_, {});
  }

 private:
  /// On all ranks alike, for they have finished together.
  void require_unfinished() const {
    if (finished_)
      throw InvalidArgument("TileSink: must not be finished yet: got its matrix before");
  }

  static Index size_of(const std::vector<TileExtent>& tiles) {
    Index size = 0;
    for (const TileExtent& tile : tiles) size += tile.rows.size() * tile.cols.size();
    return size;
  }

  DistMatrix<T> matrix_;
  TileCover cover_;
  Index covered_ = 0;
  std::vector<int> taken_;  ///< tiles of each rank
  bool finished_ = false;
};

}  // namespace matrass
