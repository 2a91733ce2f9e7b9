// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The message path: pack, Isend/Irecv in rounds of bounded memory, unpack.
/// Next: redistribute/redistribute.hpp
#pragma once

#include <mpi.h>

#include <algorithm>
#include <array>
#include <matrass/matrix/storage.hpp>
#include <matrass/mpi/collectives.hpp>
#include <matrass/redistribute/stream.hpp>
#include <span>
#include <vector>

namespace matrass::detail {

/// How much of a stream one message carries, in bytes: the buffers of a round stay in the second
/// cache between packing, MPI's copy and unpacking, and MPI reaches its bandwidth.
constexpr Index message_bytes(int ranks) {
  return std::max(Index{1} << 16, (Index{1} << 19) / std::max(ranks, 2));
}

/// How much of a message is packed before the next peer's turn: what lies between in the source,
/// for other peers and for this rank itself, is then read from the first caches.
inline constexpr Index slice_bytes = Index{1} << 15;

/// Results of at least this size are written past the cache: they would not stay in it.
inline constexpr Index large_result = Index{1} << 23;

/// Moves the elements of a plan between ranks. Built (allocated) before the agreement, run after.
///
/// In round k each pair of ranks exchanges the k-th piece of its stream, and each rank copies as
/// large a part of what stays: what lies close in the memories is moved together. Receives are
/// posted a round ahead; both directions have two buffers a peer, from the pool.
template <Scalar T>
class Exchange {
 public:
  Exchange(const mpi::Communicator& comm, Plan plan)
      : comm_(comm),
        plan_(std::move(plan)),
        piece_(
            std::min<Index>(mpi::largest_count(), message_bytes(comm.size()) / Index{sizeof(T)})) {
    for (int k = 1; k < comm.size(); ++k) {
      const int peer = (comm.rank() + k) % comm.size();  // not everybody to rank 0 first
      add_peer(to_, peer, plan_.sends[static_cast<std::size_t>(peer)]);
      add_peer(from_, peer, plan_.receives[static_cast<std::size_t>(peer)]);
    }
    const auto buffers = static_cast<Index>(to_.size() + from_.size()) * 2;
    Index longest = 0;
    for (const Peer& peer : to_) longest = std::max(longest, peer.stream->size);
    for (const Peer& peer : from_) longest = std::max(longest, peer.stream->size);
    piece_ = std::max<Index>(1, std::min(piece_, longest));
    rounds_ = ceil_div(longest, piece_);
    const Index result = plan_.elements_received() + plan_.sends[me(comm)].size;
    if (result * Index{sizeof(T)} >= large_result) write_ = Write::past_cache;
    for (Requests& requests : sending_) requests.reserve(to_.size());
    for (Requests& requests : receiving_) requests.reserve(from_.size());
    work_ = Storage<T>::allocate(buffers * piece_, false);
  }

  const Plan& plan() const { return plan_; }
  /// Elements in the longest message, and after how many of them the longest stream is through.
  Index piece() const { return piece_; }
  Index rounds() const { return rounds_; }

  /// Moves the elements: `sources` and `targets` are this rank's own pieces in the plan's order.
  /// Collective over all ranks of the plan. Throws only when the world is dead; the buffers, which
  /// an abandoned message may still touch, are then kept until the process ends.
  void run(std::span<const LocalPart<const T>> sources, std::span<const LocalPart<T>> targets) {
    try {
      run_rounds(sources, targets);
    } catch (...) {
#ifdef MATRASS_LINKED
      guard::quarantine(work_.owner());
#endif
      throw;
    }
  }

 private:
  struct Peer {
    int rank;
    const Stream* stream;
  };
  using Requests = std::vector<MPI_Request>;

  void run_rounds(std::span<const LocalPart<const T>> sources,
                  std::span<const LocalPart<T>> targets) {
    sources_ = sources;
    targets_ = targets;
    const Stream& own = plan_.sends[me(comm_)];
    // A slice has few columns: too little of each row where rows are contiguous.
    sliced_ = std::none_of(sources.begin(), sources.end(), row_major<const T>) &&
              std::none_of(targets.begin(), targets.end(), row_major<T>);
    receive(0);
    for (Index round = 0; round < rounds_; ++round) {
      wait(sending_[slot(round)]);
      fill(round, {own.size * round / rounds_, own.size * (round + 1) / rounds_});
      send(round);
      receive(round + 1);
      finish(round);
    }
    if (rounds_ == 0) copy_own<T>(own, 0, own.size, sources, targets, write_);
    wait(sending_[0]);
    wait(sending_[1]);
    finish_writing();
  }

