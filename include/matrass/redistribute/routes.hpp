// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Which path each stream of a plan takes, decided alike by both of its ranks.
/// Next: redistribute/walk.hpp
#pragma once

#include <matrass/redistribute/direct.hpp>
#include <utility>
#include <vector>

namespace matrass::detail {

/// The paths of the streams between this rank and the others.
struct Routes {
  std::vector<Path> out;        ///< by receiving rank: message, push or pull
  std::vector<Path> in;         ///< by sending rank
  std::vector<PartList> lists;  ///< the parts of the ranks of this node, by their numbers in it;
                                ///< empty where nothing goes directly
  bool messages = true;         ///< whether any rank may have messages; the same on every rank
  bool direct = false;          ///< whether any rank may copy directly; the same on every rank
};

/// All by messages.
inline Routes message_routes(int ranks) {
  const std::vector<Path> all(static_cast<std::size_t>(ranks), Path::message);
  return {all, all, {}, true, false};
}

/// Whether a matrix of so many bytes goes by messages alone, wherever ranks are.
inline bool by_messages_alone(Index bytes) {
  return wanted_path() == Path::message ||
         (wanted_path() == Path::automatic && bytes < worth_sharing);
}

/// The routes of `plan`, whose parts lie where `mine` says. Collective over `comm`: one small
/// allgather on each node, two where some rank has several parts.
/// @param item  bytes of an element
inline Routes find_routes(const mpi::Communicator& comm, const Plan& plan, PartList mine,
                          Index item) {
  const NodeMemory& memory = NodeMemory::of(comm);
  const mpi::Node& node = memory.node();
  Routes routes = message_routes(comm.size());
  routes.messages = node.nodes > 1 || !memory.shared();
  routes.direct = memory.shared_anywhere();
  if (!memory.shared()) return routes;
  const Index own = plan.sends[static_cast<std::size_t>(comm.rank())].size;
  mine.outgoing = plan.elements_sent(comm.rank()) + own;
  mine.incoming = plan.elements_received() + own;
  routes.lists = gather_parts(memory, mine);
  const auto list = [&](int rank) -> const PartList& {
    return routes.lists[static_cast<std::size_t>(node.number_of[static_cast<std::size_t>(rank)])];
  };
  for (const int peer : node.ranks) {
    const auto k = static_cast<std::size_t>(peer);
    routes.out[k] = choose_path(plan.sends[k], list(comm.rank()), list(peer), item);
    routes.in[k] = choose_path(plan.receives[k], list(peer), list(comm.rank()), item);
  }
  for (const PartList& from : routes.lists) {
    for (const PartList& to : routes.lists) {
      const bool apart = !PartList::reachable(from.sources) && !PartList::reachable(to.targets);
      routes.messages = routes.messages || apart;
    }
  }
  return routes;
}

}  // namespace matrass::detail
