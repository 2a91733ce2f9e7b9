// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Which ranks run on one machine, and machines that are only pretended.
/// Next: tests/cpp/mpi/test_guarded.cpp
#include <gtest/gtest.h>

#include <algorithm>
#include <matrass/mpi/node.hpp>
#include <numeric>

#include "support/mpi_test.hpp"

namespace matrass::mpi {
namespace {

using namespace test;

TEST(Node, IsTheSameForAllThatShareAMachine) {
  for_each_rank_count([](MPI_Comm user) {
    const Communicator comm(user);
    std::uint64_t key = machine_key();
    MPI_Bcast(&key, 1, MPI_UINT64_T, 0, user);
    EXPECT_EQ(key, machine_key());
    Node node = find_node(comm);
    std::vector<int> all(static_cast<std::size_t>(comm.size()));
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(node.ranks, all);
    EXPECT_EQ(node.number_of, all);
    EXPECT_EQ(node.nodes, 1);
    MPI_Comm_free(&node.comm);
  });
}

/// In the order of ranks, so many each; the last one has what is left.
TEST(Node, SomeRanksStandForAMachine) {
  const int before = ranks_per_node();
  for_each_rank_count([](MPI_Comm user) {
    const Communicator comm(user);
    const int size = comm.size();
    for (int each = 1; each <= size + 1; ++each) {
      SCOPED_TRACE(std::to_string(each) + " ranks per node");
      ranks_per_node() = each;
      Node node = find_node(comm);
      const int first = comm.rank() / each * each;
      const int end = std::min(first + each, size);
      EXPECT_EQ(node.nodes, (size + each - 1) / each);
      ASSERT_EQ(node.size(), end - first);
      for (int rank = 0; rank < size; ++rank) {
        const bool here = first <= rank && rank < end;
        EXPECT_EQ(node.has(rank), here);
        EXPECT_EQ(node.number_of[static_cast<std::size_t>(rank)], here ? rank - first : -1);
        if (here) {
          EXPECT_EQ(node.ranks[static_cast<std::size_t>(rank - first)], rank);
        }
      }
      int number = 0;
      int count = 0;
      MPI_Comm_rank(node.comm, &number);
      MPI_Comm_size(node.comm, &count);
      EXPECT_EQ(number, comm.rank() - first);
      EXPECT_EQ(count, node.size());
      MPI_Comm_free(&node.comm);
    }
  });
  ranks_per_node() = before;
}

}  // namespace
}  // namespace matrass::mpi
