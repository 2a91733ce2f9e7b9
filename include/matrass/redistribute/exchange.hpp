// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// One redistribution on its way: which path each stream takes, and all of them at work together.
/// Next: redistribute/redistribute.hpp
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/redistribute/direct.hpp>
#include <matrass/redistribute/messages.hpp>
#include <matrass/redistribute/walk.hpp>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace matrass::detail {

/// How much of a stream is copied or packed before the next stream's turn: what lies between in the
/// source, for other peers and for this rank itself, is then read from the first caches.
inline constexpr Index slice_bytes = Index{1} << 15;

/// Results of at least this size are written past the cache: they would not stay in it.
inline constexpr Index large_result = Index{1} << 23;

/// Moves the elements of a plan between ranks. Built before the agreement, run after.
template <Scalar T>
class Exchange {
 public:
  using Sources = std::span<const LocalPart<const T>>;
  using Targets = std::span<const LocalPart<T>>;

  /// @param elements  of the whole matrix, the same on every rank
  Exchange(const mpi::Communicator& comm, std::shared_ptr<const Plan> plan, Index elements)
      : comm_(comm),
        plan_(std::move(plan)),
        worth_sharing_(wanted_path() != Path::automatic ||
                       elements * Index{sizeof(T)} >= worth_sharing) {
    const Index result = plan_->elements_received() + own().size;
    if (result * Index{sizeof(T)} >= large_result) write_ = Write::past_cache;
    if (!worth_sharing_ || wanted_path() == Path::message) {
      messages_ = make_messages(comm_.size(), [](int) { return true; }, [](int) { return true; });
      ready_ = true;
    }
  }

  const Plan& plan() const { return *plan_; }
  const Messages<T>& messages() const { return messages_; }

  /// Moves the elements: `sources` and `targets` are this rank's own pieces in the plan's order.
  /// Collective over all ranks of the plan.
  /// @param owner  of the targets' memory; without one nobody else may write there
  /// @throws MemoryLimitError on all ranks, before anything moves. Else throws only when the world
  ///   is dead. What others may still be writing to, the buffers of abandoned messages and targets
  ///   that are pushed to, is then kept until the process ends.
  void run(Sources sources, Targets targets, const std::shared_ptr<void>& owner) {
    try {
      choose_paths(sources, targets, owner != nullptr);
      mpi::Attempts attempts;
      if (direct_) attempts([&] { map_peers(sources, targets); });
      ways_.push_back({&own(),
                       {sources.begin(), sources.end()},
                       {targets.begin(), targets.end()},
                       Walked::source,
                       true});
      make_walks();
      run_rounds(sources, targets);
      // Nobody reads what is still being pushed, or changes what is still being pulled.
      if (direct_anywhere_) attempts.agree(comm_);
    } catch (...) {
      keep_what_may_be_written(owner);
      throw;
    }
  }

 private:
  const Stream& own() const { return plan_->sends[static_cast<std::size_t>(comm_.rank())]; }

  template <class To, class From>
  Messages<T> make_messages(int size, To&& is_to, From&& is_from) const {
    using Peer = typename Messages<T>::Peer;
    std::vector<Peer> to;
    std::vector<Peer> from;
    for (int k = 1; k < size; ++k) {
      const int peer = (comm_.rank() + k) % size;  // not everybody to rank 0 first
      const Stream& out = plan_->sends[static_cast<std::size_t>(peer)];
      const Stream& in = plan_->receives[static_cast<std::size_t>(peer)];
      if (out.size > 0 && is_to(peer)) to.push_back({peer, &out});
      if (in.size > 0 && is_from(peer)) from.push_back({peer, &in});
    }
    return {comm_, std::move(to), std::move(from), std::numeric_limits<Index>::max()};
  }

  void keep_what_may_be_written([[maybe_unused]] const std::shared_ptr<void>& owner) const {
#ifdef MATRASS_LINKED
    if (!guard::interrupted()) return;
    guard::quarantine(messages_.work().owner());
    guard::quarantine(owner);
    if (direct_) NodeMemory::of(comm_).free_orphans();
#endif
  }

  /// Decides how each stream travels, the same on both of its ranks.
  void choose_paths(Sources sources, Targets targets, bool writable) {
    if (ready_) return;
    const NodeMemory& node = NodeMemory::of(comm_);
    const auto ranks = static_cast<std::size_t>(comm_.size());
    out_.assign(ranks, Path::message);
    in_.assign(ranks, Path::message);
    bool messages = node.node().nodes > 1 || !node.shared();
    direct_anywhere_ = node.shared_anywhere();
    if (node.shared()) {
      direct_ = true;
      lists_ = gather_parts(node, addresses_of(sources, true), addresses_of(targets, writable));
      const auto list = [&](int rank) -> const PartList& {
        return lists_[static_cast<std::size_t>(
            node.node().number_of[static_cast<std::size_t>(rank)])];
      };
      const PartList& mine = list(comm_.rank());
      for (const int peer : node.node().ranks) {
        const auto k = static_cast<std::size_t>(peer);
        out_[k] = choose_path(plan_->sends[k], mine, list(peer), sizeof(T));
        in_[k] = choose_path(plan_->receives[k], list(peer), mine, sizeof(T));
      }
      // Whether anybody needs messages is known to everybody, so that all or none agree below.
      for (const PartList& from : lists_) {
        for (const PartList& to : lists_) {
          messages =
              messages || (!PartList::reachable(from.sources) && !PartList::reachable(to.targets));
        }
      }
    }
    if (messages) {
      mpi::throw_together(comm_, [&] {
        messages_ = make_messages(
            comm_.size(),
            [&](int rank) { return out_[static_cast<std::size_t>(rank)] == Path::message; },
            [&](int rank) { return in_[static_cast<std::size_t>(rank)] == Path::message; });
      });
    }
  }

