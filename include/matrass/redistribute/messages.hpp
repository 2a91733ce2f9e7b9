// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The message path: pack, Isend/Irecv in rounds of bounded memory, unpack.
/// Next: redistribute/exchange.hpp
#pragma once

#include <mpi.h>

#include <algorithm>
#include <array>
#include <matrass/matrix/storage.hpp>
#include <matrass/redistribute/counters.hpp>
#include <matrass/redistribute/rounds.hpp>
#include <matrass/redistribute/stream.hpp>
#include <span>
#include <vector>

namespace matrass::detail {

/// The streams between this rank and others that travel in messages. Receives are posted a round
/// ahead; the buffers come from the pool.
template <Scalar T>
class Messages {
 public:
  Messages() = default;

  /// Allocates the buffers. Local.
  Messages(MessagePeers peers, const Rounds& rounds)
      : rounds_(rounds),
        to_(std::move(peers.to)),
        from_(std::move(peers.from)),
        work_(Storage<T>::allocate(rounds.buffers * rounds.piece, false)) {
    for (Requests& requests : sending_) requests.reserve(to_.size());
    for (Requests& requests : receiving_) requests.reserve(from_.size());
  }

  const Rounds& rounds() const { return rounds_; }
  const Storage<T>& work() const { return work_; }

  /// Posts the receives of `round`.
  void receive(const mpi::Communicator& comm, Index round) {
    for (std::size_t k = 0; k < from_.size(); ++k) {
      const IndexRange range = part(*from_[k].stream, round);
      auto& request = receiving_[slot(round)].emplace_back(MPI_REQUEST_NULL);
      if (range.size() == 0) continue;
      mpi::check(MPI_Irecv(buffer(k, round, true), static_cast<int>(range.size()),
                           mpi::datatype<T>(), from_[k].rank, tag, comm.own(), &request),
                 "MPI_Irecv");
    }
  }

  /// Packs part `n` of `parts` of what goes out in `round`.
  void pack(Index round, Index n, Index parts, Sources<T> sources) {
    for (std::size_t k = 0; k < to_.size(); ++k) {
      const IndexRange all = part(*to_[k].stream, round);
      const IndexRange s = slice(all, n, parts);
      detail::pack<T>(*to_[k].stream, s.begin, s.end, sources,
                      buffer(k, round, false) + (s.begin - all.begin));
    }
  }

  void send(const mpi::Communicator& comm, Index round) {
    for (std::size_t k = 0; k < to_.size(); ++k) {
      const IndexRange range = part(*to_[k].stream, round);
      if (range.size() == 0) continue;
      auto& request = sending_[slot(round)].emplace_back();
      mpi::check(MPI_Isend(buffer(k, round, false), static_cast<int>(range.size()),
                           mpi::datatype<T>(), to_[k].rank, tag, comm.own(), &request),
                 "MPI_Isend");
      ++TransferCounters::instance().messages_sent;
      TransferCounters::instance().bytes_sent += range.size() * Index{sizeof(T)};
    }
  }

  /// Puts what comes in in `round` in its place, in the order in which it arrives.
  void unpack(Index round, Targets<T> targets, Write write) {
    Requests& requests = receiving_[slot(round)];
    for (;;) {
      int arrived = MPI_UNDEFINED;
      mpi::check(MPI_Waitany(static_cast<int>(requests.size()), requests.data(), &arrived,
                             MPI_STATUS_IGNORE),
                 "MPI_Waitany");
      if (arrived == MPI_UNDEFINED) break;
      const auto k = static_cast<std::size_t>(arrived);
      const IndexRange range = part(*from_[k].stream, round);
      ++TransferCounters::instance().messages_received;
      TransferCounters::instance().bytes_received += range.size() * Index{sizeof(T)};
      detail::unpack<T>(*from_[k].stream, range.begin, range.end, buffer(k, round, true), targets,
                        write);
    }
    requests.clear();
  }

  /// Waits until the buffers of `round` are free to pack into.
  void wait_sent(Index round) {
    Requests& requests = sending_[slot(round)];
    mpi::check(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
               "MPI_Waitall");
    requests.clear();
  }

 private:
  using Requests = std::vector<MPI_Request>;

  /// The buffer of peer number `k` in `round`; receives lie behind sends.
  T* buffer(std::size_t k, Index round, bool receives) const {
    const std::size_t number = receives ? to_.size() + k : k;
    return work_.data() + (static_cast<Index>(number) * 2 + round % 2) * rounds_.piece;
  }

  /// The elements of a stream that travel in `round`.
  IndexRange part(const Stream& stream, Index round) const {
    return {std::min(stream.size, round * rounds_.piece),
            std::min(stream.size, (round + 1) * rounds_.piece)};
  }

  static std::size_t slot(Index round) { return static_cast<std::size_t>(round % 2); }

  static constexpr int tag = 1;

  Rounds rounds_;
  std::vector<Peer> to_;
  std::vector<Peer> from_;
  Storage<T> work_;
  std::array<Requests, 2> sending_;
  std::array<Requests, 2> receiving_;
};

}  // namespace matrass::detail
