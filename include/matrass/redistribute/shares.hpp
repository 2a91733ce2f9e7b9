// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// How many indices a place of one axis has in common with each place of another: no runs, no
/// walk over all places. Next: redistribute/plan_between.hpp
#pragma once

#include <algorithm>
#include <matrass/redistribute/runs.hpp>
#include <vector>

namespace matrass {

/// A place of the other axis, and how many indices it shares with ours.
struct PlaceShare {
  int place = 0;
  Index count = 0;

  friend constexpr bool operator==(const PlaceShare&, const PlaceShare&) = default;
};

namespace detail {

/// How many of the indices [0, end) are place p's; `end` may lie behind the axis.
constexpr Index count_below(BlockCyclicAxis axis, int p, Index end) {
  axis.extent = end;
  return axis.local_extent(p);
}

/// Where the block of index i ends.
constexpr Index block_end(const BlockCyclicAxis& axis, Index i) {
  return ((i + axis.first) / axis.block + 1) * axis.block - axis.first;
}

/// Counts the indices of place `p` of `axis`, for each place of `other` that has them.
class ShareCounter {
 public:
  ShareCounter(const BlockCyclicAxis& axis, int p, const BlockCyclicAxis& other)
      : axis_(axis),
        set_(IndexSet::of(axis, p)),
        p_(p),
        other_(other),
        counts_(static_cast<std::size_t>(other.nprocs), 0) {}

  /// Adds those in [begin, end), `times` times. O(blocks of the coarser axis that p has a part in).
  void add(Index begin, Index end, Index times) {
    const bool coarser = axis_.block >= other_.block;
    for (Index i = set_.stretch(begin).begin; i < end; i = set_.stretch(i).begin) {
      const Index stop = std::min(end, coarser ? set_.stretch(i).end : block_end(other_, i));
      if (coarser) {
        add_stretch(i, stop, times);
      } else {
        at(other_.owner(i)) += (count_below(axis_, p_, stop) - count_below(axis_, p_, i)) * times;
      }
      i = stop;
    }
  }

  /// The places with a count, ascending.
  std::vector<PlaceShare> shares() const {
    std::vector<PlaceShare> all;
    for (int q = 0; q < other_.nprocs; ++q) {
      if (const Index count = counts_[static_cast<std::size_t>(q)]; count > 0) {
        all.push_back({q, count});
      }
    }
    return all;
  }

 private:
  Index& at(int place) { return counts_[static_cast<std::size_t>(place)]; }

  /// Adds all of [begin, end), which is p's.
  void add_stretch(Index begin, Index end, Index times) {
    const Index cycle = other_.block * other_.nprocs;
    if (const Index cycles = (end - begin) / cycle; cycles > 0) {
      for (Index& count : counts_) count += cycles * other_.block * times;
      begin += cycles * cycle;
    }
    if (begin >= end) return;
    Index stop = block_end(other_, begin);
    for (int q = other_.owner(begin); begin < end; q = q + 1 == other_.nprocs ? 0 : q + 1) {
      at(q) += (std::min(stop, end) - begin) * times;
      begin = stop;
      stop += other_.block;
    }
  }

  BlockCyclicAxis axis_;
  IndexSet set_;
  int p_;
  BlockCyclicAxis other_;
  std::vector<Index> counts_;
};

}  // namespace detail

/// The places of `other` that share indices with place `p` of `axis`, ascending. Both axes have the
/// same extent.
///
/// Cost: O(places of `other` + blocks of the coarser axis in one common period, or in the extent).
inline std::vector<PlaceShare> shares(const BlockCyclicAxis& axis, int p,
                                      const BlockCyclicAxis& other) {
  const Index extent = axis.extent;
  if (extent == 0) return {};
  if (other.nprocs == 1) {
    const Index count = axis.local_extent(p);
    return count > 0 ? std::vector<PlaceShare>{{0, count}} : std::vector<PlaceShare>{};
  }
  if (axis.nprocs == 1) {
    std::vector<PlaceShare> all;
    for (int q = 0; q < other.nprocs; ++q) {
      if (const Index count = other.local_extent(q); count > 0) all.push_back({q, count});
    }
    return all;
  }
  detail::ShareCounter counter(axis, p, other);
  const Index period =
      detail::bounded_lcm(axis.block * axis.nprocs, other.block * other.nprocs, extent);
  const Index repeats = extent / period;
  counter.add(0, period, repeats);
  counter.add(repeats * period, extent, 1);
  return counter.shares();
}

}  // namespace matrass
