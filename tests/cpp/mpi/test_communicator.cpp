// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The library's handle to a communicator: one duplicate each, shared, gone with the user's.
/// Next: tests/cpp/mpi/test_collectives.cpp
#include <gtest/gtest.h>

#include <matrass/grid/process_grid.hpp>

#include "support/mpi_test.hpp"

namespace matrass {
namespace {

using namespace test;

TEST(Communicator, HandlesOfOneCommunicatorShareOneDuplicate) {
  const mpi::Communicator a(world());
  const mpi::Communicator b(world());
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.own(), b.own());
  EXPECT_NE(a.own(), world());
  EXPECT_EQ(a.user(), world());
  EXPECT_EQ(a.rank(), world_rank());
  EXPECT_EQ(a.size(), world_size());
}

/// MPICH has some 2,000 communicators: grids must not take one each.
TEST(Communicator, ThousandsOfGridsCostNoCommunicators) {
  run_on(1, [](MPI_Comm comm) {
    for (int k = 0; k < 5000; ++k) {
      const ProcessGrid grid(comm, {1, 1});
      ASSERT_EQ(grid.rank(), 0);
    }
  });
}

TEST(Communicator, FreedCommunicatorsGiveTheirDuplicatesBack) {
  set_time_limit(std::chrono::seconds(120));
  run_on(1, [](MPI_Comm parent) {
    for (int k = 0; k < 2500; ++k) {
      MPI_Comm comm = MPI_COMM_NULL;
      ASSERT_EQ(MPI_Comm_dup(parent, &comm), MPI_SUCCESS) << "after " << k;
      {
        const ProcessGrid grid(comm);
      }
      MPI_Comm_free(&comm);
    }
  });
}

TEST(Communicator, AGridOfAFreedCommunicatorSaysSo) {
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_dup(world(), &comm);
  const ProcessGrid grid(comm);
  MPI_Comm_free(&comm);
  EXPECT_EQ(grid.rank(), world_rank());
  EXPECT_THROW(grid.comm().own(), MPIError);
  EXPECT_THROW(grid.comm().user(), MPIError);
}

TEST(Communicator, NullIsRefused) {
  EXPECT_THROW(mpi::Communicator{MPI_COMM_NULL}, InvalidArgument);
}

/// A message of the user's that nobody has received yet does not get in the way.
TEST(Communicator, TheUsersMessagesAreTheUsers) {
  if (world_size() < 2) GTEST_SKIP() << "needs 2 ranks";
  const int left = (world_rank() + world_size() - 1) % world_size();
  const int right = (world_rank() + 1) % world_size();
  int sent = world_rank();
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Isend(&sent, 1, MPI_INT, right, 1, world(), &request);
  const ProcessGrid grid(world());
  mpi::throw_together(grid.comm(), [] {});
  int received = -1;
  MPI_Recv(&received, 1, MPI_INT, left, 1, world(), MPI_STATUS_IGNORE);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  EXPECT_EQ(received, left);
}

}  // namespace
}  // namespace matrass
