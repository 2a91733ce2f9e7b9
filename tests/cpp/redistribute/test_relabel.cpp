// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Relabelled grids: against every placement on few ranks, against the usual order on many.
/// Next: tests/cpp/redistribute/test_exchange.cpp
#include <gtest/gtest.h>

#include <matrass/redistribute/plan_between.hpp>
#include <matrass/redistribute/relabel.hpp>
#include <numeric>
#include <vector>

#include "support/campaign.hpp"
#include "support/grids.hpp"

namespace matrass {
namespace {

/// What all ranks send, by their plans.
Index sent(const Distribution& source, const Distribution& target) {
  Index sum = 0;
  for (int rank = 0; rank < source.grid().comm_size; ++rank) {
    sum += plan_cost(source, target, rank).sent;
  }
  return sum;
}

Index sent(const Distribution& source, const GridMap& grid, Layout layout,
           const LayoutOptions& options) {
  return sent(source, {grid, source.shape(), layout, options});
}

GridMap standard(GridShape shape, int ranks) { return {shape, GridOrder::column_major, ranks}; }

/// The least that any placement sends: all orders of the ranks, of which the first stand on the
/// grid.
Index least_sent(const Distribution& source, GridShape shape, Layout layout,
                 const LayoutOptions& options) {
  const int ranks = source.grid().comm_size;
  const auto positions = static_cast<std::ptrdiff_t>(shape.rows) * shape.cols;
  std::vector<int> order(static_cast<std::size_t>(ranks));
  std::iota(order.begin(), order.end(), 0);
  Index least = sent(source, standard(shape, ranks), layout, options);
  do {
    const std::vector<int> placed(order.begin(), order.begin() + positions);
    least = std::min(least, sent(source, GridMap::placed(shape, placed, ranks), layout, options));
  } while (std::next_permutation(order.begin(), order.end()));
  return least;
}

LayoutOptions any_options(const GridMap& grid, Layout layout, test::Sample& sample) {
  LayoutOptions options;
  const Index block = 1 + sample.choose(9);
  if (sample.choose(3) != 0) options.block = Block{block, 1 + sample.choose(9)};
  options.row_source = sample.choose(place_count(layout.col, grid));
  options.col_source = sample.choose(place_count(layout.row, grid));
  options.anchor = {sample.choose(std::gcd(grid.shape.rows, grid.shape.cols)),
                    sample.choose(grid.comm_size)};
  return options;
}

Distribution any_source(int ranks, Layout layout, test::Sample& sample) {
  const GridMap grid = test::any_grid_map(ranks, sample);
  const Shape shape{1 + sample.choose(40), 1 + sample.choose(40)};
  return {grid, shape, layout, any_options(grid, layout, sample)};
}

TEST(Relabel, FindsTheBestOfAllPlacements) {
  test::Sample sample(1);
  for (const Layout from : all_layouts) {
    for (const Layout to : all_layouts) {
      for (int draw = 0; draw < (test::campaign() ? 20 : 2); ++draw) {
        const int ranks = 1 + sample.choose(5);
        const Distribution source = any_source(ranks, from, sample);
        const GridShape shape = test::any_grid_map(ranks, sample).shape;
        const LayoutOptions options = any_options(standard(shape, ranks), to, sample);
        const GridMap grid = relabelled_grid(source, shape, to, options);
        ASSERT_EQ(grid.shape, shape);
        const Index least = least_sent(source, shape, to, options);
        ASSERT_EQ(sent(source, grid, to, options), least)
            << to_string(source) << "  ->  " << to_string(to) << " on " << to_string(shape);
        // Among equal ones it is the usual order.
        if (sent(source, standard(shape, ranks), to, options) == least) {
          ASSERT_EQ(grid, standard(shape, ranks));
        }
      }
    }
  }
}

/// On 130 ranks the placement is found by largest shares first.
TEST(Relabel, NeverSendsMoreThanTheUsualOrder) {
  test::Sample sample(1);
  for (const int ranks : {6, 12, 130}) {
    for (const Layout from : all_layouts) {
      for (const Layout to : all_layouts) {
        const Distribution source = any_source(ranks, from, sample);
        const GridShape shape = test::any_grid_map(ranks, sample).shape;
        const LayoutOptions options = any_options(standard(shape, ranks), to, sample);
        const GridMap grid = relabelled_grid(source, shape, to, options);
        ASSERT_LE(sent(source, grid, to, options),
                  sent(source, standard(shape, ranks), to, options))
            << to_string(source) << "  ->  " << to_string(to) << " on " << to_string(shape);
      }
    }
  }
}

/// What another grid has only in another order need not move at all.
TEST(Relabel, FindsAnotherOrderOfTheSameGrid) {
  test::Sample sample(1);
  for (const GridShape shape : {GridShape{2, 3}, GridShape{1, 5}, GridShape{9, 15}}) {
    const int ranks = shape.rows * shape.cols + 2;
    const LayoutOptions options{.block = Block{3, 2}};
    for (const GridMap& grid : {GridMap{shape, GridOrder::row_major, ranks},
                                test::placed_by_chance(shape, ranks, sample)}) {
      for (const Layout layout : {MC_MR, MR_MC, VC_STAR, STAR_VR}) {
        const Distribution source(grid, {200, 150}, layout, options);
        const GridMap found = relabelled_grid(source, shape, layout, options);
        EXPECT_EQ(sent(source, found, layout, options), 0) << to_string(source);
      }
    }
  }
}

/// Rows in contiguous parts are what a p x 1 grid has, whatever else is asked for.
TEST(Relabel, ChoosesTheShapeThatSendsLeast) {
  const Distribution rows(standard({2, 3}, 6), {60, 60}, VC_STAR);
  const LayoutOptions tall{.block = Block{10, 60}};
  EXPECT_EQ(relabelled_grid(rows, MC_MR, tall).shape, (GridShape{6, 1}));
  EXPECT_EQ(sent(rows, relabelled_grid(rows, MC_MR, tall), MC_MR, tall), 0);
  // All shapes are the same to [VC,STAR].
  EXPECT_EQ(relabelled_grid(rows, VC_STAR), standard({2, 3}, 6));
  EXPECT_EQ(relabelled_grid(rows, CIRC_CIRC), standard({2, 3}, 6));
}

TEST(Relabel, NoShapeSendsLessThanTheChosenOne) {
  test::Sample sample(1);
  for (const Layout from : all_layouts) {
    for (const Layout to : all_layouts) {
      const Distribution source = any_source(6, from, sample);
      const LayoutOptions options{.block = Block{4, 3}};
      const Index chosen = sent(source, relabelled_grid(source, to, options), to, options);
      for (const GridShape shape : {GridShape{1, 6}, {2, 3}, {3, 2}, {6, 1}}) {
        ASSERT_LE(chosen, sent(source, relabelled_grid(source, shape, to, options), to, options))
            << to_string(source) << "  ->  " << to_string(to) << " on " << to_string(shape);
      }
    }
  }
}

TEST(Relabel, ShapesThatLackAPlaceAreLeftOut) {
  const Distribution source(standard({2, 3}, 6), {60, 60}, VC_STAR);
  const LayoutOptions options{.block = Block{4, 4}, .row_source = 2, .col_source = 1};
  EXPECT_EQ(relabelled_grid(source, MC_MR, options).shape, (GridShape{3, 2}));
  EXPECT_THROW(relabelled_grid(source, MC_MR, {.row_source = 6}), InvalidArgument);
  EXPECT_THROW(relabelled_grid(source, {2, 2}, MC_MR, {.row_source = 2}), InvalidArgument);
}

/// Largest first takes 5, and is left with 0; the best is 4 + 4.
TEST(Assignment, ExactAndGreedy) {
  const auto profit = [](int worker, int job) -> detail::Profit {
    constexpr Index table[2][2] = {{5, 4}, {4, 0}};
    return {table[worker][job], 0};
  };
  EXPECT_EQ(detail::ExactAssignment(2, 2, profit).workers(), (std::vector{1, 0}));
  EXPECT_EQ(detail::greedy_assignment(2, 2, profit), (std::vector{0, 1}));
  EXPECT_TRUE(detail::ExactAssignment(0, 3, profit).workers().empty());
}

}  // namespace
}  // namespace matrass
