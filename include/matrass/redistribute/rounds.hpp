// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// How streams that travel in messages are cut into rounds: pure arithmetic.
/// Next: redistribute/messages.hpp
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/mpi/collectives.hpp>
#include <matrass/redistribute/routes.hpp>
#include <vector>

namespace matrass::detail {

/// A stream to or from `rank`.
struct Peer {
  int rank;
  const Stream* stream;
};

/// With whom a rank exchanges messages.
struct MessagePeers {
  std::vector<Peer> to;
  std::vector<Peer> from;
};

/// Those of `rank` in `plan`, which outlives them.
inline MessagePeers message_peers(const Plan& plan, const Routes& routes, int rank) {
  MessagePeers peers;
  const int size = static_cast<int>(plan.sends.size());
  for (int n = 1; n < size; ++n) {
    const int peer = (rank + n) % size;  // not everybody to rank 0 first
    const auto k = static_cast<std::size_t>(peer);
    const Stream& out = plan.sends[k];
    const Stream& in = plan.receives[k];
    if (out.size > 0 && routes.out[k] == Path::message) peers.to.push_back({peer, &out});
    if (in.size > 0 && routes.in[k] == Path::message) peers.from.push_back({peer, &in});
  }
  return peers;
}

/// How much of a stream one message carries, in bytes: the buffers of a round stay in the second
/// cache between packing, MPI's copy and unpacking, and MPI reaches its bandwidth.
constexpr Index message_bytes(int ranks) {
  return std::max(Index{1} << 16, (Index{1} << 19) / std::max(ranks, 2));
}

/// No message is to be smaller than this for want of memory: the rounds would never end.
inline constexpr Index least_message_bytes = 4096;

/// In round k each pair of ranks exchanges the k-th piece of its stream.
struct Rounds {
  Index piece = 1;     ///< elements in the longest message
  Index number = 0;    ///< after how many rounds this rank's longest stream is through
  Index messages = 0;  ///< that this rank sends
  Index buffers = 0;   ///< of `piece` elements: two a stream
};

/// The rounds of one rank's streams.
/// @param most  elements that a message may have at most; the same on every rank
/// @param item  bytes of an element
inline Rounds rounds_of(const MessagePeers& peers, int ranks, Index most, Index item) {
  Index longest = 0;
  for (const Peer& peer : peers.to) longest = std::max(longest, peer.stream->size);
  for (const Peer& peer : peers.from) longest = std::max(longest, peer.stream->size);
  Rounds rounds;
  // A rank whose streams are all shorter than the others' pieces needs less memory; its streams go
  // in one message each on either side.
  rounds.piece = std::min({mpi::largest_count(), message_bytes(ranks) / item, most, longest});
  rounds.piece = std::max<Index>(1, rounds.piece);
  rounds.number = ceil_div(longest, rounds.piece);
  for (const Peer& peer : peers.to) rounds.messages += ceil_div(peer.stream->size, rounds.piece);
  rounds.buffers = static_cast<Index>(peers.to.size() + peers.from.size()) * 2;
  return rounds;
}

/// What rounds need for `most` when memory is not bounded.
inline constexpr Index unbounded = std::numeric_limits<Index>::max();

}  // namespace matrass::detail
