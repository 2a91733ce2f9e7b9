// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Tests that go wrong on one rank, each in its own way; test_cpp_harness.py runs them one by one
/// and looks at what the harness makes of it. None of them is part of the suite. Next:
/// tests/harness/test_cpp_harness.py
#include <gtest/gtest.h>
#include <mpi.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/mpi_test.hpp"

namespace {

using namespace matrass::test;

constexpr int culprit = 1;  // there in every process set of two ranks and more

int sum_of_ranks(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  int sum = 0;
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}

void wait_in_a_function_with_a_name() { sum_of_ranks(world()); }

TEST(Good, EveryRankCount) {
  int runs = 0;
  for_each_rank_count([&](MPI_Comm comm) {
    int size = 0;
    MPI_Comm_size(comm, &size);
    EXPECT_EQ(sum_of_ranks(comm), size * (size - 1) / 2);
    ++runs;
  });
  EXPECT_EQ(runs, world_size() - world_rank());
}

TEST(Good, RanksInAnotherOrder) {
  if (world_size() < 3) GTEST_SKIP() << "needs 3 ranks";
  const bool good = run_on_ranks({2, 0}, [](MPI_Comm comm) {
    int rank = 0;
    MPI_Comm_rank(comm, &rank);
    EXPECT_EQ(world_rank(), rank == 0 ? 2 : 0);
  });
  EXPECT_TRUE(good);
}

TEST(Good, OracleIsExactAndKeepsTheImaginaryPart) {
  EXPECT_EQ(oracle<float>(3, 2, 10), 23.0F);
  EXPECT_EQ(oracle<double>(3, 2, 10), 23.0);
  EXPECT_EQ(oracle<std::complex<float>>(3, 2, 10), std::complex<float>(23.0F, -23.0F));
  EXPECT_EQ(oracle<std::complex<double>>(3, 2, 10), std::complex<double>(23.0, -23.0));
}

// --- failures that end by themselves ---

TEST(Fails, OnOneRank) {
  EXPECT_EQ(world_rank() == culprit ? 4 : 5, 5) << "the culprit's own words";
}

TEST(Fails, EarlyReturnBeforeNothing) {
  ASSERT_NE(world_rank(), culprit);
  // The others go on without a collective call: nobody waits.
}

TEST(Fails, InOneOfSeveralBatches) {
  int ran = 0;
  for_each_rank_count([&](MPI_Comm comm) {
    ++ran;
    int size = 0;
    MPI_Comm_size(comm, &size);
    ASSERT_FALSE(size == 2 && world_rank() == culprit);
  });
  EXPECT_LE(ran, 2) << "batches after the failed one ran";
}

TEST(Fails, LeavesBeforeABatchThatDoesNotNeedIt) {
  run_on(1, [](MPI_Comm) {});  // the communicator is there from now on
  if (world_rank() == culprit) FAIL() << "left early";
  run_on(1, [](MPI_Comm) {});
}

TEST(Fails, ByAnException) {
  if (world_rank() == culprit) throw std::runtime_error("thrown on one rank");
}

TEST(Fails, SkippedOnOneRank) {
  if (world_rank() == culprit) GTEST_SKIP() << "only here";
}

/// Runs after a failed test in the same program: the ranks must be in step again.
TEST(Later, IsNotShifted) {
  EXPECT_EQ(sum_of_ranks(world()), world_size() * (world_size() - 1) / 2);
}

// --- failures that the watchdog ends ---

TEST(Hangs, AfterAFatalFailureOnOneRank) {
  ASSERT_NE(world_rank(), culprit) << "the culprit's own words";
  wait_in_a_function_with_a_name();
}

TEST(Hangs, OneRankSleeps) {
  set_time_limit(std::chrono::seconds(3));
  if (world_rank() == culprit) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  wait_in_a_function_with_a_name();
}

TEST(Hangs, OneRankComputes) {
  set_time_limit(std::chrono::seconds(3));
  volatile double x = 1.0;
  while (world_rank() == culprit) x = x * 1.0000001;
}

TEST(Hangs, OneRankIsStopped) {
  set_time_limit(std::chrono::seconds(3));
  if (world_rank() == culprit) raise(SIGSTOP);
  wait_in_a_function_with_a_name();
}

// --- a rank that dies ---

void write_through_a_null_pointer() {
  volatile int* nowhere = nullptr;
  *nowhere = 1;
}

TEST(Dies, Segfault) {
  if (world_rank() == culprit) write_through_a_null_pointer();
  wait_in_a_function_with_a_name();
}

TEST(Dies, Abort) {
  if (world_rank() == culprit) std::abort();
  wait_in_a_function_with_a_name();
}

TEST(Dies, Exit) {
  if (world_rank() == culprit) std::exit(0);
  wait_in_a_function_with_a_name();
}

TEST(Dies, EveryRankExits) { std::exit(0); }

TEST(Dies, ExitsAtOnce) {
  if (world_rank() == culprit) _exit(3);
  wait_in_a_function_with_a_name();
}

}  // namespace
