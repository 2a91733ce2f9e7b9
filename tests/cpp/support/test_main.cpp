// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The main program of the C++ tests: every rank runs the same tests, rank 0 reports for all.
/// Next: tests/cpp/support/mpi_test.hpp
#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>

#include "mpi_test.hpp"
#include "rank_listener.hpp"

namespace matrass::test {
namespace {

/// Made after MPI_Init. The watchdog outlives MPI_Finalize, which may hang as well.
struct Harness {
  explicit Harness(Board& board)
      : watchdog(world_rank(), world_size(), board),
        agreement(std::make_unique<Agreement>(watchdog)) {}

  Watchdog watchdog;
  std::unique_ptr<Agreement> agreement;
  RankListener* listener = nullptr;  // GoogleTest owns it
  std::map<int, MPI_Comm> first_ranks;
};

std::unique_ptr<Harness> harness;
bool finished = false;

/// Code under test that calls exit() must not look like a passed test program.
void check_finished() {
  if (!finished) {
    std::fprintf(stderr, "[rank %d] exit() was called in the middle of the tests\n", world_rank());
    std::_Exit(EXIT_FAILURE);
  }
}

bool run_body(MPI_Comm comm, const std::string& name, const std::function<void(MPI_Comm)>& body) {
  if (comm != MPI_COMM_NULL) {
    const testing::ScopedTrace trace(__FILE__, __LINE__, name);
    try {
      body(comm);
    } catch (const std::exception& error) {
      ADD_FAILURE() << "exception: " << error.what();
    } catch (...) {
      ADD_FAILURE() << "exception of an unknown type";
    }
  }
  return harness->listener->agree_on_batch(name);
}

void use_listeners() {
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  if (world_rank() != 0) delete listeners.Release(listeners.default_result_printer());
  harness->listener = new RankListener(*harness->agreement, harness->watchdog);
  listeners.Append(harness->listener);
}

/// Flags that would make the ranks differ.
void align_flags() {
  if (world_rank() != 0) testing::GTEST_FLAG(output) = "";
  int seed = testing::GTEST_FLAG(random_seed);
  if (seed == 0) seed = 1;  // 0 means the time of day
  testing::GTEST_FLAG(random_seed) = seed;
}

int run_tests() {
  harness = std::make_unique<Harness>(share_board());
  harness->watchdog.arm("the start", default_time_limit);
  report_crashes();
  std::atexit(&check_finished);
  use_listeners();
  const int exit_code = harness->listener->agree_on_exit(RUN_ALL_TESTS());
  for (auto& [ranks, comm] : harness->first_ranks) {
    if (comm != MPI_COMM_NULL) MPI_Comm_free(&comm);
  }
  harness->agreement.reset();
  return exit_code;
}

}  // namespace

MPI_Comm world() { return MPI_COMM_WORLD; }

int world_rank() {
  static const int rank = [] {
    int value = 0;
    MPI_Comm_rank(world(), &value);
    return value;
  }();
  return rank;
}

int world_size() {
  static const int size = [] {
    int value = 1;
    MPI_Comm_size(world(), &value);
    return value;
  }();
  return size;
}

bool run_on(int ranks, const std::function<void(MPI_Comm)>& body) {
  const auto [entry, is_new] = harness->first_ranks.try_emplace(ranks, MPI_COMM_NULL);
  if (is_new) {
    MPI_Comm_split(world(), world_rank() < ranks ? 0 : MPI_UNDEFINED, world_rank(), &entry->second);
  }
  return run_body(entry->second, "on " + std::to_string(ranks) + " ranks", body);
}

bool run_on_ranks(const std::vector<int>& members, const std::function<void(MPI_Comm)>& body) {
  int key = MPI_UNDEFINED;
  std::string name = "on ranks";
  for (std::size_t k = 0; k < members.size(); ++k) {
    if (members[k] == world_rank()) key = static_cast<int>(k);
    name += ' ' + std::to_string(members[k]);
  }
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_split(world(), key == MPI_UNDEFINED ? MPI_UNDEFINED : 0, key, &comm);
  const bool good = run_body(comm, name, body);
  if (comm != MPI_COMM_NULL) MPI_Comm_free(&comm);
  return good;
}

void for_each_rank_count(const std::function<void(MPI_Comm)>& body) {
  for (int ranks = 1; ranks <= world_size(); ++ranks) {
    if (!run_on(ranks, body)) return;
  }
}

void set_time_limit(std::chrono::seconds limit) { harness->watchdog.set_limit(limit); }

}  // namespace matrass::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (testing::GTEST_FLAG(list_tests))
    return RUN_ALL_TESTS();  // by a build tool, without a launcher
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  if (provided < MPI_THREAD_MULTIPLE) {
    std::fprintf(stderr, "the tests need MPI_THREAD_MULTIPLE\n");
    return EXIT_FAILURE;
  }
  matrass::test::align_flags();
  const int exit_code = matrass::test::run_tests();
  MPI_Finalize();
  matrass::test::harness.reset();
  matrass::test::finished = true;
  return exit_code;
}
