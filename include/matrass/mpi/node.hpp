// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Which ranks of a communicator run on one machine, and could map each other's memory.
/// Next: matrix/node_memory.hpp
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <matrass/mpi/call.hpp>
#include <matrass/mpi/collectives.hpp>
#include <string>
#include <vector>

namespace matrass::mpi {

/// So many ranks stand for a machine of their own, in the order of ranks; 0: what runs on one
/// machine is one. To try several nodes on one machine; MATRASS_RANKS_PER_NODE sets it. The same on
/// every rank, before a communicator is first used.
inline int& ranks_per_node() {
  static int ranks = [] {
    const char* set = std::getenv("MATRASS_RANKS_PER_NODE");
    return set == nullptr ? 0 : std::atoi(set);
  }();
  return ranks;
}

/// Equal for processes that share a running kernel, see each other's process numbers and belong to
/// one user.
inline std::uint64_t machine_key() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  struct stat numbers{};
  ::stat("/proc/self/ns/pid", &numbers);
  return Call("machine", boot, static_cast<std::uint64_t>(numbers.st_ino), ::getuid()).hash();
}

/// The ranks of one machine among those of a communicator.
struct Node {
  MPI_Comm comm = MPI_COMM_NULL;  ///< these ranks in their order, a private communicator
  std::vector<int> ranks;         ///< in the whole communicator, ascending
  std::vector<int> number_of;     ///< of every rank: its number in `ranks`, -1 elsewhere
  int nodes = 1;                  ///< how many machines the communicator spans

  int size() const { return static_cast<int>(ranks.size()); }
  bool has(int rank) const { return number_of[static_cast<std::size_t>(rank)] >= 0; }
};

/// Finds this rank's node. Collective over `comm`; makes a communicator, which the caller frees.
inline Node find_node(const Communicator& comm) {
  const auto size = static_cast<std::size_t>(comm.size());
  const int group = ranks_per_node() > 0 ? comm.rank() / ranks_per_node() : 0;
  std::vector<std::uint64_t> keys(size);
  keys[static_cast<std::size_t>(comm.rank())] = Call("node", machine_key(), group).hash();
  check(MPI_Allgather(MPI_IN_PLACE, 1, MPI_UINT64_T, keys.data(), 1, MPI_UINT64_T, comm.own()),
        "MPI_Allgather");
  const std::uint64_t mine = keys[static_cast<std::size_t>(comm.rank())];
  Node node;
  node.number_of.assign(size, -1);
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (keys[static_cast<std::size_t>(rank)] != mine) continue;
    node.number_of[static_cast<std::size_t>(rank)] = node.size();
    node.ranks.push_back(rank);
  }
  std::sort(keys.begin(), keys.end());
  node.nodes = static_cast<int>(std::unique(keys.begin(), keys.end()) - keys.begin());
  check(MPI_Comm_split(comm.own(), node.ranks.front(), comm.rank(), &node.comm), "MPI_Comm_split");
  check(MPI_Comm_set_errhandler(node.comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  return node;
}

}  // namespace matrass::mpi
