// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What a test that runs on MPI ranks needs: the world, parts of it, and matrices with known
/// entries. Next: tests/cpp/support/rank_listener.hpp
///
///     #include "support/mpi_test.hpp"
///     using namespace matrass::test;
///
///     TEST(Barrier, ReturnsOnAnyRankCount) {
///       for_each_rank_count([](MPI_Comm comm) { EXPECT_EQ(MPI_Barrier(comm), MPI_SUCCESS); });
///     }
///
/// Every rank runs every test. A failed ASSERT_ leaves the test on its rank alone: the other ranks,
/// if they wait for it in a collective call, are ended by the watchdog with their stacks.
#pragma once

#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <complex>
#include <cstdint>
#include <functional>
#include <vector>

namespace matrass::test {

/// All ranks of the process set.
MPI_Comm world();
int world_rank();
int world_size();

/// Runs `body(comm)` on the first `ranks` ranks of world(); the others wait. An exception that
/// leaves `body` is a failure. Collective over world(); the ranks agree on the outcome afterwards.
/// The communicator is made once for each number of ranks and kept.
/// @returns whether `body` went without a failure on all ranks: the same on every rank
bool run_on(int ranks, const std::function<void(MPI_Comm)>& body);

/// Runs `body(comm)` on world()'s ranks `members`, in this order; as run_on. The communicator is
/// freed again.
bool run_on_ranks(const std::vector<int>& members, const std::function<void(MPI_Comm)>& body);

/// run_on() for 1, 2, ... world_size() ranks; stops after the first number that fails.
void for_each_rank_count(const std::function<void(MPI_Comm)>& body);

/// The running test must end within `limit` from now on (times MATRASS_TEST_TIME_SCALE, and
/// times 20 in a campaign). The same on every rank, not collective.
void set_time_limit(std::chrono::seconds limit);

/// The entry (i, j) of the test matrix with m rows: i + m * j, so that every entry is another
/// number and each is exact (m * n up to 2^24 in single precision). Complex: the imaginary part is
/// its negative, which shows a lost or conjugated part.
template <class T>
T oracle(std::int64_t i, std::int64_t j, std::int64_t m) {
  return static_cast<T>(i + m * j);
}
template <>
inline std::complex<float> oracle(std::int64_t i, std::int64_t j, std::int64_t m) {
  return {oracle<float>(i, j, m), -oracle<float>(i, j, m)};
}
template <>
inline std::complex<double> oracle(std::int64_t i, std::int64_t j, std::int64_t m) {
  return {oracle<double>(i, j, m), -oracle<double>(i, j, m)};
}

}  // namespace matrass::test
