// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// One redistribution on its way: messages and direct copies at work together.
/// Next: redistribute/move.hpp
#pragma once

#include <algorithm>
#include <matrass/redistribute/direct_copies.hpp>
#include <matrass/redistribute/messages.hpp>
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

/// Parts of another rank as this process has them mapped.
template <class T>
std::vector<LocalPart<T>> mapped(const NodeMemory& node, int rank,
                                 const std::vector<PartAddress>& parts, std::size_t reach) {
  std::vector<LocalPart<T>> result;
  for (const PartAddress& part : parts) {
    std::byte* at = node.at(rank, static_cast<std::size_t>(part.offset), reach);
    result.push_back({reinterpret_cast<T*>(at), {}, part.row_stride, part.col_stride});
  }
  return result;
}

/// Moves the elements of a plan between ranks. Built before the agreement, run after.
template <Scalar T>
class Exchange {
 public:
  /// @param elements  of the whole matrix, the same on every rank
  /// @param most  elements that a message may have, the same on every rank
  Exchange(const mpi::Communicator& comm, std::shared_ptr<const Plan> plan, Index elements,
           Index most = unbounded)
      : comm_(comm), plan_(std::move(plan)), most_(most) {
    const Index result = plan_->elements_received() + own().size;
    if (result * Index{sizeof(T)} >= large_result) write_ = Write::past_cache;
    routed_ = by_messages_alone(elements * Index{sizeof(T)});
    if (!routed_) return;
    routes_ = message_routes(comm_.size());
    messages_ = make_messages();
  }

  const Messages<T>& messages() const { return messages_; }

  /// Moves the elements: `sources` and `targets` are this rank's own pieces in the plan's order.
  /// Collective over all ranks of the plan.
  /// @param owner  of the targets' memory; without one nobody else may write there
  /// @throws MemoryLimitError on all ranks; the targets' content is then arbitrary. Else throws
  ///   only when the world is dead. What others may still be writing to, the buffers of abandoned
  ///   messages and targets that are pushed to, is then kept until the process ends.
  void run(Sources<T> sources, Targets<T> targets, const std::shared_ptr<void>& owner) {
    try {
      if (!routed_) find_way(sources, targets, owner != nullptr);
      mpi::Attempts attempts;
      if (routes_.direct) attempts([&] { add_peers(sources, targets); });
      copies_.add(own(), sources, targets, Crossing::none);
      copies_.prepare();
      run_rounds(sources, targets);
      // Nobody reads what is still being pushed, or changes what is still being pulled.
      if (routes_.direct) attempts.agree(comm_);
    } catch (...) {
      keep_what_may_be_written(owner);
      throw;
    }
  }

 private:
  const Stream& own() const { return plan_->sends[static_cast<std::size_t>(comm_.rank())]; }

  Messages<T> make_messages() const {
    MessagePeers peers = message_peers(*plan_, routes_, comm_.rank());
    const Rounds rounds = rounds_of(peers, comm_.size(), most_, Index{sizeof(T)});
    return {std::move(peers), rounds};
  }

  /// Decides how each stream travels. Collective.
  void find_way(Sources<T> sources, Targets<T> targets, bool writable) {
    routes_ = find_routes(comm_, *plan_,
                          {addresses_of(sources, true), addresses_of(targets, writable),
                           MemoryPool::instance().reach()},
                          Index{sizeof(T)});
    if (routes_.messages) mpi::throw_together(comm_, [&] { messages_ = make_messages(); });
  }

  /// Adds what this rank copies to the others of its node, and from them.
  void add_peers(Sources<T> sources, Targets<T> targets) {
    const NodeMemory& node = NodeMemory::of(comm_);
    for (std::size_t n = 0; n < routes_.lists.size(); ++n) {
      const int peer = node.node().ranks[n];
      if (peer == comm_.rank()) continue;
      const auto k = static_cast<std::size_t>(peer);
      const PartList& parts = routes_.lists[n];
      const Stream& out = plan_->sends[k];
      const Stream& in = plan_->receives[k];
      if (routes_.out[k] == Path::push && out.size > 0) {
        copies_.add(out, sources, mapped<T>(node, peer, parts.targets, parts.reach),
                    Crossing::push);
      }
      if (routes_.in[k] == Path::pull && in.size > 0) {
        copies_.add(in, mapped<const T>(node, peer, parts.sources, parts.reach), targets,
                    Crossing::pull);
      }
    }
  }

  /// Packs and copies by turns, in small slices: a source column is read once for all.
  void run_rounds(Sources<T> sources, Targets<T> targets) {
    const Rounds& all = messages_.rounds();
    const Index rounds = std::max<Index>(1, all.number);
    const Index packed = all.number > 0 ? all.piece * Index{sizeof(T)} / slice_bytes : 1;
    const Index slices = std::max({Index{1}, packed, copies_.most_parts() / rounds});
    messages_.receive(comm_, 0);
    for (Index round = 0; round < rounds; ++round) {
      messages_.wait_sent(round);
      for (Index n = 0; n < slices; ++n) {
        messages_.pack(round, n, slices, sources);
        copies_.copy(round * slices + n, rounds * slices, write_);
      }
      messages_.send(comm_, round);
      messages_.receive(comm_, round + 1);
      messages_.unpack(round, targets, write_);
    }
    messages_.wait_sent(0);
    messages_.wait_sent(1);
    finish_writing();
  }

  void keep_what_may_be_written([[maybe_unused]] const std::shared_ptr<void>& owner) const {
#ifdef MATRASS_LINKED
    if (!guard::interrupted()) return;
    guard::quarantine(messages_.work().owner());
    guard::quarantine(owner);
    if (routes_.direct) NodeMemory::of(comm_).free_orphans();
#endif
  }

  mpi::Communicator comm_;
  std::shared_ptr<const Plan> plan_;
  Index most_;
  bool routed_ = false;  ///< known before run()
  Write write_ = Write::cached;
  Routes routes_;
  Messages<T> messages_;
  DirectCopies<T> copies_;
};

}  // namespace matrass::detail
