// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// All that one rank copies itself: to other ranks, from them, and what stays.
/// Next: redistribute/messages.hpp
#pragma once

#include <algorithm>
#include <matrass/redistribute/counters.hpp>
#include <matrass/redistribute/stream.hpp>
#include <matrass/redistribute/walk.hpp>
#include <span>
#include <vector>

namespace matrass::detail {

/// The copies of one exchange, in an order that goes forward through this rank's memory.
template <Scalar T>
class DirectCopies {
 public:
  /// Adds all of `stream`, which outlives this object, between parts that this process can reach.
  void add(const Stream& stream, Sources<T> sources, Targets<T> targets, Crossing crossing) {
    for (const Transfer& transfer : stream.transfers) {
      const auto& from = sources[static_cast<std::size_t>(transfer.source)];
      const auto& to = targets[static_cast<std::size_t>(transfer.target)];
      pulls_ = pulls_ || crossing == Crossing::pull;
      ways_.push_back({&transfer, from, to, crossing});
    }
  }

  /// Sorts what was added into walks along one part each, and transfers between the two orders.
  void prepare() {
    struct Group {
      const void* part;
      Walked walked;
      std::vector<Lane<T>> lanes;
    };
    std::vector<Group> groups;
    for (const Way& way : ways_) {
      if (row_major(way.from) != row_major(way.to)) {
        turned_.push_back(way);
        continue;
      }
      // What stays goes with the others, through the same memory.
      const bool at_target =
          way.crossing == Crossing::pull || (way.crossing == Crossing::none && pulls_);
      const Walked walked = at_target ? Walked::target : Walked::source;
      const Lane<T> lane = make_lane<T>(*way.transfer, way.from, way.to, way.crossing);
      const void* part = at_target ? static_cast<const void*>(way.to.data) : way.from.data;
      const auto same = [&](const Group& g) {
        const Runs* across = g.lanes.front().across;
        return g.part == part && g.walked == walked &&
               (across == lane.across || *across == *lane.across);
      };
      auto found = std::find_if(groups.begin(), groups.end(), same);
      if (found == groups.end()) found = groups.insert(groups.end(), {part, walked, {}});
      found->lanes.push_back(lane);
    }
    for (const Group& g : groups) walks_.emplace_back(g.lanes, g.walked);
  }

  /// How many parts are still worth a call of their own.
  Index most_parts() const {
    Index most = 1;
    for (const Walk<T>& walk : walks_) {
      most = std::max(most, walk.columns() * walk.height() * Index{sizeof(T)} / walk_bytes);
    }
    for (const Way& way : turned_) most = std::max(most, way.transfer->size() / block_elements);
    return most;
  }

  /// Copies part `n` of `parts` of everything.
  void copy(Index n, Index parts, Write write) const {
    for (const Walk<T>& walk : walks_) {
      const IndexRange s = slice({0, walk.columns()}, n, parts);
      if (s.size() == 0) continue;
      walk.copy(s.begin, s.end, write);
      for (const Crossing crossing : {Crossing::none, Crossing::push, Crossing::pull}) {
        count(crossing, s.size() * walk.height(crossing));
      }
    }
    for (const Way& way : turned_) {
      const IndexRange s = slice({0, way.transfer->size()}, n, parts);
      copy_transfer<Packed::neither, T>(*way.transfer, s.begin, s.end, way.from, way.to, write);
      count(way.crossing, s.size());
    }
  }

 private:
  struct Way {
    const Transfer* transfer;
    LocalPart<const T> from;
    LocalPart<T> to;
    Crossing crossing;
  };

  static constexpr Index walk_bytes = Index{1} << 17;

  static void count(Crossing crossing, Index elements) {
    TransferCounters& counters = TransferCounters::instance();
    auto& bytes = crossing == Crossing::push   ? counters.bytes_pushed
                  : crossing == Crossing::pull ? counters.bytes_pulled
                                               : counters.bytes_kept;
    bytes += elements * Index{sizeof(T)};
  }

  std::vector<Way> ways_;
  std::vector<Walk<T>> walks_;
  std::vector<Way> turned_;
  bool pulls_ = false;
};

}  // namespace matrass::detail
