// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The few collectives that the library uses, on the private communicator, with 64-bit counts.
/// Next: grid/process_grid.hpp
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/core/narrow.hpp>
#include <matrass/mpi/communicator.hpp>
#include <numeric>
#include <span>
#include <vector>

namespace matrass::mpi {

/// The largest number of elements that one MPI call gets. A test sets it to 1000, so that the
/// splitting of large transfers is exercised with small matrices. The same on every rank.
inline Index& largest_count() {
  static Index count = std::numeric_limits<int>::max();
  return count;
}

namespace detail {
/// Calls f(offset, count) for consecutive pieces of at most largest_count() elements.
template <class F>
void in_pieces(Index size, F&& f) {
  for (Index at = 0; at < size; at += largest_count()) {
    f(at, static_cast<int>(std::min(largest_count(), size - at)));
  }
}
}  // namespace detail

/// Reduces `values` elementwise over all ranks, in place. Collective.
template <class T>
void allreduce(const Communicator& comm, std::span<T> values, MPI_Op op = MPI_SUM) {
  detail::in_pieces(static_cast<Index>(values.size()), [&](Index at, int count) {
    check(MPI_Allreduce(MPI_IN_PLACE, values.data() + at, count, datatype<T>(), op, comm.own()),
          "MPI_Allreduce");
  });
}

/// The same for one value. Collective.
template <class T>
T allreduce(const Communicator& comm, T value, MPI_Op op = MPI_SUM) {
  allreduce(comm, std::span<T>(&value, 1), op);
  return value;
}

/// Copies `values` of rank `root` to all ranks; all give the same size. Collective.
template <class T>
void broadcast(const Communicator& comm, std::span<T> values, int root) {
  detail::in_pieces(static_cast<Index>(values.size()), [&](Index at, int count) {
    check(MPI_Bcast(values.data() + at, count, datatype<T>(), root, comm.own()), "MPI_Bcast");
  });
}

/// Each rank's list, on every rank: result[r] is what rank r gave. For bookkeeping, not for bulk.
/// Collective.
template <class T>
std::vector<std::vector<T>> allgather(const Communicator& comm, const std::vector<T>& mine) {
  const int count = narrow(static_cast<Index>(mine.size()), "allgather: count");
  std::vector<int> counts(static_cast<std::size_t>(comm.size()));
  check(MPI_Allgather(&count, 1, MPI_INT, counts.data(), 1, MPI_INT, comm.own()), "MPI_Allgather");
  std::vector<int> starts(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), starts.begin(), 0);
  std::vector<T> all(static_cast<std::size_t>(starts.back() + counts.back()));
  check(MPI_Allgatherv(mine.data(), count, datatype<T>(), all.data(), counts.data(), starts.data(),
                       datatype<T>(), comm.own()),
        "MPI_Allgatherv");
  std::vector<std::vector<T>> result;
  for (std::size_t r = 0; r < counts.size(); ++r) {
    const auto begin = all.begin() + starts[r];
    result.emplace_back(begin, begin + counts[r]);
  }
  return result;
}

}  // namespace matrass::mpi
