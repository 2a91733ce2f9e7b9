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

}  // namespace
}  // namespace matrass
