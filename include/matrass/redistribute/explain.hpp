// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What a redistribution will do and need, told before anything is allocated; and keeping it within
/// a budget of memory.
/// Next: redistribute/redistribute.hpp
#pragma once

#include <matrass/core/bytes.hpp>
#include <matrass/redistribute/exchange.hpp>
#include <optional>
#include <string>
#include <utility>

namespace matrass {

/// What a call that moves elements may be told.
struct MoveOptions {
  /// Bytes that the call may allocate on this rank, for its result and its buffers; given on every
  /// rank or on none, as much as each can spare.
  std::optional<Index> max_memory = std::nullopt;
};

/// What a redistribution does on one rank. Bytes are those of the elements.
struct Explanation {
  Index bytes_sent = 0;      ///< to other ranks
  Index bytes_received = 0;  ///< from other ranks
  Index bytes_kept = 0;      ///< copied from this rank's memory to this rank's memory
  Index messages = 0;        ///< that this rank sends
  Index rounds = 0;          ///< of messages
  Index result_bytes = 0;    ///< memory for the part of the result
  Index work_bytes = 0;      ///< memory for buffers, and for a copy of what is overwritten
  /// none: nothing moves, the result is a view; local: copied on its rank; direct: between the
  /// memories of ranks of one machine; message; mixed: direct and by messages
  std::string path = "none";

  /// Memory that the call takes at its height.
  Index peak_bytes() const { return result_bytes + work_bytes; }

  /// Counts a step of a move in several steps, each of which frees its memory.
  void add_step(const Explanation& step) {
    bytes_sent += step.bytes_sent;
    bytes_received += step.bytes_received;
    bytes_kept += step.bytes_kept;
    messages += step.messages;
    rounds += step.rounds;
    work_bytes = std::max(work_bytes, step.work_bytes);
    const bool quiet = path == "none" || path == "local";
    const bool step_quiet = step.path == "none" || step.path == "local";
    if (quiet) {
      path = step.path == "none" ? path : step.path;
    } else if (!step_quiet && step.path != path) {
      path = "mixed";
    }
  }
};

namespace detail {

/// Where the part of a new matrix would lie, for routes. A pool that is shared has room for it.
template <Scalar T>
PartAddress expected_address(const Distribution& d, int rank) {
  const Shape local = d.local_shape(rank);
  const Index ld = d.leading_dimension(rank);
  const bool reachable = local.size() == 0 || Storage<T>::is_pooled(ld * local.cols);
  return {reachable ? 0 : -1, 1, ld};
}

/// Memory for the part of a new matrix, in bytes.
template <Scalar T>
Index result_bytes(const Distribution& d, int rank) {
  const Shape local = d.local_shape(rank);
  return Storage<T>::footprint(local.size() == 0 ? 0 : d.leading_dimension(rank) * local.cols);
}

/// A move of elements that is planned and routed, but not made.
struct Foreseen {
  std::shared_ptr<const Plan> plan;
  Routes routes;
  Index result_bytes = 0;
  Index copy_bytes = 0;  ///< for a copy of the source, where it overlaps the target

  Rounds rounds(int rank, Index most, Index item) const {
    const int ranks = static_cast<int>(plan->sends.size());
    return rounds_of(message_peers(*plan, routes, rank), ranks, most, item);
  }
};

/// Finds the routes that an exchange of `plan` would find. Collective over `comm`.
/// @param elements  of the whole matrix
template <Scalar T>
Foreseen foresee(const mpi::Communicator& comm, std::shared_ptr<const Plan> plan, PartList parts,
                 Index elements) {
  constexpr Index item = sizeof(T);
  Foreseen seen;
  seen.routes = by_messages_alone(elements * item)
                    ? message_routes(comm.size())
                    : find_routes(comm, *plan, std::move(parts), item);
  seen.plan = std::move(plan);
  return seen;
}

/// The longest message, in elements, with which the move stays within `options` on every rank.
/// Collective where there is a budget.
/// @throws MemoryLimitError on all ranks, with the bytes that are missing on one.
template <Scalar T>
Index longest_message(const mpi::Communicator& comm, const Foreseen& seen,
                      const MoveOptions& options) {
  if (!options.max_memory) return unbounded;
  constexpr Index item = sizeof(T);
  Index most = mpi::throw_together(comm, [&] {
    const Index budget = *options.max_memory;
    const Rounds least = seen.rounds(comm.rank(), least_message_bytes / item, item);
    const Index needed =
        seen.result_bytes + seen.copy_bytes + Storage<T>::footprint(least.buffers * least.piece);
    if (needed > budget) {
      throw MemoryLimitError(
          "redistribute: max_memory must hold the result and its buffers: got " +
          shown_bytes(budget) + ", " + shown_bytes(needed - budget) + " are missing (" +
          shown_bytes(seen.result_bytes + seen.copy_bytes) + " for the result, at least " +
          shown_bytes(needed - seen.result_bytes - seen.copy_bytes) + " for buffers)");
    }
    if (least.buffers == 0) return unbounded;
    const Index free = budget - seen.result_bytes - seen.copy_bytes;
    const Index whole = free / MemoryPool::granule * MemoryPool::granule;  // as the pool counts
    return std::max(least_message_bytes, std::max(whole, Index{1}) / least.buffers) / item;
  });
  mpi::check(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_INT64_T, MPI_MIN, comm.own()),
             "MPI_Allreduce");
  return most;
}

/// What the move does on `rank`.
template <Scalar T>
Explanation explain(const Foreseen& seen, int rank, Index most) {
  constexpr Index item = sizeof(T);
  const auto own = static_cast<std::size_t>(rank);
  const Rounds rounds = seen.rounds(rank, most, item);
  Explanation e;
  e.bytes_sent = seen.plan->elements_sent(rank) * item;
  e.bytes_received = seen.plan->elements_received() * item;
  e.bytes_kept = seen.plan->sends[own].size * item;
  e.messages = rounds.messages;
  e.rounds = rounds.number;
  e.result_bytes = seen.result_bytes;
  e.work_bytes = seen.copy_bytes + Storage<T>::footprint(rounds.buffers * rounds.piece);
  bool messages = false;
  bool direct = false;
  for (std::size_t k = 0; k < seen.plan->sends.size(); ++k) {
    if (k == own) continue;
    const auto look = [&](const Stream& stream, Path path) {
      if (stream.size == 0) return;
      (path == Path::message ? messages : direct) = true;
    };
    look(seen.plan->sends[k], seen.routes.out[k]);
    look(seen.plan->receives[k], seen.routes.in[k]);
  }
  e.path = messages && direct ? "mixed" : messages ? "message" : direct ? "direct" : "local";
  return e;
}

}  // namespace detail

}  // namespace matrass
