// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Whether rectangles from many ranks cover a matrix exactly once: pure arithmetic, no MPI.
/// Next: redistribute/tiles.hpp
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <matrass/core/error.hpp>
#include <matrass/core/shown.hpp>
#include <matrass/redistribute/index_set.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace matrass {

/// Where a tile lies in the global matrix, and whose it is.
struct TileExtent {
  int rank = 0;
  int number = 0;  ///< among the tiles of its rank
  IndexRange rows;
  IndexRange cols;
};

namespace detail {

inline std::string to_string(const IndexRange& range) {
  return std::to_string(range.begin) + ":" + std::to_string(range.end);
}

/// "tile 3 of rank 1 (rows 0:5, columns 2:4)"
inline std::string to_string(const TileExtent& tile) {
  return "tile " + std::to_string(tile.number) + " of rank " + std::to_string(tile.rank) +
         " (rows " + to_string(tile.rows) + ", columns " + to_string(tile.cols) + ")";
}

[[noreturn]] inline void fail_overlap(const TileExtent& a, const TileExtent& b) {
  throw InvalidArgument("from_tiles: tiles must not overlap: got " + to_string(a) + " and " +
                        to_string(b));
}

/// The column ranges that the sweep line crosses, by their begin, with the tile of each.
using Crossed = std::map<Index, const TileExtent*>;

/// Adds `tile` to the sweep line; throws if it overlaps a tile that is there.
inline void enter(Crossed& line, const TileExtent& tile) {
  const auto next = line.lower_bound(tile.cols.begin);
  const TileExtent* other = nullptr;
  if (next != line.end() && next->first < tile.cols.end) other = next->second;
  if (next != line.begin() && std::prev(next)->second->cols.end > tile.cols.begin) {
    other = std::prev(next)->second;
  }
  if (other != nullptr) fail_overlap(*other, tile);
  line.emplace_hint(next, tile.cols.begin, &tile);
}

/// Throws if the sweep line leaves a gap in the columns [0, cols).
inline void require_no_gap(const Crossed& line, const IndexRange& rows, Index cols) {
  Index at = 0;
  const auto fail = [&](Index end) {
    throw InvalidArgument("from_tiles: tiles must cover the matrix: got no tile for rows " +
                          to_string(rows) + ", columns " + to_string(IndexRange{at, end}));
  };
  for (const auto& [begin, tile] : line) {
    if (begin > at) fail(begin);
    at = tile->cols.end;
  }
  if (at < cols) fail(cols);
}

/// Runs a horizontal line down the matrix: tiles enter at their first row and leave after their
/// last. `look` sees the line for each range of rows in which it does not change.
template <class F>
void sweep(const std::vector<const TileExtent*>& tiles, Index rows, F&& look) {
  std::vector<std::tuple<Index, bool, const TileExtent*>> events;  // (row, enters, tile)
  for (const TileExtent* tile : tiles) {
    events.emplace_back(tile->rows.begin, true, tile);
    events.emplace_back(tile->rows.end, false, tile);
  }
  // By row, leaving before entering; among those entering, in the order of ranks and numbers.
  std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
    const auto key = [](const auto& e) {
      return std::tuple(std::get<0>(e), std::get<1>(e), std::get<2>(e)->rank,
                        std::get<2>(e)->number);
    };
    return key(a) < key(b);
  });
  Crossed line;
  Index at = 0;
  for (std::size_t k = 0; k < events.size();) {
    const Index row = std::get<0>(events[k]);
    if (row > at) look(line, IndexRange{at, row});
    for (; k < events.size() && std::get<0>(events[k]) == row; ++k) {
      const auto& [_, enters, tile] = events[k];
      if (enters) {
        enter(line, *tile);
      } else {
        line.erase(tile->cols.begin);
      }
    }
    at = row;
  }
  if (at < rows) look(line, IndexRange{at, rows});
}

}  // namespace detail

/// @throws InvalidArgument naming the first tile that does not lie within `shape`.
inline void require_within(const std::vector<TileExtent>& tiles, Shape shape,
                           const std::string& routine) {
  for (const TileExtent& tile : tiles) {
    if (tile.rows.begin < 0 || tile.rows.end > shape.rows || tile.cols.begin < 0 ||
        tile.cols.end > shape.cols) {
      throw InvalidArgument(routine + ": tiles must lie within the matrix of shape " +
                            shown(shape) + ": got " + detail::to_string(tile));
    }
  }
}