  void map_peers(Sources sources, Targets targets) {
    const NodeMemory& node = NodeMemory::of(comm_);
    for (const int peer : node.node().ranks) {
      if (peer == comm_.rank()) continue;
      const auto k = static_cast<std::size_t>(peer);
      const PartList& parts =
          lists_[static_cast<std::size_t>(node.node().number_of[static_cast<std::size_t>(peer)])];
      if (out_[k] == Path::push && plan_->sends[k].size > 0) {
        ways_.push_back({&plan_->sends[k],
                         {sources.begin(), sources.end()},
                         mapped<T>(node, peer, parts.targets, parts.reach),
                         Walked::source,
                         false});
      }
      if (in_[k] == Path::pull && plan_->receives[k].size > 0) {
        ways_.push_back({&plan_->receives[k],
                         mapped<const T>(node, peer, parts.sources, parts.reach),
                         {targets.begin(), targets.end()},
                         Walked::target,
                         false});
      }
    }
  }

  /// Sorts the ways into walks, which go forward in one rank's memory, and turned ones.
  void make_walks() {
    struct Group {
      const void* part;
      Walked walked;
      std::vector<Lane<T>> lanes;
    };
    std::vector<Group> groups;
    const bool pulls = std::any_of(ways_.begin(), ways_.end(),
                                   [](const Way<T>& w) { return w.walked == Walked::target; });
    for (Way<T>& way : ways_) {
      if (way.own && pulls) way.walked = Walked::target;
      for (const Transfer& transfer : way.stream->transfers) {
        const auto& from = way.sources[static_cast<std::size_t>(transfer.source)];
        const auto& to = way.targets[static_cast<std::size_t>(transfer.target)];
        if (row_major(from) != row_major(to)) {
          turned_.push_back({&transfer, from, to});
          continue;
        }
        const Lane<T> lane = make_lane<T>(transfer, from, to);
        const void* part =
            way.walked == Walked::source ? static_cast<const void*>(from.data) : to.data;
        const auto same = [&](const Group& g) {
          const Runs* across = g.lanes.front().across;
          return g.part == part && g.walked == way.walked &&
                 (across == lane.across || *across == *lane.across);
        };
        auto found = std::find_if(groups.begin(), groups.end(), same);
        if (found == groups.end()) found = groups.insert(groups.end(), {part, way.walked, {}});
        found->lanes.push_back(lane);
      }
    }
    for (const Group& g : groups) walks_.emplace_back(g.lanes, g.walked);
  }

  void run_rounds(Sources sources, Targets targets) {
    const Index rounds = std::max<Index>(1, messages_.rounds());
    Index longest = messages_.rounds() > 0 ? messages_.piece() * Index{sizeof(T)} / slice_bytes : 1;
    for (const Walk<T>& walk : walks_) {
      longest = std::max(
          longest, walk.columns() * walk.height() * Index{sizeof(T)} / rounds / (Index{1} << 17));
    }
    for (const Turned& turned : turned_) {
      longest = std::max(longest, turned.transfer->size() / rounds / block_elements);
    }
    const Index slices = std::max<Index>(1, longest);
    messages_.receive(comm_, 0);
    for (Index round = 0; round < rounds; ++round) {
      messages_.wait_sent(round);
      for (Index n = 0; n < slices; ++n) {
        messages_.pack(round, n, slices, sources);
        copy_part(round * slices + n, rounds * slices);
      }
      messages_.send(comm_, round);
      messages_.receive(comm_, round + 1);
      messages_.unpack(round, targets, write_);
    }
    messages_.wait_sent(0);
    messages_.wait_sent(1);
    finish_writing();
  }

  /// Copies part `n` of `parts` of what goes directly.
  void copy_part(Index n, Index parts) const {
    for (const Walk<T>& walk : walks_) {
      const IndexRange s = slice({0, walk.columns()}, n, parts);
      if (s.size() > 0) walk.copy(s.begin, s.end, write_);
    }
    for (const Turned& turned : turned_) {
      const IndexRange s = slice({0, turned.transfer->size()}, n, parts);
      copy_transfer<Packed::neither, T>(*turned.transfer, s.begin, s.end, turned.from, turned.to,
                                        write_);
    }
  }

  struct Turned {
    const Transfer* transfer;
    LocalPart<const T> from;
    LocalPart<T> to;
  };

  std::vector<Walk<T>> walks_;
  std::vector<Turned> turned_;
  mpi::Communicator comm_;
  std::shared_ptr<const Plan> plan_;
  bool worth_sharing_;
  bool direct_ = false;           ///< on this rank's node
  bool direct_anywhere_ = false;  ///< the same on every rank
  bool ready_ = false;
  Write write_ = Write::cached;
  std::vector<Path> out_;
  std::vector<Path> in_;
  std::vector<PartList> lists_;
  std::vector<Way<T>> ways_;
  Messages<T> messages_;
};

}  // namespace matrass::detail
