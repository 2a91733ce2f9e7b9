// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Plans in closed form against plans from lists of pieces, and the counts that they rest on.
/// Next: tests/cpp/redistribute/test_plan_cache.cpp
#include <gtest/gtest.h>

#include <matrass/redistribute/plan_between.hpp>

#include "support/campaign.hpp"
#include "support/grids.hpp"
#include "support/reference.hpp"

namespace matrass {
namespace {

bool same(const Pattern& a, const Pattern& b) {
  return a.runs == b.runs && a.starts == b.starts && a.size == b.size && a.repeats == b.repeats &&
         a.source_step == b.source_step && a.target_step == b.target_step;
}

bool same(const Runs& a, const Runs& b) {
  return a.starts == b.starts && a.total == b.total &&
         std::equal(a.patterns.begin(), a.patterns.end(), b.patterns.begin(), b.patterns.end(),
                    [](const Pattern& x, const Pattern& y) { return same(x, y); });
}

bool same(const Stream& a, const Stream& b) {
  const auto same_transfer = [](const Transfer& x, const Transfer& y) {
    return x.source == y.source && x.target == y.target && same(*x.rows, *y.rows) &&
           same(*x.cols, *y.cols);
  };
  return a.starts == b.starts && a.size == b.size &&
         std::equal(a.transfers.begin(), a.transfers.end(), b.transfers.begin(), b.transfers.end(),
                    same_transfer);
}

void check(const Distribution& a, const Distribution& b) {
  SCOPED_TRACE(to_string(a) + "  ->  " + to_string(b));
  const int ranks = a.grid().comm_size;
  const Pieces from = pieces_of(a);
  const Pieces to = pieces_of(b);
  for (int rank = 0; rank < ranks; ++rank) {
    const Plan expected = make_plan(from, to, rank, ranks);
    const auto found = plan_between(a, b, rank);
    PlanCost cost{expected.elements_sent(rank), expected.elements_received(), 0, 0, 0};
    ASSERT_EQ(found->sends.size(), expected.sends.size());
    ASSERT_EQ(found->receives.size(), expected.receives.size());
    for (int k = 0; k < ranks; ++k) {
      const auto peer = static_cast<std::size_t>(k);
      ASSERT_TRUE(same(found->sends[peer], expected.sends[peer])) << rank << " to " << k;
      ASSERT_TRUE(same(found->receives[peer], expected.receives[peer])) << rank << " from " << k;
      if (k == rank) cost.kept = expected.sends[peer].size;
      if (k != rank && expected.sends[peer].size > 0) ++cost.receivers;
      if (expected.receives[peer].size > 0) ++cost.senders;
    }
    ASSERT_EQ(plan_cost(a, b, rank), cost) << "rank " << rank;
  }
}

constexpr std::array blocks{Block{1, 1}, Block{2, 3}, Block{3, 2}, Block{7, 7}, Block{64, 64}};

/// A distribution with blocks (or the default ones), sources, diagonal and root chosen by chance.
Distribution any(const GridMap& grid, Shape shape, Layout layout, test::Sample& sample) {
  LayoutOptions options;
  if (const int k = sample.choose(6); k < 5) options.block = blocks[static_cast<std::size_t>(k)];
  options.row_source = sample.choose(place_count(layout.col, grid));
  options.col_source = sample.choose(place_count(layout.row, grid));
  options.anchor = {sample.choose(std::gcd(grid.shape.rows, grid.shape.cols)),
                    sample.choose(grid.comm_size)};
  return {grid, shape, layout, options};
}

/// A slice of `d` of this shape, at a chance position.
Distribution any_slice(const Distribution& d, Shape shape, test::Sample& sample) {
  const Index i0 = sample.choose(static_cast<int>(d.shape().rows - shape.rows) + 1);
  const Index j0 = sample.choose(static_cast<int>(d.shape().cols - shape.cols) + 1);
  return d.slice(i0, i0 + shape.rows, j0, j0 + shape.cols);
}

/// Whole matrices, views and transposed ones, of one shape.
Distribution any_view(const GridMap& grid, Shape shape, Layout layout, test::Sample& sample) {
  const bool turned = sample.choose(3) == 0;
  const Shape first = turned ? Shape{shape.cols, shape.rows} : shape;
  Distribution d = any(grid, first, layout, sample);
  if (sample.choose(2) == 0) {
    d = any_slice(any(grid, {first.rows + 11, first.cols + 8}, layout, sample), first, sample);
  }
  return turned ? d.transposed() : d;
}

/// Every pair of layouts; grids of 1 to 12 ranks, not all of them full, and everything else by
/// chance.
TEST(PlanBetween, IsThePlanOfThePieces) {
  test::Sample sample(1);
  const int draws = test::campaign() ? 200 : 10;
  for (const Layout from : all_layouts) {
    for (const Layout to : all_layouts) {
      for (int draw = 0; draw < draws; ++draw) {
        const int ranks = 1 + sample.choose(12);
        const Shape shape{sample.choose(60), sample.choose(60)};
        const Distribution a = any_view(test::any_grid_map(ranks, sample), shape, from, sample);
        check(a, any_view(test::any_grid_map(ranks, sample), shape, to, sample));
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST(PlanBetween, HoldsForLongAxes) {
  test::Sample sample(1);
  for (const Layout from : all_layouts) {
    for (const Layout to : all_layouts) {
      for (const Shape shape : {Shape{30'011, 5}, Shape{3, 20'000}}) {
        const Distribution a = any_view(test::any_grid_map(6, sample), shape, from, sample);
        check(a, any_view(test::any_grid_map(6, sample), shape, to, sample));
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

/// Against counting every index.
TEST(Shares, AreTheCommonIndicesOfTwoPlaces) {
  test::Sample sample(1);
  const auto any_axis = [&](Index extent) {
    const int nprocs = 1 + sample.choose(7);
    const Index block = 1 + sample.choose(sample.choose(2) == 0 ? 5 : 40);
    return BlockCyclicAxis{extent, block, nprocs, sample.choose(nprocs),
                           sample.choose(static_cast<int>(block))};
  };
  for (int draw = 0; draw < 5000; ++draw) {
    const Index extent = sample.choose(300);
    const BlockCyclicAxis axis = any_axis(extent);
    const BlockCyclicAxis other = any_axis(extent);
    const int p = sample.choose(axis.nprocs);
    std::vector<Index> counts(static_cast<std::size_t>(other.nprocs), 0);
    for (const Index i : axis.global_indices(p)) {
      ++counts[static_cast<std::size_t>(other.owner(i))];
    }
    std::vector<PlaceShare> expected;
    for (int q = 0; q < other.nprocs; ++q) {
      if (counts[static_cast<std::size_t>(q)] > 0) {
        expected.push_back({q, counts[static_cast<std::size_t>(q)]});
      }
    }
    ASSERT_EQ(shares(axis, p, other), expected)
        << extent << ": " << axis.block << " over " << axis.nprocs << ", " << other.block
        << " over " << other.nprocs << ", place " << p;
  }
}

/// Far beyond 2^32 elements sizes stay exact: what all ranks keep and receive is the matrix.
TEST(PlanBetween, CountsBeyond32Bits) {
  const GridMap grid{{2, 3}, GridOrder::column_major, 6};
  for (const Layout from : all_layouts) {
    for (const Layout to : all_layouts) {
      const Shape shape{(Index{1} << 40) + 77, 5};
      const Distribution a(grid, shape, from, {.block = Block{64, 2}});
      const Distribution b(grid, shape, to, {.block = Block{100, 1}});
      for (int rank = 0; rank < 6; ++rank) {
        const PlanCost cost = plan_cost(a, b, rank);
        ASSERT_EQ(cost.kept + cost.received, b.local_shape(rank).size())
            << to_string(a) << "  ->  " << to_string(b);
      }
    }
  }
}

}  // namespace
}  // namespace matrass
