// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The few collectives that the library uses, on the private communicator, with 64-bit counts.
/// Next: grid/process_grid.hpp
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/core/narrow.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/mpi/communicator.hpp>
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

/// Where the lists of all ranks lie in one array, as MPI wants to know it.
struct ListPlaces {
  std::vector<int> counts;
  std::vector<int> starts;
  Index total = 0;
};

/// @throws InvalidArgument if a list, or where it starts, is beyond 32 bits
inline ListPlaces list_places(const std::vector<Index>& sizes) {
  ListPlaces places;
  for (const Index size : sizes) {
    places.counts.push_back(narrow(size, "allgather: elements of one rank"));
    places.starts.push_back(narrow(places.total, "allgather: elements of all ranks"));
    places.total += size;
  }
  narrow(places.total, "allgather: elements of all ranks");
  return places;
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
  const auto size = static_cast<std::size_t>(comm.size());
  std::vector<Index> sizes(size);
  sizes[static_cast<std::size_t>(comm.rank())] = static_cast<Index>(mine.size());
  check(MPI_Allgather(MPI_IN_PLACE, 1, MPI_INT64_T, sizes.data(), 1, MPI_INT64_T, comm.own()),
        "MPI_Allgather");
  detail::ListPlaces places;
  std::vector<T> all;
  std::vector<std::vector<T>> result(size);
  throw_together(comm, [&] {
    places = detail::list_places(sizes);
    all.resize(static_cast<std::size_t>(places.total));
    for (std::size_t r = 0; r < size; ++r) result[r].resize(static_cast<std::size_t>(sizes[r]));
  });
  const int count = places.counts[static_cast<std::size_t>(comm.rank())];
  check(MPI_Allgatherv(mine.data(), count, datatype<T>(), all.data(), places.counts.data(),
                       places.starts.data(), datatype<T>(), comm.own()),
        "MPI_Allgatherv");
  for (std::size_t r = 0; r < size; ++r) {
    std::copy_n(all.begin() + places.starts[r], places.counts[r], result[r].begin());
  }
  return result;
}

}  // namespace matrass::mpi
