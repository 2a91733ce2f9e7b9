// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Process grids over communicators (their arithmetic is tested in layout/test_place.cpp).
/// Next: tests/cpp/layout/test_place.cpp
#include <gtest/gtest.h>

#include <matrass/grid/process_grid.hpp>

#include "support/mpi_test.hpp"

namespace matrass {
namespace {

using namespace test;

TEST(ProcessGrid, StandsAsItsMapSays) {
  for_each_rank_count([](MPI_Comm comm) {
    int size = 0;
    MPI_Comm_size(comm, &size);
    const ProcessGrid grid(comm);
    EXPECT_EQ(grid.shape(), nearest_to_square(size));
    EXPECT_EQ(grid.size(), size);
    EXPECT_EQ(grid.coord(), grid.map().coord(grid.rank()));
    const ProcessGrid row_major(comm, {1, size}, GridOrder::row_major);
    EXPECT_EQ(row_major.coord(), (GridCoord{0, grid.rank()}));
    EXPECT_NE(grid.map(), row_major.map());
  });
}

TEST(ProcessGrid, RefusesShapesThatDoNotFit) {
  for_each_rank_count([](MPI_Comm comm) {
    int size = 0;
    MPI_Comm_size(comm, &size);
    for (const GridShape shape : {GridShape{0, 1}, GridShape{1, 0}, GridShape{-1, -1},
                                  GridShape{1, size + 1}, GridShape{1 << 20, 1 << 20}}) {
      EXPECT_THROW(ProcessGrid(comm, shape), InvalidArgument);
    }
  });
}

/// Two ranks that ask for different grids would wait for each other for ever.
TEST(ProcessGrid, RanksThatAskForDifferentShapesAreTold) {
  if (world_size() < 2) GTEST_SKIP() << "needs 2 ranks";
  const int n = world_size();
  const GridShape shape = world_rank() == 1 ? GridShape{n, 1} : GridShape{1, n};
  EXPECT_THROW(ProcessGrid(world(), shape), InvalidArgument);
}

TEST(ProcessGrid, CopiesAndEqualGridsCompareEqual) {
  const ProcessGrid a(world());
  const ProcessGrid copy =
      a;  // NOLINT(performance-unnecessary-copy-initialization): it is what is tested
  EXPECT_EQ(a, copy);
  EXPECT_EQ(a, ProcessGrid(world(), a.shape()));
  EXPECT_FALSE(a == ProcessGrid(world(), a.shape(), GridOrder::row_major));
}

TEST(ProcessGrid, StandsWhereAMapPlacesIt) {
  for_each_rank_count([](MPI_Comm comm) {
    int size = 0;
    MPI_Comm_size(comm, &size);
    std::vector<int> reversed;
    for (int rank = size - 1; rank >= 0; --rank) reversed.push_back(rank);
    const ProcessGrid grid(comm, GridMap::placed({1, size}, reversed, size));
    EXPECT_EQ(grid.coord(), (GridCoord{0, size - 1 - grid.rank()}));
    EXPECT_EQ(grid, ProcessGrid(comm, GridMap::placed({1, size}, reversed, size)));
    EXPECT_EQ(grid == ProcessGrid(comm, {1, size}), size == 1);
  });
}

TEST(ProcessGrid, RefusesMapsOfOtherCommunicators) {
  const int n = world_size();
  const GridMap good{{1, n}, GridOrder::column_major, n};
  EXPECT_EQ(ProcessGrid(world(), good), ProcessGrid(world(), {1, n}));
  const GridMap other{{1, 1}, GridOrder::column_major, n + 1};
  EXPECT_THROW(ProcessGrid(world(), other), InvalidArgument);
  const GridMap large{{2, n}, GridOrder::column_major, n};
  EXPECT_THROW(ProcessGrid(world(), large), InvalidArgument);
  if (n < 3) return;
  GridMap changed = GridMap::placed({1, 3}, {1, 0, 2}, n);
  changed.shape = {1, 2};
  EXPECT_THROW(ProcessGrid(world(), changed), InvalidArgument);
}

TEST(ProcessGrid, RanksThatPlaceDifferentlyAreTold) {
  const int n = world_size();
  if (n < 3) GTEST_SKIP() << "needs 3 ranks";
  const std::vector<int> ranks = world_rank() == 1 ? std::vector{1, 0, 2} : std::vector{2, 0, 1};
  EXPECT_THROW(ProcessGrid(world(), GridMap::placed({1, 3}, ranks, n)), InvalidArgument);
}

}  // namespace
}  // namespace matrass
