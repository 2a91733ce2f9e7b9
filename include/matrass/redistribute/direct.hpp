// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The direct path: ranks of one node copy straight between their local parts, in one pass.
/// Next: redistribute/routes.hpp
#pragma once

#include <algorithm>
#include <cstdint>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/matrix/node_memory.hpp>
#include <matrass/redistribute/lines.hpp>
#include <matrass/redistribute/path.hpp>
#include <matrass/redistribute/plan.hpp>
#include <span>
#include <utility>
#include <vector>

namespace matrass::detail {

/// Where a part lies in its rank's pool (of its element (0, 0), in bytes), for ranks of its node.
struct PartAddress {
  std::int64_t offset = -1;  ///< -1: not in the pool, so nobody else can reach it
  Index row_stride = 1;
  Index col_stride = 1;
};

/// What a rank tells the others of its node about its parts.
struct PartList {
  std::vector<PartAddress> sources;
  std::vector<PartAddress> targets;
  std::size_t reach = 0;  ///< of its pool
  Index outgoing = 0;     ///< elements that it gives to all ranks, itself among them
  Index incoming = 0;     ///< elements that it gets from all ranks, itself among them

  static bool reachable(const std::vector<PartAddress>& parts) {
    return std::none_of(parts.begin(), parts.end(),
                        [](const PartAddress& part) { return part.offset < 0; });
  }
};

/// @param allowed  whether others may use the parts at all
template <class T>
std::vector<PartAddress> addresses_of(std::span<const LocalPart<T>> parts, bool allowed) {
  const Arena& arena = MemoryPool::instance().arena();
  std::vector<PartAddress> addresses;
  addresses.reserve(parts.size());
  for (const LocalPart<T>& part : parts) {
    PartAddress address{-1, part.row_stride, part.col_stride};
    if (part.shape.size() == 0) {
      address.offset = 0;  // nobody will look
    } else if (allowed && arena.contains(part.data)) {
      address.offset = reinterpret_cast<const std::byte*>(part.data) - arena.base();
    }
    addresses.push_back(address);
  }
  return addresses;
}

/// The lists of all ranks of the node, by their numbers in it. Collective over the node: one
/// allgather, and a second one where some rank has several parts.
inline std::vector<PartList> gather_parts(const NodeMemory& node, const PartList& mine) {
  struct Header {
    std::int64_t sources;
    std::int64_t targets;
    std::uint64_t reach;
    Index outgoing;
    Index incoming;
    PartAddress source;
    PartAddress target;
  };
  const auto count = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
  const auto first = [](const auto& list) { return list.empty() ? PartAddress{} : list.front(); };
  const std::vector<Header> headers =
      node.exchange(Header{count(mine.sources), count(mine.targets), mine.reach, mine.outgoing,
                           mine.incoming, first(mine.sources), first(mine.targets)});
  std::vector<PartList> lists;
  bool several = false;
  std::vector<std::int64_t> counts;
  for (const Header& h : headers) {
    lists.push_back({{}, {}, h.reach, h.outgoing, h.incoming});
    if (h.sources > 0) lists.back().sources.push_back(h.source);
    if (h.targets > 0) lists.back().targets.push_back(h.target);
    several = several || h.sources > 1 || h.targets > 1;
    counts.push_back(h.sources + h.targets);
  }
  if (!several) return lists;
  std::vector<PartAddress> flat = mine.sources;
  flat.insert(flat.end(), mine.targets.begin(), mine.targets.end());
  const std::vector<PartAddress> all = node.exchange(flat, counts);
  auto at = all.begin();
  for (std::size_t k = 0; k < lists.size(); ++k) {
    lists[k].sources.assign(at, at + headers[k].sources);
    at += headers[k].sources;
    lists[k].targets.assign(at, at + headers[k].targets);
    at += headers[k].targets;
  }
  return lists;
}

/// How much of `runs` is in stretches of whole cache lines on each side: elements.
struct Dense {
  Index source = 0;
  Index target = 0;
};

inline Dense dense(const Runs& runs, Index line) {
  Dense result;
  for (const Pattern& pattern : runs.patterns) {
    for (const Run& run : pattern.runs) {
      const Index size = run.size() * pattern.repeats;
      const bool alone = run.count == 1 && run.length > 1;
      if (run.length >= line || alone || run.source_step == run.length) result.source += size;
      if (run.length >= line || alone || run.target_step == run.length) result.target += size;
    }
  }
  return result;
}

/// Push or pull: who copies walks forward through his own memory, and touches the other's in
/// whole lines. Reading pieces of lines wastes bandwidth, writing pieces of them, from two ranks,
/// wastes more. Where one of the two has much more to copy than the other, the other one does it:
/// what one rank has for all of them is pulled by all at once. The same on both ranks.
inline Path choose_path(const Stream& stream, const PartList& sender, const PartList& receiver,
                        Index item) {
  const bool can_pull = PartList::reachable(sender.sources);
  const bool can_push = PartList::reachable(receiver.targets);
  if (wanted_path() == Path::message || (!can_pull && !can_push)) return Path::message;
  if (!can_pull || (wanted_path() == Path::push && can_push)) return Path::push;
  if (!can_push || wanted_path() == Path::pull) return Path::pull;
  if (sender.outgoing / 2 >= receiver.incoming) return Path::pull;
  if (receiver.incoming / 2 >= sender.outgoing) return Path::push;
  const Index line = cache_line / item;
  Index in_target = 0;
  Index all = 0;
  for (const Transfer& transfer : stream.transfers) {
    const PartAddress& part = receiver.targets[static_cast<std::size_t>(transfer.target)];
    const bool rows = std::abs(part.row_stride) <= std::abs(part.col_stride);
    const Runs& along = rows ? *transfer.rows : *transfer.cols;
    const Runs& across = rows ? *transfer.cols : *transfer.rows;
    in_target += dense(along, line).target * across.total;
    all += transfer.size();
  }
  return in_target * 2 >= all ? Path::push : Path::pull;
}

}  // namespace matrass::detail
