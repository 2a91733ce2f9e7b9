// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Plans for matrices of more than 2^32 elements: sizes are exact, and nothing grows with them.
/// Next: tests/cpp/redistribute/test_exchange.cpp
#include <gtest/gtest.h>

#include <matrass/redistribute/stream.hpp>
#include <numeric>

namespace matrass {
namespace {

const GridMap grid{{2, 3}, GridOrder::column_major, 6};
constexpr Index huge = Index{1} << 33;

/// How many of the indices [0, end) of `axis` are place p's (NUMROC).
Index count_below(BlockCyclicAxis axis, int p, Index end) {
  axis.extent = end;
  return axis.local_extent(p);
}

/// How many indices lie at place p of `a` and at place q of `b`: block by block of the axis with
/// larger blocks, in one common period and in what is left of it at the end.
Index shared(BlockCyclicAxis a, int p, BlockCyclicAxis b, int q) {
  if (a.block < b.block) {
    std::swap(a, b);
    std::swap(p, q);
  }
  const auto below = [&](Index end) {
    Index sum = 0;
    for (Index at = 0; at < end; at += a.block) {
      if (a.owner(at) == p)
        sum += count_below(b, q, std::min(end, at + a.block)) - count_below(b, q, at);
    }
    return sum;
  };
  const Index period = std::lcm(a.block * a.nprocs, b.block * b.nprocs);
  if (period >= a.extent) return below(a.extent);
  return below(period) * (a.extent / period) + below(a.extent % period);
}

Index size_of(const Stream& stream) {
  Index runs = 0;
  for (const Transfer& t : stream.transfers) {
    for (const auto& axis : {t.rows, t.cols}) {
      for (const Pattern& pattern : axis->patterns) runs += static_cast<Index>(pattern.runs.size());
    }
  }
  return runs;
}

/// @param exact whether neither side has replicas, so that it is plain who sends what to whom
void check(const Distribution& a, const Distribution& b, bool exact) {
  SCOPED_TRACE(to_string(a) + "  ->  " + to_string(b));
  std::vector<Plan> plans;
  for (int rank = 0; rank < 6; ++rank)
    plans.push_back(make_plan(pieces_of(a), pieces_of(b), rank, 6));
  for (int to = 0; to < 6; ++to) {
    const auto t = static_cast<std::size_t>(to);
    const Plan& plan = plans[t];
    ASSERT_EQ(plan.sends[t].size + plan.elements_received(), b.local_shape(to).size());
    for (int from = 0; from < 6; ++from) {
      const Stream& stream = plans[static_cast<std::size_t>(from)].sends[t];
      if (from != to) {
        ASSERT_EQ(plan.receives[static_cast<std::size_t>(from)].size, stream.size);
      }
      ASSERT_LT(size_of(stream), 10'000) << "runs";
      if (!exact) continue;
      const bool both = a.holds(from) && b.holds(to);
      const Index rows =
          both ? shared(a.rows(), *a.row_place(from), b.rows(), *b.row_place(to)) : 0;
      const Index cols =
          both ? shared(a.cols(), *a.col_place(from), b.cols(), *b.col_place(to)) : 0;
      ASSERT_EQ(stream.size, rows * cols) << from << " to " << to;
    }
  }
}

constexpr std::array single{MC_MR, MR_MC, VC_STAR, STAR_VC, VR_STAR, STAR_VR, CIRC_CIRC};

TEST(HugePlan, StreamsBeyond32BitsHaveTheirExactSize) {
  for (const Shape shape : {Shape{huge, 4}, Shape{4, huge}, Shape{huge + 12345, 5}}) {
    for (const Layout from : single) {
      for (const Layout to : single) {
        for (const auto& [x, y] : {std::pair{Block{64, 64}, Block{64, 64}},
                                   {Block{64, 64}, Block{1, 1}},
                                   {Block{3, 2}, Block{100, 1}}}) {
          check({grid, shape, from, {.block = x}}, {grid, shape, to, {.block = y}}, true);
          if (HasFatalFailure()) return;
        }
        check({grid, shape, from}, {grid, shape, to}, true);  // contiguous parts
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(HugePlan, ReplicasToo) {
  for (const Layout from : all_layouts) {
    for (const Layout to : all_layouts) {
      check({grid, {huge, 4}, from, {.block = Block{64, 64}}},
            {grid, {huge, 4}, to, {.block = Block{5, 2}}}, false);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(HugePlan, OneStreamIsLongerThan32Bits) {
  const Distribution a(grid, {huge, 4}, CIRC_CIRC);
  const Distribution b(grid, {huge, 4}, CIRC_CIRC, {.anchor = {.diagonal = 0, .root = 3}});
  EXPECT_EQ(make_plan(pieces_of(a), pieces_of(b), 0, 6).sends[3].size, Index{1} << 35);
  EXPECT_EQ(make_plan(pieces_of(a), pieces_of(b), 3, 6).receives[0].size, Index{1} << 35);
}

/// Blocks of a transfer of 2^33 x 4 have 8192 rows and all columns.
TEST(HugePlan, BlocksFarDownAStream) {
  const detail::Block block = detail::block_at((Index{1} << 34) + 5, huge, 4, detail::block_width);
  EXPECT_EQ(block.col, 0);
  EXPECT_EQ(block.row, Index{1} << 32);
  EXPECT_EQ(block.width, 4);
  EXPECT_EQ(block.height, 8192);
  EXPECT_EQ(block.start, Index{1} << 34);
  const detail::Block last = detail::block_at((Index{1} << 35) - 1, huge, 4, detail::block_width);
  EXPECT_EQ(last.row, huge - 8192);
  EXPECT_EQ(last.start, (Index{1} << 35) - 4 * 8192);
}

}  // namespace
}  // namespace matrass
