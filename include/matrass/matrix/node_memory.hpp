// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The arenas of the other ranks of a node, mapped into this process.
/// Next: matrix/dist_matrix.hpp
#pragma once

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <any>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <matrass/core/log.hpp>
#include <matrass/matrix/memory_pool.hpp>
#include <matrass/mpi/node.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

/// The arena of another process, mapped as far as it was needed so far. Thread-safe.
class PeerArena {
 public:
  /// Opens the file behind the ticket; an object that is not open() where that is refused.
  explicit PeerArena(const ArenaTicket& ticket) : ticket_(ticket) {
    if (ticket.file < 0) return;
    if (ticket.pid == ::getpid()) {
      base_ = MemoryPool::instance().arena().base();
      return;
    }
    const std::string path =
        "/proc/" + std::to_string(ticket.pid) + "/fd/" + std::to_string(ticket.file);
    file_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file_ < 0 || !map(Arena::page)) return;
    std::uint64_t found = 0;
    std::memcpy(&found, base_, sizeof found);
    if (found != ticket.secret) close();
  }
  PeerArena(const PeerArena&) = delete;
  PeerArena& operator=(const PeerArena&) = delete;
  ~PeerArena() { close(); }

  bool open() const { return base_ != nullptr; }

  /// Where byte `offset` of the arena is in this process; bytes up to `reach` are mapped then. Null
  /// where the system refuses.
  std::byte* at(std::size_t offset, std::size_t reach) {
    const std::scoped_lock lock(mutex_);
    const bool mapped = base_ != nullptr && (ticket_.pid == ::getpid() || reach <= mapped_size());
    return mapped || map(reach) ? base_ + offset : nullptr;
  }

  /// Frees the pages of a process that is gone: its memory lives as long as anybody maps it. The
  /// mapping stays, so that a thread that is still copying reads zeros.
  void free_if_orphan() {
    const std::scoped_lock lock(mutex_);
    if (file_ < 0) return;
    const std::string path =
        "/proc/" + std::to_string(ticket_.pid) + "/fd/" + std::to_string(ticket_.file);
    if (::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return;
    ::fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                static_cast<off_t>(ticket_.capacity));
  }

  /// Maps nothing any more.
  void close() {
    const std::scoped_lock lock(mutex_);
    for (const auto& [at, size] : mappings_) ::munmap(at, size);
    mappings_.clear();
    if (file_ >= 0) ::close(file_);
    file_ = -1;
    base_ = nullptr;
  }

 private:
  std::size_t mapped_size() const { return mappings_.empty() ? 0 : mappings_.back().second; }

  /// Maps more. Smaller mappings stay: another thread may be copying there.
  bool map(std::size_t reach) {
    if (file_ < 0) return false;
    const std::size_t size = std::min<std::size_t>(ticket_.capacity, std::bit_ceil(reach));
    std::byte* const mapped = Arena::map(size, file_);
    if (mapped == nullptr) return false;
    ::madvise(mapped, size, MADV_DONTDUMP);
    mappings_.emplace_back(mapped, size);
    base_ = mapped;
    return true;
  }

  std::mutex mutex_;
  ArenaTicket ticket_;
  int file_ = -1;
  std::byte* base_ = nullptr;  ///< of the latest, largest mapping
  std::vector<std::pair<std::byte*, std::size_t>> mappings_;
};

/// The ranks of this node and their memory, as one communicator sees them. Made once for each.
class NodeMemory {
 public:
  /// Of `comm`, whose private part it shares. Collective over `comm` at first use; local later.
  static NodeMemory& of(const mpi::Communicator& comm) {
    std::any& kept = comm.cache()["NodeMemory"];
    if (!kept.has_value()) {
      auto made = std::make_shared<NodeMemory>(comm);
      comm.at_free([weak = std::weak_ptr<NodeMemory>(made)] {
        if (const auto node = weak.lock()) node->free();
      });
      kept = std::move(made);
    }
    return *std::any_cast<std::shared_ptr<NodeMemory>&>(kept);
  }

  /// Use of(). Collective.
  explicit NodeMemory(const mpi::Communicator& comm) : node_(mpi::find_node(comm)) {
    const std::vector<ArenaTicket> tickets = exchange(MemoryPool::instance().arena().ticket());
    for (const ArenaTicket& ticket : tickets) arenas_.push_back(arena(ticket));
    const bool all = std::all_of(arenas_.begin(), arenas_.end(),
                                 [](const auto& arena) { return arena->open(); });
    int good = all ? 1 : 0;
    mpi::check(MPI_Allreduce(MPI_IN_PLACE, &good, 1, MPI_INT, MPI_MIN, node_.comm),
               "MPI_Allreduce");
    shared_ = good == 1;
    mpi::check(MPI_Allreduce(MPI_IN_PLACE, &good, 1, MPI_INT, MPI_MAX, comm.own()),
               "MPI_Allreduce");
    shared_anywhere_ = good == 1;
    if (shared_) return;
    why_not_ = why_private(tickets);
    say_why_not();
  }

