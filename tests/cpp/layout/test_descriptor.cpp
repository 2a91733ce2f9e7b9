// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// ScaLAPACK's nine integers, and which layouts have them.
/// Next: tests/cpp/layout/test_paper_001.cpp
#include <gtest/gtest.h>

#include <limits>
#include <matrass/layout/descriptor.hpp>
#include <set>

#include "support/grids.hpp"
#include "support/reference.hpp"

namespace matrass {
namespace {

TEST(Descriptor, ScaLAPACKAddressesWhatIsNowhereReplicated) {
  for (const auto& [r, c] : test::grid_shapes(6)) {
    for (const GridMap& grid : test::grid_maps({r, c}, 6)) {
      for (const Layout layout : all_layouts) {
        const Distribution d(grid, {9, 8}, layout, {.block = Block{1, 1}});
        std::size_t most = 0;
        for (Index i = 0; i < 9; ++i) {
          for (Index j = 0; j < 8; ++j) most = std::max(most, d.owners(i, j).size());
        }
        EXPECT_EQ(scalapack_can_address(d), most == 1) << to_string(d);
        if (most > 1) {
          EXPECT_THROW(context_map(d), LayoutError) << to_string(d);
        }
      }
    }
  }
}

TEST(Descriptor, TheMapPutsEveryRankWhereItsBlocksAre) {
  for (const auto& [r, c] : test::grid_shapes(6)) {
    for (const GridMap& grid : test::grid_maps({r, c}, 6)) {
      for (const Layout layout : {MC_MR, MR_MC, VC_STAR, STAR_VC, VR_STAR, STAR_VR, MD_STAR}) {
        const Distribution d(grid, {40, 40}, layout, {.block = Block{1, 1}});
        const ContextMap map = context_map(d);
        ASSERT_EQ(map.shape.rows, d.rows().nprocs);
        ASSERT_EQ(map.shape.cols, d.cols().nprocs);
        for (Index i = 0; i < 40; ++i) {
          for (Index j = 0; j < 40; ++j) {
            // ScaLAPACK: row block number modulo the context's rows, the same for columns.
            const auto at =
                static_cast<std::size_t>(i % map.shape.rows + j % map.shape.cols * map.shape.rows);
            ASSERT_EQ(std::vector<int>{map.ranks[at]}, d.owners(i, j)) << to_string(d);
          }
        }
      }
    }
  }
}

TEST(Descriptor, NineIntegers) {
  const GridMap grid{{2, 3}, GridOrder::column_major, 6};
  const Distribution d(grid, {100, 70}, MC_MR,
                       {.block = Block{8, 16}, .row_source = 1, .col_source = 2});
  EXPECT_EQ(make_descriptor(d, 5, 52), (Descriptor{1, 5, 100, 70, 8, 16, 1, 2, 52}));
  EXPECT_EQ(make_descriptor(d, -1, 0)[8], 1) << "ScaLAPACK wants a leading dimension of 1 at least";
}

TEST(Descriptor, RefusesWhatDoesNotFit32Bits) {
  const GridMap grid{{1, 1}, GridOrder::column_major, 1};
  const Index large = Index{std::numeric_limits<int>::max()} + 1;
  const LayoutOptions options{.block = Block{64, 64}};
  EXPECT_THROW(make_descriptor(Distribution(grid, {large, 1}, MC_MR, options), 0, 1),
               InvalidArgument);
  EXPECT_THROW(make_descriptor(Distribution(grid, {1, large}, MC_MR, options), 0, 1),
               InvalidArgument);
  EXPECT_THROW(make_descriptor(Distribution(grid, {1, 1}, MC_MR, options), 0, large),
               InvalidArgument);
}

TEST(Descriptor, AViewIsDescribedFromTheStartOfItsFirstBlock) {
  const GridMap grid{{2, 2}, GridOrder::column_major, 4};
  const Distribution d(grid, {40, 40}, MC_MR, {.block = Block{8, 8}});
  const Distribution view = d.slice(11, 30, 16, 40);
  const Descriptor desc = make_descriptor(view, 0, 20);
  // Row 11 is row 3 of the block that starts at 8, which is the block of process row 1.
  EXPECT_EQ(view.rows().first, 3);
  EXPECT_EQ(view.cols().first, 0);
  EXPECT_EQ(desc[2], 3 + 19);
  EXPECT_EQ(desc[3], 24);
  EXPECT_EQ(desc[6], 1);
  EXPECT_EQ(desc[7], 0);
}

}  // namespace
}  // namespace matrass