namespace detail {
/// Tiles without elements count for nothing.
inline std::vector<const TileExtent*> filled(const std::vector<TileExtent>& tiles) {
  std::vector<const TileExtent*> filled;
  for (const TileExtent& tile : tiles) {
    if (tile.rows.size() > 0 && tile.cols.size() > 0) filled.push_back(&tile);
  }
  return filled;
}
}  // namespace detail

/// @throws InvalidArgument naming two tiles that overlap. O(N log N) for N tiles.
inline void require_no_overlap(const std::vector<TileExtent>& tiles) {
  detail::sweep(detail::filled(tiles), 0, [](const detail::Crossed&, const IndexRange&) {});
}

/// Checks that the tiles lie within `shape` and cover each element exactly once. O(N log N) for N
/// tiles; names the tiles at fault.
/// @throws InvalidArgument
inline void require_exact_cover(const std::vector<TileExtent>& tiles, Shape shape) {
  require_within(tiles, shape, "from_tiles");
  require_no_overlap(tiles);
  Index covered = 0;
  for (const TileExtent& tile : tiles) covered += tile.rows.size() * tile.cols.size();
  if (covered == shape.size()) return;
  const auto look = [&](const detail::Crossed& line, const IndexRange& rows) {
    detail::require_no_gap(line, rows, shape.cols);
  };
  detail::sweep(detail::filled(tiles), shape.rows, look);
}

/// Tiles that come over time, none on top of another.
class TileCover {
 public:
  /// Compares each tile of a batch with the others, and with earlier ones that begin near it:
  /// O(log N) for N tiles of about one size.
  /// @throws InvalidArgument naming two tiles that overlap
  void require_free(const std::vector<TileExtent>& batch) const {
    require_no_overlap(batch);
    for (const TileExtent& tile : batch) {
      if (const TileExtent* other = overlapping(tile)) detail::fail_overlap(*other, tile);
    }
  }

  /// Takes a batch that lies where nothing has come yet.
  void add(const std::vector<TileExtent>& batch) {
    for (const TileExtent* tile : detail::filled(batch)) {
      tiles_.emplace(corner(*tile), *tile);
      tallest_ = std::max(tallest_, tile->rows.size());
      widest_ = std::max(widest_, tile->cols.size());
      covered_ += tile->rows.size() * tile->cols.size();
    }
  }

  /// How many elements they have in all.
  Index covered() const { return covered_; }

  /// @throws InvalidArgument unless they cover `shape`, naming a gap
  void require_exact(Shape shape) const {
    std::vector<TileExtent> all;
    all.reserve(tiles_.size());
    for (const auto& [_, tile] : tiles_) all.push_back(tile);
    require_exact_cover(all, shape);
  }

 private:
  using Corner = std::pair<Index, Index>;
  static Corner corner(const TileExtent& tile) { return {tile.rows.begin, tile.cols.begin}; }

  /// A tile that shares elements with this one, if there is one.
  const TileExtent* overlapping(const TileExtent& tile) const {
    if (tile.rows.size() == 0 || tile.cols.size() == 0) return nullptr;
    const Index left = tile.cols.begin - widest_ + 1;
    auto at = tiles_.lower_bound({tile.rows.begin - tallest_ + 1, left});
    while (at != tiles_.end() && at->first.first < tile.rows.end) {
      const auto [row, col] = at->first;
      if (col < left) {
        at = tiles_.lower_bound({row, left});
      } else if (col >= tile.cols.end) {
        at = tiles_.lower_bound({row + 1, left});
      } else {
        const TileExtent& other = at->second;
        if (other.rows.end > tile.rows.begin && other.cols.end > tile.cols.begin) return &other;
        ++at;
      }
    }
    return nullptr;
  }

  std::map<Corner, TileExtent> tiles_;
  Index tallest_ = 0;
  Index widest_ = 0;
  Index covered_ = 0;
};

}  // namespace matrass
