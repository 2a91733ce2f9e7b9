// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// From and to any rectangles on any ranks: how data comes in, and how it is given back.
/// Next: redistribute/tile_sink.hpp (tiles that come over time)
#pragma once

#include <limits>
#include <matrass/core/shown.hpp>
#include <matrass/redistribute/cover.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace matrass {

/// A rectangle of the global matrix in this rank's memory: element (i, j) of `part` is element
/// (i0 + i, j0 + j) of the matrix. Any strides, negative ones too.
template <class T>
struct Tile {
  Index i0 = 0;
  Index j0 = 0;
  LocalPart<T> part;
};

/// What each rank tells the others about a tile of its own.
struct TileHeader {
  Index i0 = 0;
  Index j0 = 0;
  Shape shape;
  Index type = 0;  ///< a number for the scalar type, where callers need one
};

namespace detail {
/// What is told of tiles, and their memory.
template <class T>
std::pair<std::vector<TileHeader>, std::vector<LocalPart<T>>> split(
    const std::vector<Tile<T>>& tiles) {
  std::pair<std::vector<TileHeader>, std::vector<LocalPart<T>>> both;
  for (const Tile<T>& tile : tiles) {
    both.first.push_back({tile.i0, tile.j0, tile.part.shape});
    both.second.push_back(tile.part);
  }
  return both;
}
}  // namespace detail

/// All ranks' tile headers on every rank, as extents in the order of ranks. Collective: one
/// agreement and one small allgather.
/// @param routine names the caller in errors.
/// @param types if not null, gets the type numbers in the same order.
inline std::vector<TileExtent> gather_extents(const mpi::Communicator& comm,
                                              const std::string& routine,
                                              const std::vector<TileHeader>& mine,
                                              std::vector<Index>* types = nullptr) {
  constexpr std::size_t fields = 5;
  const std::vector<Index> numbers = mpi::throw_together(comm, mpi::Call(routine), [&] {
    std::vector<Index> flat;
    for (const TileHeader& tile : mine) {
      // The end of a tile must be a number, too; where it may lie is checked later.
      constexpr Index most = std::numeric_limits<Index>::max() / 2;
      detail::require(
          -most < tile.i0 && tile.i0 < most && -most < tile.j0 && tile.j0 < most,
          routine + ": tiles must lie within the matrix: got one at " + shown(tile.i0, tile.j0));
      flat.insert(flat.end(), {tile.i0, tile.j0, tile.shape.rows, tile.shape.cols, tile.type});
    }
    return flat;
  });
  std::vector<TileExtent> extents;
  const auto all = mpi::allgather(comm, numbers);
  for (int rank = 0; rank < comm.size(); ++rank) {
    const std::vector<Index>& of_rank = all[static_cast<std::size_t>(rank)];
    for (std::size_t k = 0; k < of_rank.size(); k += fields) {
      const Index i0 = of_rank[k];
      const Index j0 = of_rank[k + 1];
      extents.push_back({rank,
                         static_cast<int>(k / fields),
                         {i0, i0 + of_rank[k + 2]},
                         {j0, j0 + of_rank[k + 3]}});
      if (types != nullptr) types->push_back(of_rank[k + 4]);
    }
  }
  return extents;
}

namespace detail {

inline Pieces pieces_of(const std::vector<TileExtent>& extents) {
  Pieces pieces;
  for (const TileExtent& e : extents) {
    pieces.push_back({{e.rank},
                      IndexSet::interval(e.rows.begin, e.rows.end),
                      IndexSet::interval(e.cols.begin, e.cols.end)});
  }
  return pieces;
}

/// One piece that is the whole matrix, on rank `root` or on all. For use inside an agreement.
inline Pieces whole(const std::string& routine, Shape shape, std::optional<int> root, int size) {
  require(!root || (*root >= 0 && *root < size), routine + ": root must be one of " +
                                                     std::to_string(size) + " ranks: got " +
                                                     std::to_string(root.value_or(0)));
  std::vector<int> ranks(root ? 1 : static_cast<std::size_t>(size), root.value_or(0));
  if (!root) std::iota(ranks.begin(), ranks.end(), 0);
  return {{std::move(ranks), IndexSet::interval(0, shape.rows), IndexSet::interval(0, shape.cols)}};
}

/// A new matrix filled from the pieces that `source()` gives, of which this rank's own lie in
/// `parts`. Collective.
template <Scalar T, class F>
DistMatrix<T> from_pieces(const ProcessGrid& grid, const mpi::Call& call, F&& source,
                          std::span<const LocalPart<const T>> parts, const Distribution& wanted) {
  DistMatrix<T> result;
  auto move = mpi::throw_together(grid.comm(), call, [&] {
    const Pieces pieces = source();
    result = DistMatrix<T>::allocate(grid, wanted, false);
    return Move<T>(grid.comm(),
                   steps_between(pieces, matrass::pieces_of(wanted), grid.rank(),
                                 grid.comm().size(), wanted.shape().size() * Index{sizeof(T)}),
                   wanted.shape().size());
  });
  move.run(parts, parts_of(result.part(), wanted, grid.rank()), result.storage().owner());
  return result;
}

/// Copies `a` to the pieces that `target()` gives, of which this rank's own lie in `parts`, kept by
/// `owner` (null: nobody else writes there). Collective.
template <Scalar T, class F>
void to_pieces(const DistMatrix<T>& a, const mpi::Call& call, F&& target,
               std::span<const LocalPart<T>> parts, const std::shared_ptr<void>& owner) {
  const ProcessGrid& grid = a.grid();
  auto move = mpi::throw_together(grid.comm(), call, [&] {
    return Move<T>(grid.comm(),
                   steps_between(matrass::pieces_of(a.distribution()), target(), grid.rank(),
                                 grid.comm().size(), a.shape().size() * Index{sizeof(T)}),
                   a.shape().size());
  });
  const LocalPart<const T> from = a.part();
  move.run(parts_of(from, a.distribution(), grid.rank()), parts, owner);
}

}  // namespace detail

