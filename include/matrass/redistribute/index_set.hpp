// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Which indices of one axis a rank holds, and where each lies in its memory.
/// Next: redistribute/runs.hpp
#pragma once

#include <algorithm>
#include <compare>
#include <matrass/core/types.hpp>
#include <matrass/layout/axis.hpp>

namespace matrass {

/// A half-open range [begin, end) of global indices.
struct IndexRange {
  Index begin = 0;
  Index end = 0;

  constexpr Index size() const { return std::max<Index>(0, end - begin); }
  friend constexpr auto operator<=>(const IndexRange&, const IndexRange&) = default;
};

/// The indices i in `range` whose block, counted from index -shift, is dealt to turn `turn` of
/// `nprocs`. One form for the axis of a layout at one place, of a view of it, and of a tile.
struct IndexSet {
  IndexRange range;
  Index shift = 0;  ///< i + shift counts from the start of the first block
  Index block = 1;  ///< meaningless where nprocs == 1: the set is then the whole range
  int nprocs = 1;
  int turn = 0;
  Index skipped = 0;  ///< local positions of the first block that lie before the memory's start

  /// Place `p` of an axis of a layout.
  static constexpr IndexSet of(const BlockCyclicAxis& axis, int p) {
    const int turn = (p - axis.source + axis.nprocs) % axis.nprocs;
    return {{0, axis.extent}, axis.first, axis.block,
            axis.nprocs,      turn,       turn == 0 ? axis.first : 0};
  }

  /// All of [begin, end), stored from position 0 on.
  static constexpr IndexSet interval(Index begin, Index end) {
    return {{begin, end}, -begin, 1, 1, 0, 0};
  }

  constexpr bool dense() const { return nprocs == 1; }

  /// After how many indices the pattern repeats.
  constexpr Index cycle() const { return dense() ? 1 : block * nprocs; }

  /// By how much the local position grows over `length` indices, a multiple of cycle().
  constexpr Index advance(Index length) const { return length / nprocs; }

  /// The local position of index i of the set.
  constexpr Index position(Index i) const {
    const Index at = i + shift;
    if (dense()) return at - skipped;
    return at / (block * nprocs) * block + at % block - skipped;
  }

  /// The first stretch of consecutive indices of the set at or after i (it may lie past the range).
  constexpr IndexRange stretch(Index i) const {
    if (dense()) return {i, range.end};
    const Index number = (i + shift) / block;
    const Index wait = (turn - number % nprocs + nprocs) % nprocs;
    const Index begin = wait == 0 ? i : (number + wait) * block - shift;
    return {begin, std::max(begin, (number + wait + 1) * block - shift)};
  }

  friend constexpr auto operator<=>(const IndexSet&, const IndexSet&) = default;
};

}  // namespace matrass