  const mpi::Node& node() const { return node_; }

  /// Whether all ranks of the node can map each other's pools; known to all of them.
  bool shared() const { return shared_; }

  /// Why they cannot, as far as this process knows; empty where they can.
  const std::string& why_not() const { return why_not_; }

  /// Whether those of some node can; known to all ranks of the communicator.
  bool shared_anywhere() const { return shared_anywhere_; }

  /// Where this process has byte `offset` of the pool of `rank` (in the whole communicator).
  /// @throws MemoryLimitError where the addresses are refused.
  std::byte* at(int rank, std::size_t offset, std::size_t reach) const {
    const auto number = static_cast<std::size_t>(node_.number_of[static_cast<std::size_t>(rank)]);
    std::byte* found = arenas_[number]->at(offset, reach);
    if (found != nullptr) return found;
    throw MemoryLimitError("memory: the memory of rank " + std::to_string(rank) +
                           " cannot be mapped: no addresses are left (ulimit -v)");
  }

  /// What each rank of the node gives, in their order. Collective over the node.
  template <class V>
  std::vector<V> exchange(const V& mine) const {
    std::vector<V> all(static_cast<std::size_t>(node_.size()));
    mpi::check(
        MPI_Allgather(&mine, sizeof(V), MPI_BYTE, all.data(), sizeof(V), MPI_BYTE, node_.comm),
        "MPI_Allgather");
    return all;
  }

  /// The same for lists, which have `counts` entries each.
  template <class V>
  std::vector<V> exchange(const std::vector<V>& mine,
                          const std::vector<std::int64_t>& counts) const {
    std::vector<int> sizes;
    std::vector<int> starts;
    Index total = 0;
    for (const std::int64_t count : counts) {
      sizes.push_back(narrow(count * Index{sizeof(V)}, "exchange: bytes of one rank"));
      starts.push_back(narrow(total * Index{sizeof(V)}, "exchange: bytes of all ranks"));
      total += count;
    }
    std::vector<V> all(static_cast<std::size_t>(total));
    mpi::check(
        MPI_Allgatherv(mine.data(),
                       narrow(Index{sizeof(V)} * static_cast<Index>(mine.size()), "exchange"),
                       MPI_BYTE, all.data(), sizes.data(), starts.data(), MPI_BYTE, node_.comm),
        "MPI_Allgatherv");
    return all;
  }

  /// Returns when all ranks of the node are here. Collective over the node.
  void wait_for_all() const { mpi::check(MPI_Barrier(node_.comm), "MPI_Barrier"); }

  /// Frees what ranks that are gone have left. For a world that has ended.
  void free_orphans() const {
    for (const auto& arena : arenas_) arena->free_if_orphan();
  }

  void free() {
    if (node_.comm != MPI_COMM_NULL) MPI_Comm_free(&node_.comm);
  }

 private:
  /// One mapping of each process, whatever the number of communicators.
  static std::shared_ptr<PeerArena> arena(const ArenaTicket& ticket) {
    static std::mutex mutex;
    static std::map<std::pair<std::int64_t, std::uint64_t>, std::weak_ptr<PeerArena>> known;
    const std::scoped_lock lock(mutex);
    std::weak_ptr<PeerArena>& entry = known[{ticket.pid, ticket.secret}];
    std::shared_ptr<PeerArena> found = entry.lock();
    if (!found) entry = found = std::make_shared<PeerArena>(ticket);
    return found;
  }

  /// Why they cannot. Only the process itself knows why its memory is private.
  static std::string why_private(const std::vector<ArenaTicket>& tickets) {
    const auto first = std::find_if(tickets.begin(), tickets.end(),
                                    [](const ArenaTicket& ticket) { return ticket.file < 0; });
    if (first == tickets.end()) return "not every rank can map the memory of every other";
    std::string why = "the memory of process " + std::to_string(first->pid) + " is private";
    if (first->pid == ::getpid()) why += " (" + MemoryPool::instance().arena().why_private() + ")";
    return why;
  }

  /// One line in the log of the node's first rank.
  void say_why_not() const {
    int me = 0;
    MPI_Comm_rank(node_.comm, &me);
    if (me != 0 || node_.size() == 1) return;
    log_once("redistribute: ranks of one machine exchange messages: " + why_not_);
  }

  mpi::Node node_;
  std::vector<std::shared_ptr<PeerArena>> arenas_;
  bool shared_ = false;
  bool shared_anywhere_ = false;
  std::string why_not_;
};

}  // namespace matrass