  static std::size_t me(const mpi::Communicator& comm) {
    return static_cast<std::size_t>(comm.rank());
  }

  static void add_peer(std::vector<Peer>& peers, int rank, const Stream& stream) {
    if (stream.size > 0) peers.push_back({rank, &stream});
  }

  /// The buffer of peer number `k` in `round`; receives lie behind sends.
  T* buffer(std::size_t k, Index round, bool receives) const {
    const std::size_t number = receives ? to_.size() + k : k;
    return work_.data() + (static_cast<Index>(number) * 2 + round % 2) * piece_;
  }

  /// The elements of a stream that travel in `round`.
  IndexRange part(const Stream& stream, Index round) const {
    return {std::min(stream.size, round * piece_), std::min(stream.size, (round + 1) * piece_)};
  }

  void receive(Index round) {
    for (std::size_t k = 0; k < from_.size(); ++k) {
      const IndexRange range = part(*from_[k].stream, round);
      auto& request = receiving_[slot(round)].emplace_back(MPI_REQUEST_NULL);
      if (range.size() == 0) continue;
      mpi::check(MPI_Irecv(buffer(k, round, true), static_cast<int>(range.size()),
                           mpi::datatype<T>(), from_[k].rank, tag, comm_.own(), &request),
                 "MPI_Irecv");
    }
  }

  /// Packs what goes out in `round`, and copies the elements `stay` of what stays, slice by slice.
  void fill(Index round, IndexRange stay) {
    const Index slices = sliced_ ? ceil_div(piece_ * Index{sizeof(T)}, slice_bytes) : 1;
    for (Index n = 0; n < slices; ++n) {
      const auto slice = [&](const IndexRange& all) {
        return IndexRange{all.begin + all.size() * n / slices,
                          all.begin + all.size() * (n + 1) / slices};
      };
      for (std::size_t k = 0; k < to_.size(); ++k) {
        const IndexRange all = part(*to_[k].stream, round);
        const IndexRange s = slice(all);
        pack<T>(*to_[k].stream, s.begin, s.end, sources_,
                buffer(k, round, false) + (s.begin - all.begin));
      }
      const IndexRange s = slice(stay);
      copy_own<T>(plan_.sends[me(comm_)], s.begin, s.end, sources_, targets_, write_);
    }
  }

  void send(Index round) {
    for (std::size_t k = 0; k < to_.size(); ++k) {
      const IndexRange range = part(*to_[k].stream, round);
      if (range.size() == 0) continue;
      auto& request = sending_[slot(round)].emplace_back();
      mpi::check(MPI_Isend(buffer(k, round, false), static_cast<int>(range.size()),
                           mpi::datatype<T>(), to_[k].rank, tag, comm_.own(), &request),
                 "MPI_Isend");
    }
  }

  /// Puts what comes in in `round` in its place, in the order in which it arrives.
  void finish(Index round) {
    Requests& requests = receiving_[slot(round)];
    for (;;) {
      int arrived = MPI_UNDEFINED;
      mpi::check(MPI_Waitany(static_cast<int>(requests.size()), requests.data(), &arrived,
                             MPI_STATUS_IGNORE),
                 "MPI_Waitany");
      if (arrived == MPI_UNDEFINED) break;
      const auto k = static_cast<std::size_t>(arrived);
      const IndexRange range = part(*from_[k].stream, round);
      unpack<T>(*from_[k].stream, range.begin, range.end, buffer(k, round, true), targets_, write_);
    }
    requests.clear();
  }

  static void wait(Requests& requests) {
    mpi::check(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
               "MPI_Waitall");
    requests.clear();
  }

  static std::size_t slot(Index round) { return static_cast<std::size_t>(round % 2); }

  static constexpr int tag = 1;

  mpi::Communicator comm_;
  Plan plan_;
  Index piece_;  ///< elements in a message
  Index rounds_ = 0;
  Write write_ = Write::cached;
  bool sliced_ = true;
  std::vector<Peer> to_;
  std::vector<Peer> from_;
  Storage<T> work_;
  std::array<Requests, 2> sending_;
  std::array<Requests, 2> receiving_;
  std::span<const LocalPart<const T>> sources_;
  std::span<const LocalPart<T>> targets_;
};

}  // namespace matrass::detail
