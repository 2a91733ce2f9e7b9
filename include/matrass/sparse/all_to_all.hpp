// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Lists from every rank to every rank in messages of bounded size, with 64-bit counts.
/// Next: sparse/column_exchange.hpp
#pragma once

#include <algorithm>
#include <matrass/mpi/collectives.hpp>
#include <vector>

namespace matrass::detail {

/// counts[r] goes to rank r. @returns what each rank has for this one. Collective.
inline std::vector<Index> exchange_counts(const mpi::Communicator& comm,
                                          const std::vector<Index>& counts) {
  std::vector<Index> received(counts.size());
  mpi::check(
      MPI_Alltoall(counts.data(), 1, MPI_INT64_T, received.data(), 1, MPI_INT64_T, comm.own()),
      "MPI_Alltoall");
  return received;
}

/// Sends counts_to[r] items to each rank r and takes counts_from[r] from it, in messages of at most
/// `most` items: `pack(r, begin, end, buffer)` writes items [begin, end) for rank r there, and
/// `unpack(r, begin, end, buffer)` reads those from rank r. Neither may throw. In turn, so that one
/// message each way is on its way: step s sends to rank + s and receives from rank - s.
/// Collective. Memory: 2 `most` items.
/// @param outbox, inbox room for `most` items each, of `width` elements
template <class T, class Pack, class Unpack>
void all_to_all(const mpi::Communicator& comm, const std::vector<Index>& counts_to,
                const std::vector<Index>& counts_from, Index most, Index width, T* outbox, T* inbox,
                Pack&& pack, Unpack&& unpack) {
  const int size = comm.size();
  for (int step = 0; step < size; ++step) {
    const int to = (comm.rank() + step) % size;
    const int from = (comm.rank() - step + size) % size;
    const Index out = counts_to[static_cast<std::size_t>(to)];
    const Index in = counts_from[static_cast<std::size_t>(from)];
    for (Index at = 0; at < std::max(out, in); at += most) {
      const Index out_end = std::min(out, at + most);
      const Index in_end = std::min(in, at + most);
      if (at < out_end) pack(to, at, out_end, outbox);
      if (step == 0) {
        if (at < in_end) unpack(from, at, in_end, outbox);
        continue;
      }
      const int count_out = static_cast<int>(std::max<Index>(0, out_end - at) * width);
      const int count_in = static_cast<int>(std::max<Index>(0, in_end - at) * width);
      mpi::check(
          MPI_Sendrecv(outbox, count_out, mpi::datatype<T>(), count_out > 0 ? to : MPI_PROC_NULL, 2,
                       inbox, count_in, mpi::datatype<T>(), count_in > 0 ? from : MPI_PROC_NULL, 2,
                       comm.own(), MPI_STATUS_IGNORE),
          "MPI_Sendrecv");
      if (at < in_end) unpack(from, at, in_end, inbox);
    }
  }
}

/// How many items of `bytes` a message has: at most 1 MiB, at most mpi::largest_count() elements.
inline Index items_in_message(Index bytes, Index width) {
  constexpr Index most_bytes = Index{1} << 20;
  return std::max<Index>(1, std::min(most_bytes / bytes, mpi::largest_count() / width));
}

/// `values`, parted by receiver in the order of ranks, to where they belong; `result` has room for
/// what comes, which is placed by sender in the order of ranks. Collective.
template <class T>
void exchange_lists(const mpi::Communicator& comm, const std::vector<Index>& counts_to,
                    const std::vector<Index>& counts_from, const T* values, T* result,
                    std::vector<T>& outbox, std::vector<T>& inbox) {
  const auto starts = [](const std::vector<Index>& counts) {
    std::vector<Index> at{0};
    for (const Index count : counts) at.push_back(at.back() + count);
    return at;
  };
  const std::vector<Index> from = starts(counts_to);
  const std::vector<Index> to = starts(counts_from);
  all_to_all(
      comm, counts_to, counts_from, static_cast<Index>(outbox.size()), 1, outbox.data(),
      inbox.data(),
      [&](int rank, Index begin, Index end, T* buffer) {
        const T* first = values + from[static_cast<std::size_t>(rank)];
        std::copy(first + begin, first + end, buffer);
      },
      [&](int rank, Index begin, Index end, const T* buffer) {
        std::copy(buffer, buffer + (end - begin),
                  result + to[static_cast<std::size_t>(rank)] + begin);
      });
}

}  // namespace matrass::detail
