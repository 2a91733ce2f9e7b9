// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// One axis of a matrix, dealt in blocks to the places of a layout.
/// Next: layout/distribution.hpp
#pragma once

#include <algorithm>
#include <matrass/core/narrow.hpp>
#include <matrass/core/types.hpp>
#include <vector>

namespace matrass {

/// `extent` indices dealt in blocks of `block`, in turn to `nprocs` places, starting at place
/// `source`. `first` is the position of index 0 in its block: 0 but for views, whose first block
/// may have lost its head (ScaLAPACK's IA, JA).
///
/// Example: extent 5, block 2, nprocs 2 -> place 0 owns 0,1,4; place 1 owns 2,3.
/// Source: ScaLAPACK TOOLS indxg2p, indxg2l, indxl2g, numroc (here 0-based, with `first`).
struct BlockCyclicAxis {
  Index extent = 0;
  Index block = 1;
  int nprocs = 1;
  int source = 0;
  Index first = 0;

  /// The place that owns a global index.
  constexpr int owner(Index i_global) const {
    return static_cast<int>(((i_global + first) / block + source) % nprocs);
  }

  /// Where a global index lies in its owner's local storage.
  constexpr Index local_index(Index i_global) const {
    const Index at = i_global + first;
    return at / (block * nprocs) * block + at % block - missing_head(owner(i_global));
  }

  /// The global index of local index `i_local` of place `p`.
  constexpr Index global_index(Index i_local, int p) const {
    const Index at = i_local + missing_head(p);
    return (at / block * nprocs + turn(p)) * block + at % block - first;
  }

  /// How many indices place `p` owns (NUMROC).
  constexpr Index local_extent(int p) const {
    return local_end(p, first + extent) - missing_head(p);
  }

  /// The largest local extent of any place.
  constexpr Index largest_local_extent() const {
    Index most = 0;
    for (int p = 0; p < nprocs; ++p) most = std::max(most, local_extent(p));
    return most;
  }

  /// The global indices of place `p`, ascending.
  std::vector<Index> global_indices(int p) const {
    std::vector<Index> all(static_cast<std::size_t>(local_extent(p)));
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = global_index(static_cast<Index>(k), p);
    return all;
  }

  /// The axis of a view on [begin, end): the same indices at the same places.
  constexpr BlockCyclicAxis slice(Index begin, Index end) const {
    const Index at = first + begin;
    const bool one_block = at % block + (end - begin) <= block;  // where it starts is no matter
    return {end - begin, block, nprocs, static_cast<int>((at / block + source) % nprocs),
            one_block ? 0 : at % block};
  }

  /// How many of the first block's indices lie before the view (on its owner only).
  constexpr Index missing_head(int p) const { return turn(p) == 0 ? first : 0; }

  friend constexpr bool operator==(const BlockCyclicAxis&, const BlockCyclicAxis&) = default;

 private:
  /// In which turn of a cycle place `p` gets its block.
  constexpr int turn(int p) const { return (p - source + nprocs) % nprocs; }

  /// Local extent of [0, end) counted from the start of the first block.
  constexpr Index local_end(int p, Index end) const {
    const Index cycles = end / (block * nprocs);
    const Index rest = end - cycles * block * nprocs - turn(p) * block;
    return cycles * block + std::clamp<Index>(rest, 0, block);
  }
};

}  // namespace matrass