/// A matrix of `shape` from tiles that cover it exactly once; each rank gives the ones it has.
///
/// Collective over `grid`. Tiles are read where they are; each element is copied at most once on
/// its own rank, else packed, sent and unpacked. O(N log N + N p) bookkeeping for N tiles on p
/// ranks.
/// @throws InvalidArgument on all ranks, naming the tile, for tiles that overlap, leave a hole or
///   lie outside.
template <Scalar T>
DistMatrix<T> from_tiles(const ProcessGrid& grid, const std::vector<Tile<const T>>& tiles,
                         const Distribution& wanted) {
  const auto [headers, parts] = detail::split(tiles);
  const std::vector<TileExtent> extents = gather_extents(grid.comm(), "from_tiles", headers);
  const auto pieces = [&] {
    require_exact_cover(extents, wanted.shape());
    return detail::pieces_of(extents);
  };
  return detail::from_pieces<T>(grid, mpi::Call("from_tiles", wanted), pieces, parts, wanted);
}

/// Copies `a` into tiles of any position and size; each rank gives the ones that it wants filled.
/// They may overlap and need not cover `a`. Collective over a's grid.
/// @throws InvalidArgument on all ranks for a tile that lies outside.
template <Scalar T>
void to_tiles(const DistMatrix<T>& a, const std::vector<Tile<T>>& tiles) {
  const auto [headers, parts] = detail::split(tiles);
  const std::vector<TileExtent> extents = gather_extents(a.grid().comm(), "to_tiles", headers);
  const auto pieces = [&] {
    require_within(extents, a.shape(), "to_tiles");
    return detail::pieces_of(extents);
  };
  detail::to_pieces<T>(a, mpi::Call("to_tiles", a.distribution()), pieces, parts, nullptr);
}

/// A matrix from a whole one: `x` on rank `root`, or equal on every rank where there is no root
/// (then nothing is sent: each rank takes its share). Collective; `x` is looked at on root only.
template <Scalar T>
DistMatrix<T> from_global(const ProcessGrid& grid, const LocalPart<const T>& x,
                          const Distribution& wanted, std::optional<int> root = 0) {
  const bool mine = !root || *root == grid.rank();
  const auto pieces = [&] {
    Pieces all = detail::whole("from_global", wanted.shape(), root, grid.comm().size());
    if (mine && !(x.shape == wanted.shape())) {
      throw ShapeError("from_global: x must have the shape of the matrix: got " + shown(x.shape) +
                       " for " + to_string(wanted));
    }
    return all;
  };
  const mpi::Call call("from_global", wanted, root.value_or(-1));
  return detail::from_pieces<T>(
      grid, call, pieces, mine ? std::span(&x, 1) : std::span<const LocalPart<const T>>{}, wanted);
}

/// Copies the whole of `a` into `x` on rank `root`, or on every rank where there is no root.
/// Collective; `x` has a's shape there and is not looked at elsewhere.
/// @param owner  of x's memory, if it is the pool's: the others may then write there themselves
template <Scalar T>
void to_global(const DistMatrix<T>& a, const LocalPart<T>& x, std::optional<int> root = 0,
               const std::shared_ptr<void>& owner = nullptr) {
  const bool mine = !root || *root == a.grid().rank();
  const mpi::Call call("to_global", a.distribution(), root.value_or(-1));
  const auto pieces = [&] {
    return detail::whole("to_global", a.shape(), root, a.grid().comm().size());
  };
  detail::to_pieces<T>(a, call, pieces, mine ? std::span(&x, 1) : std::span<const LocalPart<T>>{},
                       owner);
}

}  // namespace matrass
