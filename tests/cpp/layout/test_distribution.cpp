// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// All 14 layouts: who owns which (i, j), against the definitions.
/// Next: tests/cpp/layout/test_descriptor.cpp
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <matrass/layout/distribution.hpp>

#include "support/grids.hpp"
#include "support/reference.hpp"

namespace matrass {
namespace {

struct Case {
  GridMap grid;
  Shape shape;
  Layout layout;
  LayoutOptions options;
};

std::string name(const Case& c) {
  return to_string(Distribution(c.grid, c.shape, c.layout, c.options)) +
         (c.grid.order == GridOrder::row_major ? " row-major" : "") + " sources " +
         std::to_string(c.options.row_source) + "," + std::to_string(c.options.col_source);
}

/// The owners of each element by the definition: ranks that stand at its places of both axes.
std::vector<std::vector<int>> owners_by_hand(const Case& c) {
  const test::GridTable table = test::table_of(c.grid);
  const auto& anchor = c.options.anchor;
  const auto rows = table.places(c.layout.col, anchor.diagonal, anchor.root);
  const auto cols = table.places(c.layout.row, anchor.diagonal, anchor.root);
  const auto row_of = test::deal(c.shape.rows, c.options.block->rows, static_cast<int>(rows.size()),
                                 c.options.row_source);
  const auto col_of = test::deal(c.shape.cols, c.options.block->cols, static_cast<int>(cols.size()),
                                 c.options.col_source);
  std::vector<std::vector<int>> owners;
  for (const int p : row_of) {
    for (const int q : col_of) {
      std::vector<int> both;
      for (const int rank : rows[static_cast<std::size_t>(p)]) {
        const auto& others = cols[static_cast<std::size_t>(q)];
        if (std::find(others.begin(), others.end(), rank) != others.end()) both.push_back(rank);
      }
      std::sort(both.begin(), both.end());
      owners.push_back(both);
    }
  }
  return owners;
}

void check(const Case& c) {
  const Distribution d(c.grid, c.shape, c.layout, c.options);
  const auto expected = owners_by_hand(c);
  std::vector<std::vector<int>> held(expected.size());  // as the ranks themselves list it
  for (int rank = 0; rank < c.grid.comm_size; ++rank) {
    const std::vector<Index> rows = d.local_rows(rank);
    const std::vector<Index> cols = d.local_cols(rank);
    ASSERT_EQ(d.local_shape(rank),
              (Shape{static_cast<Index>(rows.size()), static_cast<Index>(cols.size())}))
        << name(c) << " rank " << rank;
    ASSERT_TRUE(std::is_sorted(rows.begin(), rows.end()));
    ASSERT_TRUE(std::is_sorted(cols.begin(), cols.end()));
    for (const Index i : rows) {
      for (const Index j : cols) {
        held[static_cast<std::size_t>(i * c.shape.cols + j)].push_back(rank);
      }
    }
  }
  for (Index i = 0; i < c.shape.rows; ++i) {
    for (Index j = 0; j < c.shape.cols; ++j) {
      const auto k = static_cast<std::size_t>(i * c.shape.cols + j);
      ASSERT_EQ(d.owners(i, j), expected[k]) << name(c) << " (" << i << ", " << j << ")";
      ASSERT_EQ(held[k], expected[k]) << name(c) << " (" << i << ", " << j << ")";
      ASSERT_FALSE(expected[k].empty());
      for (const int rank : expected[k]) {
        ASSERT_EQ(d.is_first_replica(rank), rank == expected[k].front()) << name(c);
      }
    }
  }
}

/// Every layout, grid of up to 6 ranks, order, block and source, on small shapes.
void for_each_case(const std::function<void(const Case&)>& f) {
  for (const auto& [r, c] : test::grid_shapes(6)) {
    for (const GridMap& grid : test::grid_maps({r, c}, 6)) {
      for (const Layout layout : all_layouts) {
        for (const Block block : {Block{1, 1}, Block{2, 3}, Block{64, 64}}) {
          const int last_row = place_count(layout.col, grid) - 1;
          const int last_col = place_count(layout.row, grid) - 1;
          for (const Shape shape : {Shape{7, 5}, Shape{1, 1}, Shape{0, 4}, Shape{4, 0}}) {
            f({grid, shape, layout, {block, 0, 0, {}}});
            f({grid, shape, layout, {block, last_row, last_col, {std::gcd(r, c) - 1, 5}}});
          }
        }
      }
    }
  }
}

TEST(Distribution, OwnersAreTheDefinitions) {
  for_each_case([](const Case& c) { check(c); });
}

TEST(Distribution, TransposedIsTheTransposedMatrixOnTheSameRanks) {
  for_each_case([](const Case& c) {
    if (c.shape.rows != 7) return;
    const Distribution d(c.grid, c.shape, c.layout, c.options);
    const Distribution t = d.transposed();
    ASSERT_EQ(t.shape(), (Shape{c.shape.cols, c.shape.rows}));
    ASSERT_EQ(t.layout(), transposed(c.layout));
    for (int rank = 0; rank < 6; ++rank) {
      ASSERT_EQ(t.local_rows(rank), d.local_cols(rank)) << name(c);
      ASSERT_EQ(t.local_cols(rank), d.local_rows(rank)) << name(c);
    }
  });
}

TEST(Distribution, SliceLeavesEveryElementWhereItIs) {
  for_each_case([](const Case& c) {
    if (c.shape.rows != 7) return;
    const Distribution d(c.grid, c.shape, c.layout, c.options);
    const Distribution part = d.slice(2, 6, 1, 5);
    ASSERT_EQ(part.shape(), (Shape{4, 4}));
    for (Index i = 0; i < 4; ++i) {
      for (Index j = 0; j < 4; ++j) ASSERT_EQ(part.owners(i, j), d.owners(i + 2, j + 1)) << name(c);
    }
  });
}

TEST(Distribution, DefaultBlocksAreContiguousWhereOneAxisIsDealt) {
  const GridMap grid{{2, 3}, GridOrder::column_major, 6};
  for (const Layout layout : {MC_MR, MR_MC}) {
    EXPECT_EQ(Distribution(grid, {1000, 999}, layout).block(), (Block{64, 64}));
  }
  const std::vector<std::pair<Layout, int>> dealt{
      {VC_STAR, 6}, {VR_STAR, 6}, {MC_STAR, 2}, {MR_STAR, 3}, {MD_STAR, 6}};
  for (const auto& [layout, places] : dealt) {
    const Distribution d(grid, {1000, 10}, layout);
    EXPECT_EQ(d.block().rows, (1000 + places - 1) / places) << to_string(layout);
    for (int rank = 0; rank < 6; ++rank) {
      const auto rows = d.local_rows(rank);
      if (!rows.empty()) {
        EXPECT_EQ(rows.back() - rows.front() + 1, static_cast<Index>(rows.size()));
      }
    }
    const Distribution t(grid, {10, 1000}, transposed(layout));
    EXPECT_EQ(t.block().cols, (1000 + places - 1) / places) << to_string(layout);
  }
}

TEST(Distribution, DefaultBlocksOfAnEmptyMatrixArePositive) {
  const GridMap grid{{2, 3}, GridOrder::column_major, 6};
  for (const Layout layout : all_layouts) {
    for (const Shape shape : {Shape{0, 0}, Shape{0, 5}, Shape{5, 0}}) {
      const Distribution d(grid, shape, layout);
      EXPECT_GE(d.block().rows, 1);
      EXPECT_GE(d.block().cols, 1);
      for (int rank = 0; rank < 6; ++rank) EXPECT_EQ(d.local_shape(rank).size(), 0);
    }
  }
}

TEST(Distribution, ShapesBeyond32Bits) {
  const GridMap grid{{2, 3}, GridOrder::column_major, 6};
  const Shape shape{Index{5} << 32, Index{3} << 33};
  for (const Layout layout : {MC_MR, MR_MC, VC_STAR, STAR_VR}) {
    const Distribution d(grid, shape, layout, {.block = Block{64, 64}});
    Index rows = 0;
    for (int p = 0; p < d.rows().nprocs; ++p) rows += d.rows().local_extent(p);
    EXPECT_EQ(rows, shape.rows);
    EXPECT_EQ(d.owners(shape.rows - 1, shape.cols - 1).size(), 1U);
  }
}

template <class Error>
void refuses(const GridMap& grid, Shape shape, Layout layout, const LayoutOptions& options,
             const std::string& words) {
  try {
    const Distribution d(grid, shape, layout, options);
    ADD_FAILURE() << "accepted " << to_string(d);
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
}

TEST(Distribution, RefusesWhatDoesNotFitAndSaysWhat) {
  const GridMap grid{{2, 3}, GridOrder::column_major, 6};
  const Block one{1, 1};
  refuses<InvalidArgument>(grid, {-1, 5}, MC_MR, {one, 0, 0, {}}, "(-1, 5)");
  refuses<InvalidArgument>(grid, {5, -1}, MC_MR, {one, 0, 0, {}}, "(5, -1)");
  refuses<InvalidArgument>(grid, {5, 5}, MC_MR, {Block{0, 1}, 0, 0, {}}, "(0, 1)");
  refuses<InvalidArgument>(grid, {5, 5}, MC_MR, {Block{1, -3}, 0, 0, {}}, "(1, -3)");
  refuses<InvalidArgument>(grid, {5, 5}, MC_MR, {one, 2, 0, {}}, "(2, 0)");
  refuses<InvalidArgument>(grid, {5, 5}, MC_MR, {one, 0, 3, {}}, "(0, 3)");
  refuses<InvalidArgument>(grid, {5, 5}, MC_MR, {one, -1, 0, {}}, "(-1, 0)");
  refuses<InvalidArgument>(grid, {5, 5}, VC_STAR, {one, 0, 1, {}}, "(0, 1)");
  refuses<InvalidArgument>(grid, {5, 5}, MD_STAR, {one, 0, 0, {1, 0}}, "diagonal 1");
  refuses<InvalidArgument>(grid, {5, 5}, CIRC_CIRC, {one, 0, 0, {0, 6}}, "root");
  refuses<LayoutError>(grid, {5, 5}, {Dist::MC, Dist::MC}, {one, 0, 0, {}}, "[MC,MC]");
  refuses<LayoutError>(grid, {5, 5}, any_layout, {one, 0, 0, {}}, "layout");
}

TEST(Distribution, SliceRefusesWhatLiesOutside) {
  const Distribution d({{2, 3}, GridOrder::column_major, 6}, {7, 5}, MC_MR);
  EXPECT_NO_THROW(d.slice(7, 7, 5, 5));
  EXPECT_THROW(d.slice(-1, 3, 0, 5), InvalidArgument);
  EXPECT_THROW(d.slice(0, 8, 0, 5), InvalidArgument);
  EXPECT_THROW(d.slice(4, 3, 0, 5), InvalidArgument);
  EXPECT_THROW(d.slice(0, 7, 0, 6), InvalidArgument);
  EXPECT_THROW(d.slice(0, 7, 3, 2), InvalidArgument);
}

/// Blocks of 4 of 20 rows: place 0 has rows 0:4, 8:12, 16:20, place 1 the others.
TEST(Distribution, LeadingDimensionCountsTheFirstBlockOfAViewAsAWhole) {
  const Distribution d({{2, 3}, GridOrder::column_major, 8}, {20, 12}, MC_MR,
                       {.block = Block{4, 4}});
  const auto of_places = [](const Distribution& view) {  // ranks 0 and 1 stand at places 0 and 1
    return std::pair(view.leading_dimension(0), view.leading_dimension(1));
  };
  EXPECT_EQ(of_places(d), std::pair(Index{12}, Index{8}));
  EXPECT_EQ(of_places(d.slice(2, 20, 0, 12)), std::pair(Index{12}, Index{8}));  // 2 rows are lost
  EXPECT_EQ(of_places(d.slice(5, 20, 0, 12)), std::pair(Index{8}, Index{8}));   // 1 row at place 1
  EXPECT_EQ(of_places(d.slice(2, 4, 0, 12)), std::pair(Index{2}, Index{1}));    // within one block
  EXPECT_EQ(of_places(d.slice(2, 5, 0, 12)), std::pair(Index{4}, Index{1}));
  EXPECT_EQ(of_places(d.slice(3, 3, 0, 12)), std::pair(Index{1}, Index{1}));
  EXPECT_EQ(d.leading_dimension(5), 8);  // column 2 of the grid, row 1
  EXPECT_EQ(d.leading_dimension(6), 1) << "outside the grid";
  for_each_case([](const Case& c) {
    const Distribution any(c.grid, c.shape, c.layout, c.options);
    for (int rank = 0; rank < 6; ++rank) {
      ASSERT_EQ(any.leading_dimension(rank), std::max<Index>(1, any.local_shape(rank).rows));
    }
  });
}

}  // namespace
}  // namespace matrass
