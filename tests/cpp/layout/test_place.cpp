// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The place of every rank on every kind of axis, against the definitions.
/// Next: tests/cpp/layout/test_distribution.cpp
#include <gtest/gtest.h>

#include <matrass/layout/place.hpp>

#include "support/reference.hpp"

namespace matrass {
namespace {

constexpr std::array all_dists{Dist::MC, Dist::MR,   Dist::MD,  Dist::VC,
                               Dist::VR, Dist::STAR, Dist::CIRC};

void check(const GridMap& grid, Dist dist, Anchor anchor) {
  const test::GridTable table(grid.shape.rows, grid.shape.cols,
                              grid.order == GridOrder::column_major);
  const auto expected = table.places(dist, anchor.diagonal, anchor.root);
  ASSERT_EQ(place_count(dist, grid), static_cast<int>(expected.size())) << to_string(dist);
  std::vector<std::vector<int>> found(expected.size());
  for (int rank = 0; rank < grid.comm_size; ++rank) {
    const std::optional<int> at = place(dist, grid, rank, anchor);
    if (at) found.at(static_cast<std::size_t>(*at)).push_back(rank);
  }
  for (std::size_t k = 0; k < expected.size(); ++k) {
    std::vector<int> ranks = expected[k];
    std::sort(ranks.begin(), ranks.end());
    EXPECT_EQ(found[k], ranks) << to_string(dist) << " on " << to_string(grid.shape) << " place "
                               << k << " diagonal " << anchor.diagonal;
  }
}

TEST(Place, IsTheDefinitionsOnEveryGrid) {
  for (const auto& [rows, cols] : test::grid_shapes(12)) {
    for (const GridOrder order : {GridOrder::column_major, GridOrder::row_major}) {
      for (const int outside : {0, 1, 3}) {
        const GridMap grid{{rows, cols}, order, rows * cols + outside};
        for (const Dist dist : all_dists) check(grid, dist, {});
        for (int d = 1; d < std::gcd(rows, cols); ++d) check(grid, Dist::MD, {d, 0});
        // The root may stand outside of the grid: [CIRC,CIRC] does not ask for a place on it.
        for (int root = 0; root < grid.comm_size; ++root) check(grid, Dist::CIRC, {0, root});
      }
    }
  }
}

TEST(Place, NobodyOutsideTheCommunicator) {
  const GridMap grid{{2, 3}, GridOrder::column_major, 6};
  for (const Dist dist : all_dists) {
    EXPECT_EQ(place(dist, grid, 6), std::nullopt);
    EXPECT_EQ(place(dist, grid, -1), std::nullopt);
  }
}

TEST(Place, DiagonalsOfASquareGridShareTheRanksOut) {
  const GridMap grid{{3, 3}, GridOrder::column_major, 9};
  std::vector<int> seen(9, 0);
  for (int d = 0; d < 3; ++d) {
    for (int rank = 0; rank < 9; ++rank) {
      if (place(Dist::MD, grid, rank, {d, 0})) ++seen[static_cast<std::size_t>(rank)];
    }
  }
  EXPECT_EQ(seen, std::vector<int>(9, 1));
}

TEST(GridMap, NearestToSquareHasNoMoreRowsThanColumns) {
  const std::vector<GridShape> expected{{1, 1}, {1, 2}, {1, 3}, {2, 2}, {1, 5},  {2, 3},
                                        {1, 7}, {2, 4}, {3, 3}, {2, 5}, {1, 11}, {3, 4}};
  for (std::size_t k = 0; k < expected.size(); ++k) {
    EXPECT_EQ(nearest_to_square(static_cast<int>(k) + 1), expected[k]) << k + 1;
  }
}

TEST(GridMap, RankAndCoordAreInverse) {
  for (const auto& [rows, cols] : test::grid_shapes(12)) {
    for (const bool column_major : {true, false}) {
      const GridMap grid{{rows, cols},
                         column_major ? GridOrder::column_major : GridOrder::row_major,
                         rows * cols + 2};
      const test::GridTable table(rows, cols, column_major);
      for (int i = 0; i < rows; ++i) {
        for (int j = 0; j < cols; ++j) {
          EXPECT_EQ(grid.rank({i, j}), table.at(i, j));
          EXPECT_EQ(grid.coord(table.at(i, j)), (GridCoord{i, j}));
        }
      }
      EXPECT_EQ(grid.coord(rows * cols), std::nullopt);
      EXPECT_EQ(grid.coord(-1), std::nullopt);
    }
  }
}

TEST(GridMap, PlacesRanksOneByOne) {
  // Rows 4 0 7 / 2 6 1; ranks 3 and 5 stand outside.
  const GridMap grid = GridMap::placed({2, 3}, {4, 2, 0, 6, 7, 1}, 8);
  EXPECT_EQ(grid.rank({0, 1}), 0);
  EXPECT_EQ(grid.rank({1, 1}), 6);
  EXPECT_EQ(grid.coord(7), (GridCoord{0, 2}));
  for (const int outside : {-1, 3, 5, 8}) EXPECT_EQ(grid.coord(outside), std::nullopt);
  for (int rank = 0; rank < 8; ++rank) {
    if (const auto at = grid.coord(rank)) {
      EXPECT_EQ(grid.rank(*at), rank);
    }
  }
  EXPECT_EQ(place(Dist::VC, grid, 6), 3);
  EXPECT_EQ(place(Dist::VR, grid, 6), 4);
  EXPECT_EQ(place(Dist::MD, grid, 6), 1);
  EXPECT_EQ(place(Dist::STAR, grid, 5), std::nullopt);
}

TEST(GridMap, ComparesPlacementsByWhatTheySay) {
  const GridMap a = GridMap::placed({2, 2}, {3, 1, 0, 2}, 4);
  EXPECT_EQ(a, GridMap::placed({2, 2}, {3, 1, 0, 2}, 4));
  EXPECT_EQ(a.placement.hash(), GridMap::placed({2, 2}, {3, 1, 0, 2}, 4).placement.hash());
  EXPECT_NE(a, GridMap::placed({2, 2}, {3, 1, 2, 0}, 4));
  EXPECT_NE(a.placement.hash(), GridMap::placed({2, 2}, {3, 1, 2, 0}, 4).placement.hash());
  EXPECT_NE(a, (GridMap{{2, 2}, GridOrder::column_major, 4}));
}

/// What is regular is known as such.
TEST(GridMap, OrdersAreNoPlacements) {
  for (const auto& [rows, cols] : test::grid_shapes(6)) {
    for (const GridOrder order : {GridOrder::column_major, GridOrder::row_major}) {
      const GridMap grid{{rows, cols}, order, 7};
      std::vector<int> ranks;
      for (int k = 0; k < grid.size(); ++k) ranks.push_back(grid.rank({k % rows, k / rows}));
      const GridMap same = GridMap::placed(grid.shape, ranks, 7);
      EXPECT_FALSE(same.placement);
      for (int rank = 0; rank < 7; ++rank) EXPECT_EQ(same.coord(rank), grid.coord(rank));
    }
  }
}

TEST(GridMap, RefusesWhatIsNoPlacement) {
  for (const std::vector<int>& ranks :
       {std::vector{0, 1, 2}, {0, 1, 2, 2}, {0, 1, 2, 4}, {0, 1, 2, -1}, {0, 1, 2, 3, 4}, {}}) {
    EXPECT_THROW(GridMap::placed({2, 2}, ranks, 4), InvalidArgument);
  }
  EXPECT_THROW(GridMap::placed({0, 2}, {}, 4), InvalidArgument);
  EXPECT_THROW(GridMap::placed({-1, -1}, {0}, 4), InvalidArgument);
}

}  // namespace
}  // namespace matrass
