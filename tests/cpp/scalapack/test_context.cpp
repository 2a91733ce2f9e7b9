// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// BLACS contexts: the right ranks at the right places, each made once.
/// Next: tests/cpp/scalapack/test_matmul.cpp
#include <gtest/gtest.h>

#include <matrass/scalapack/context.hpp>

#include "support/matrices.hpp"

extern "C" void Cblacs_gridinfo(int context, int* rows, int* cols, int* row, int* col);

namespace matrass {
namespace {

using namespace test;

TEST(BlacsContext, PutsEveryRankAtItsPlaces) {
  for_each_rank_count([](MPI_Comm comm) {
    int size = 0;
    MPI_Comm_size(comm, &size);
    for (const GridMap& map : grid_maps(nearest_to_square(size), size)) {
      const ProcessGrid grid(comm, map);
      for (const Layout layout : {MC_MR, MR_MC, VC_STAR, STAR_VC, VR_STAR, STAR_VR, CIRC_CIRC}) {
        const Distribution d(grid.map(), {10, 10}, layout);
        const int context = blacs_context(grid.comm(), context_map(d));
        EXPECT_EQ(context >= 0, d.holds(grid.rank())) << to_string(d);
        if (context < 0) continue;
        int rows = 0;
        int cols = 0;
        int row = 0;
        int col = 0;
        Cblacs_gridinfo(context, &rows, &cols, &row, &col);
        EXPECT_EQ(rows, d.rows().nprocs) << to_string(d);
        EXPECT_EQ(cols, d.cols().nprocs) << to_string(d);
        EXPECT_EQ(row, d.row_place(grid.rank())) << to_string(d);
        EXPECT_EQ(col, d.col_place(grid.rank())) << to_string(d);
      }
    }
  });
}

/// BLACS never gives communicators back and MPICH has 2,046: ask often, make once.
TEST(BlacsContext, IsMadeOnce) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const Distribution d(grid.map(), {10, 10}, MC_MR);
    const int first = blacs_context(grid.comm(), context_map(d));
    for (int k = 0; k < 3000; ++k) {
      const ProcessGrid again(comm);
      const Distribution other(again.map(), {10 + k, 3}, MC_MR);
      ASSERT_EQ(blacs_context(again.comm(), context_map(other)), first);
    }
  });
}

TEST(BlacsContext, RanksOutsideOfTheGridGetNone) {
  for_each_rank_count([](MPI_Comm comm) {
    int size = 0;
    MPI_Comm_size(comm, &size);
    if (size < 3) return;
    const ProcessGrid grid(comm, {1, size - 1});
    const Distribution d(grid.map(), {10, 10}, MC_MR);
    const int context = blacs_context(grid.comm(), context_map(d));
    EXPECT_EQ(context >= 0, grid.rank() < size - 1);
  });
}

}  // namespace
}  // namespace matrass
