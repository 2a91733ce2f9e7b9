// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The examples of paper 001 (Alchemist): its 7 x 7 matrix on the 2 x 3 process grid (section
/// VI.B), and its 10,000 x 10,000 matrix dealt to 10 workers (section V.A). Next:
/// tests/cpp/redistribute/test_plan.cpp
#include <gtest/gtest.h>

#include <array>
#include <matrass/layout/distribution.hpp>

namespace matrass {
namespace {

/// The paper's workers have IDs from 1; the six stand on the grid in column-major order:
///     P = 1 3 5
///         2 4 6
const GridMap paper_grid{{2, 3}, GridOrder::column_major, 6};

using OwnerTable = std::array<std::array<int, 7>, 7>;

/// The ID of the one worker that has each entry, dealt element by element as Elemental does.
OwnerTable owners(Layout layout) {
  const Distribution d(paper_grid, {7, 7}, layout, {.block = Block{1, 1}});
  OwnerTable table{};
  for (Index i = 0; i < 7; ++i) {
    for (Index j = 0; j < 7; ++j) {
      const std::vector<int> ranks = d.owners(i, j);
      EXPECT_EQ(ranks.size(), 1U) << "no entry is stored twice in " << to_string(layout);
      table[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] = ranks.front() + 1;
    }
  }
  return table;
}

OwnerTable transposed_table(const OwnerTable& table) {
  OwnerTable result{};
  for (std::size_t i = 0; i < 7; ++i) {
    for (std::size_t j = 0; j < 7; ++j) result[j][i] = table[i][j];
  }
  return result;
}

TEST(Paper001, McMrTessellatesTheMatrixWithTheGrid) {
  const OwnerTable expected{{{1, 3, 5, 1, 3, 5, 1},
                             {2, 4, 6, 2, 4, 6, 2},
                             {1, 3, 5, 1, 3, 5, 1},
                             {2, 4, 6, 2, 4, 6, 2},
                             {1, 3, 5, 1, 3, 5, 1},
                             {2, 4, 6, 2, 4, 6, 2},
                             {1, 3, 5, 1, 3, 5, 1}}};
  EXPECT_EQ(owners(MC_MR), expected);
}

TEST(Paper001, MrMcTessellatesItWithTheTransposedGrid) {
  const OwnerTable expected{{{1, 2, 1, 2, 1, 2, 1},
                             {3, 4, 3, 4, 3, 4, 3},
                             {5, 6, 5, 6, 5, 6, 5},
                             {1, 2, 1, 2, 1, 2, 1},
                             {3, 4, 3, 4, 3, 4, 3},
                             {5, 6, 5, 6, 5, 6, 5},
                             {1, 2, 1, 2, 1, 2, 1}}};
  EXPECT_EQ(owners(MR_MC), expected);
  EXPECT_EQ(owners(MR_MC), transposed_table(owners(MC_MR)));
}

/// Whole rows to one worker each; `order` names the workers of rows 0, 1, ...
OwnerTable rows_dealt(const std::array<int, 7>& order) {
  OwnerTable table{};
  for (std::size_t i = 0; i < 7; ++i) table[i].fill(order[i]);
  return table;
}

TEST(Paper001, VcStarDealsRowsInColumnMajorOrderOfTheGrid) {
  EXPECT_EQ(owners(VC_STAR), rows_dealt({1, 2, 3, 4, 5, 6, 1}));
}

TEST(Paper001, StarVcDealsColumnsInColumnMajorOrderOfTheGrid) {
  EXPECT_EQ(owners(STAR_VC), transposed_table(rows_dealt({1, 2, 3, 4, 5, 6, 1})));
}

TEST(Paper001, VrStarDealsRowsInRowMajorOrderOfTheGrid) {
  EXPECT_EQ(owners(VR_STAR), rows_dealt({1, 3, 5, 2, 4, 6, 1}));
  EXPECT_EQ(owners(STAR_VR), transposed_table(rows_dealt({1, 3, 5, 2, 4, 6, 1})));
}

/// The diagonal of the tiling goes (0,0), (1,1), (0,2), (1,0), (0,1), (1,2) and starts again.
TEST(Paper001, MdStarDealsRowsAlongTheDiagonalOfTheTiledGrid) {
  EXPECT_EQ(owners(MD_STAR), rows_dealt({1, 4, 5, 2, 3, 6, 1}));
  EXPECT_EQ(owners(STAR_MD), transposed_table(rows_dealt({1, 4, 5, 2, 3, 6, 1})));
}

/// "each of the workers will receive every 10th row of the array"
TEST(Paper001, TenThousandRowsGoToTenWorkersInTurn) {
  const GridMap grid{nearest_to_square(10), GridOrder::column_major, 10};
  const Distribution d(grid, {10000, 10000}, VC_STAR, {.block = Block{1, 1}});
  for (int rank = 0; rank < 10; ++rank) {
    EXPECT_EQ(d.local_shape(rank), (Shape{1000, 10000}));
    const std::vector<Index> rows = d.local_rows(rank);
    for (std::size_t k = 0; k < rows.size(); ++k) {
      ASSERT_EQ(rows[k], rank + 10 * static_cast<Index>(k));
    }
    EXPECT_EQ(d.local_cols(rank).size(), 10000U);
  }
  for (const Index i : {0, 1, 4999, 9999}) {
    EXPECT_EQ(d.owners(i, 123), std::vector<int>{static_cast<int>(i % 10)});
  }
}

}  // namespace
}  // namespace matrass
