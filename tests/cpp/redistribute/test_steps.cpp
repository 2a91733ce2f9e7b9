// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Copies for many ranks of what one rank has: right, and nobody sends them all.
/// Next: tests/cpp/redistribute/test_tile_sink.cpp
#include <gtest/gtest.h>

#include <matrass/redistribute/counters.hpp>
#include <matrass/redistribute/tiles.hpp>

#include "support/matrices.hpp"
#include "support/paths.hpp"

namespace matrass {
namespace {

using namespace test;

constexpr std::array<Layout, 8> replicated{STAR_STAR, MC_STAR, STAR_MC, MR_STAR,
                                           STAR_MR,   VC_STAR, MC_MR,   CIRC_CIRC};
/// Square, and too flat or too tall for one of the axes to be shared out; most above 64 KB.
constexpr std::array<Shape, 5> shapes{Shape{173, 211}, {2, 40'009}, {40'009, 1}, {3, 4}, {0, 7}};

TEST(Steps, CopiesOfOneRanksMatrix) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const Layout to : replicated) {
      for (const Shape shape : shapes) {
        const ProcessGrid grid = any_grid(comm, sample);
        LayoutOptions root;
        root.anchor.root = sample.choose(grid.comm().size());
        const auto a = oracle_matrix<double>(grid, shape, CIRC_CIRC, root);
        const auto b = redistribute(a, to, any_options(grid.map(), to, any_block(sample), sample));
        SCOPED_TRACE(to_string(a.distribution()) + "  ->  " + to_string(b.distribution()));
        expect_oracle(b);
        expect_oracle(redistribute(b, CIRC_CIRC, root));
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

TEST(Steps, CopiesOfRootsArrayAndOfAllRanks) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    const Shape shape{311, 97};
    std::vector<double> all(static_cast<std::size_t>(shape.size()));
    const LocalPart<double> x{all.data(), shape, shape.cols, 1};  // row-major
    for (const Layout to : replicated) {
      const ProcessGrid grid = any_grid(comm, sample);
      const int root = sample.choose(grid.comm().size());
      for (Index i = 0; i < shape.rows; ++i) {
        for (Index j = 0; j < shape.cols; ++j) {
          x(i, j) = grid.rank() == root ? oracle<double>(i, j, shape.rows) : -1;
        }
      }
      const Distribution wanted(grid.map(), shape, to, {.block = Block{7, 3}});
      SCOPED_TRACE(to_string(wanted));
      const auto a = from_global<double>(grid, x, wanted, root);
      expect_oracle(a);
      std::fill(all.begin(), all.end(), -1.0);
      to_global<double>(a, x, std::nullopt);
      for (Index i = 0; i < shape.rows; ++i) {
        for (Index j = 0; j < shape.cols; ++j) {
          ASSERT_EQ(x(i, j), oracle<double>(i, j, shape.rows));
        }
      }
    }
  });
}

/// With 6 ranks a root that fed all would send five times the matrix.
TEST(Steps, NobodySendsTheMatrixManyTimes) {
  if (world_size() < 6) GTEST_SKIP() << "needs 6 ranks";
  const ProcessGrid grid(world());
  const Shape shape{600, 500};
  const Index bytes = shape.size() * Index{sizeof(double)};
  const auto a = oracle_matrix<double>(grid, shape, CIRC_CIRC);
  const Distribution wanted(grid.map(), shape, STAR_STAR);
  const Explanation e = explain(a, grid, wanted);
  EXPECT_LE(e.bytes_sent, bytes);
  EXPECT_EQ(e.bytes_received, grid.rank() == 0 ? 0 : bytes);
  const Index sent_before = transfer_counts().bytes_sent;
  expect_oracle(redistribute(a, grid, wanted));
  EXPECT_LE(transfer_counts().bytes_sent - sent_before, bytes);
}

}  // namespace
}  // namespace matrass
