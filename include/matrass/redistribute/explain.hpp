// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What a redistribution will do and need, told before anything is allocated; and keeping it within
/// a budget of memory.
/// Next: redistribute/redistribute.hpp
#pragma once

#include <matrass/core/shown.hpp>
#include <matrass/redistribute/move.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  struct Exchanged {
    std::shared_ptr<const Plan> plan;
    Routes routes;
  };
  std::vector<Exchanged> exchanges;
  Index result_bytes = 0;
  Index copy_bytes = 0;  ///< for a copy of the source, where it overlaps the target

  /// How exchange number k goes in rounds.
  Rounds rounds(std::size_t k, int rank, Index most, Index item) const {
    const Exchanged& e = exchanges[k];
    const int ranks = static_cast<int>(e.plan->sends.size());
    return rounds_of(message_peers(*e.plan, e.routes, rank), ranks, most, item);
  }

  /// Bytes of the buffers, of which those of one exchange live at a time.
  template <Scalar T>
  Index buffer_bytes(int rank, Index most) const {
    Index bytes = 0;
    for (std::size_t k = 0; k < exchanges.size(); ++k) {
      const Rounds r = rounds(k, rank, most, Index{sizeof(T)});
      bytes = std::max(bytes, Storage<T>::footprint(r.buffers * r.piece));
    }
    return bytes;
  }
};

/// Finds the routes that a move by `steps` would find. Collective over `comm`.
/// @param elements  of the whole matrix
template <Scalar T>
Foreseen foresee(const mpi::Communicator& comm, std::vector<Step> steps, const PartList& parts,
                 Index elements) {
  constexpr Index item = sizeof(T);
  Foreseen seen;
  for (Step& step : steps) {
    PartList list = parts;
    if (step.among_copies) list.sources = list.targets;
    Routes routes = by_messages_alone(elements * item)
                        ? message_routes(comm.size())
                        : find_routes(comm, *step.plan, std::move(list), item);
    seen.exchanges.push_back({std::move(step.plan), std::move(routes)});
  }
  return seen;
}

/// @throws MemoryLimitError with the bytes that are missing
inline void require_budget(Index budget, Index result, Index buffers) {
  const Index missing = result + buffers - budget;
  if (missing <= 0) return;
  const std::string parts = buffers == 0
                                ? ""
                                : " (" + shown_bytes(result) + " for the result, at least " +
                                      shown_bytes(buffers) + " for buffers)";
  throw MemoryLimitError("redistribute: max_memory must hold the result and its buffers: got " +
                         shown_bytes(budget) + ", " + shown_bytes(missing) + " are missing" +
                         parts);
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
    const Index buffers = seen.buffer_bytes<T>(comm.rank(), least_message_bytes / item);
    require_budget(budget, seen.result_bytes + seen.copy_bytes, buffers);
    Index most_buffers = 0;
    for (std::size_t k = 0; k < seen.exchanges.size(); ++k) {
      most_buffers = std::max(most_buffers, seen.rounds(k, comm.rank(), unbounded, item).buffers);
    }
    if (most_buffers == 0) return unbounded;
    const Index free = budget - seen.result_bytes - seen.copy_bytes;
    const Index whole = free / MemoryPool::granule * MemoryPool::granule;  // as the pool counts
    return std::max(least_message_bytes, whole / most_buffers) / item;
  });
  mpi::check(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_INT64_T, MPI_MIN, comm.own()),
             "MPI_Allreduce");
  return most;
}

/// What exchange number k of the move does on `rank`.
template <Scalar T>
Explanation explain_exchange(const Foreseen& seen, std::size_t k, int rank, Index most) {
  constexpr Index item = sizeof(T);
  const auto& [plan, routes] = seen.exchanges[k];
  const Rounds rounds = seen.rounds(k, rank, most, item);
  const auto own = static_cast<std::size_t>(rank);
  Explanation e;
  e.bytes_sent = plan->elements_sent(rank) * item;
  e.bytes_received = plan->elements_received() * item;
  e.bytes_kept = plan->sends[own].size * item;
  e.messages = rounds.messages;
  e.rounds = rounds.number;
  bool messages = false;
  bool direct = false;
  const auto look = [&](const Stream& stream, Path path) {
    if (stream.size > 0) (path == Path::message ? messages : direct) = true;
  };
  for (std::size_t peer = 0; peer < plan->sends.size(); ++peer) {
    if (peer == own) continue;
    look(plan->sends[peer], routes.out[peer]);
    look(plan->receives[peer], routes.in[peer]);
  }
  e.path = messages && direct ? "mixed" : messages ? "message" : direct ? "direct" : "local";
  return e;
}

/// What the move does on `rank`.
template <Scalar T>
Explanation explain(const Foreseen& seen, int rank, Index most) {
  Explanation all;
  for (std::size_t k = 0; k < seen.exchanges.size(); ++k) {
    all.add_step(explain_exchange<T>(seen, k, rank, most));
  }
  all.result_bytes = seen.result_bytes;
  all.work_bytes = seen.copy_bytes + seen.buffer_bytes<T>(rank, most);
  return all;
}

}  // namespace detail

}  // namespace matrass
