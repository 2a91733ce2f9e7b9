// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Redistribution under MPI on 1 to 6 ranks: a sample of what the simulator runs in full
/// (test_plan.cpp). Next: tests/cpp/redistribute/test_pdgemr2d.cpp
#include <gtest/gtest.h>

#include <complex>
#include <matrass/redistribute/redistribute.hpp>
#include <span>

#include "support/matrices.hpp"

namespace matrass {
namespace {

using namespace test;

/// One case, described where it fails.
template <Scalar T>
void move(const ProcessGrid& from_grid, Layout from, const LayoutOptions& from_options,
          const ProcessGrid& to_grid, Layout to, const LayoutOptions& to_options, Shape shape) {
  const Distribution source(from_grid.map(), shape, from, from_options);
  const Distribution target(to_grid.map(), shape, to, to_options);
  SCOPED_TRACE(to_string(source) + "  ->  " + to_string(target));
  const auto a = oracle_matrix<T>(from_grid, shape, from, from_options);
  const DistMatrix<T> b = redistribute(a, to_grid, target);
  ASSERT_EQ(b.distribution(), target);
  expect_oracle(b);
  expect_oracle(a);
}

const std::vector<Shape> shapes{{7, 7},   {1, 1},  {0, 5},  {5, 0},
                                {13, 17}, {2, 61}, {67, 3}, {101, 103}};

/// Every pair on every number of ranks; the rest of each case is drawn.
TEST(Redistribute, AllPairsOnOneToSixRanks) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    const int draws = campaign() ? 20 : 2;
    for (const Layout from : all_layouts) {
      for (const Layout to : all_layouts) {
        for (int draw = 0; draw < draws; ++draw) {
          const ProcessGrid grid = any_grid(comm, sample);
          const ProcessGrid other = sample.choose(4) == 0 ? any_grid(comm, sample) : grid;
          const LayoutOptions a = any_options(grid.map(), from, any_block(sample), sample);
          const LayoutOptions b = any_options(other.map(), to, any_block(sample), sample);
          const Shape shape = shapes[static_cast<std::size_t>(sample.choose(8))];
          switch (sample.choose(4)) {
            case 0:
              move<float>(grid, from, a, other, to, b, shape);
              break;
            case 1:
              move<double>(grid, from, a, other, to, b, shape);
              break;
            case 2:
              move<std::complex<float>>(grid, from, a, other, to, b, shape);
              break;
            default:
              move<std::complex<double>>(grid, from, a, other, to, b, shape);
          }
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  });
}

/// The grid that shows swapped rows and columns, both orders, all four scalars, nothing drawn.
TEST(Redistribute, AllPairsAndScalarsOnTwoByThree) {
  if (world_size() < 6) GTEST_SKIP() << "needs 6 ranks";
  set_time_limit(std::chrono::seconds(240));
  for (const GridOrder order : {GridOrder::column_major, GridOrder::row_major}) {
    const ProcessGrid grid(world(), {2, 3}, order);
    for (const Layout from : all_layouts) {
      for (const Layout to : all_layouts) {
        for_each_scalar([&](auto scalar) {
          move<decltype(scalar)>(grid, from, {.block = Block{1, 2}}, grid, to,
                                 {.block = Block{3, 2}}, {11, 13});
        });
        if (HasFailure()) return;
      }
    }
  }
}

/// Every pair of layouts with every pair of blocks (those of 64 hold the whole axis) on every grid
/// of all ranks, in both orders and placed, of all four scalars. A sample, if this is no campaign.
TEST(Redistribute, FullProductOfPairsBlocksGridsAndScalars) {
  set_time_limit(std::chrono::seconds(600));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(5000);
    int size = 0;
    MPI_Comm_size(comm, &size);
    const auto one = [&](const ProcessGrid& grid, Layout from, Layout to, Block a, Block b) {
      for_each_scalar([&](auto scalar) {
        if (!sample.take() || testing::Test::HasFailure()) return;
        move<decltype(scalar)>(grid, from, any_options(grid.map(), from, a, sample), grid, to,
                               any_options(grid.map(), to, b, sample), {41, 37});
      });
    };
    for (const auto& [rows, cols] : grid_shapes(size)) {
      if (rows * cols != size) continue;
      for (const GridMap& map : grid_maps({rows, cols}, size)) {
        const ProcessGrid grid(comm, map);
        for (const Layout from : all_layouts) {
          for (const Layout to : all_layouts) {
            for (const Block& a : std::span(test_blocks).first<4>()) {
              for (const Block& b : std::span(test_blocks).first<4>()) one(grid, from, to, a, b);
            }
            if (testing::Test::HasFailure()) return;
          }
        }
      }
    }
  });
}

/// Larger than the cache and than one message.
TEST(Redistribute, ALargeMatrix) {
  set_time_limit(std::chrono::seconds(240));
  run_on(std::min(4, world_size()), [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const Shape shape{2003, 1999};
    for (const auto& [from, to] : std::vector<std::pair<Layout, Layout>>{
             {VC_STAR, MC_MR}, {MC_MR, VC_STAR}, {STAR_VC, VC_STAR}, {MC_MR, MR_MC}}) {
      for (const auto& block : std::vector<std::optional<Block>>{std::nullopt, Block{1, 1}}) {
        move<double>(grid, from, {}, grid, to, {.block = block}, shape);
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

TEST(Redistribute, IntoAViewLeavesTheRestAlone) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const Layout from : all_layouts) {
      for (const Layout to : all_layouts) {
        const ProcessGrid grid = any_grid(comm, sample);
        const auto a = oracle_matrix<double>(
            grid, {9, 8}, from, any_options(grid.map(), from, any_block(sample), sample));
        const auto b = from_function<double>(
            grid, {14, 15}, to, [](Index, Index) { return -1.0; },
            any_options(grid.map(), to, any_block(sample), sample));
        SCOPED_TRACE(to_string(a.distribution()) + "  ->  " + to_string(b.distribution()));
        redistribute_into(a.slice(2, 9, 1, 6), b.slice(4, 11, 3, 8));
        expect_entries(b, [](Index i, Index j) {
          const bool inside = i >= 4 && i < 11 && j >= 3 && j < 8;
          return inside ? oracle<double>(i - 4 + 2, j - 3 + 1, 9) : -1.0;
        });
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

/// Source and target are parts of one matrix: as if the source had been copied first.
TEST(Redistribute, IntoAViewThatOverlapsTheSource) {
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const Layout layout : all_layouts) {
      const ProcessGrid grid = any_grid(comm, sample);
      const LayoutOptions options = any_options(grid.map(), layout, Block{2, 3}, sample);
      const auto a = oracle_matrix<double>(grid, {9, 9}, layout, options);
      SCOPED_TRACE(to_string(a.distribution()));
      redistribute_into(a.slice(0, 8, 0, 7), a.slice(1, 9, 2, 9));
      expect_entries(a, [](Index i, Index j) {
        return i >= 1 && j >= 2 ? oracle<double>(i - 1, j - 2, 9) : oracle<double>(i, j, 9);
      });
      const auto b = oracle_matrix<double>(grid, {9, 9}, layout, options);
      redistribute_into(b.slice(2, 9, 1, 9), b.slice(0, 7, 0, 8));
      expect_entries(b, [](Index i, Index j) {
        return i < 7 && j < 8 ? oracle<double>(i + 2, j + 1, 9) : oracle<double>(i, j, 9);
      });
      const auto c = oracle_matrix<double>(grid, {9, 9}, layout, options);
      redistribute_into(c.transposed(), c);
      expect_entries(c, [](Index i, Index j) { return oracle<double>(j, i, 9); });
      redistribute_into(c, c.transposed());
      expect_oracle(c);
      redistribute_into(c, c);
      expect_oracle(c);
      if (testing::Test::HasFailure()) return;
    }
  });
}

TEST(Redistribute, TransposedViews) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const Layout from : all_layouts) {
      for (const Layout to : all_layouts) {
        const ProcessGrid grid = any_grid(comm, sample);
        const auto a = oracle_matrix<float>(
            grid, {12, 19}, from, any_options(grid.map(), from, any_block(sample), sample));
        SCOPED_TRACE(to_string(a.distribution()) + "  transposed ->  " + to_string(to));
        const auto b = redistribute(a.transposed(), to,
                                    any_options(grid.map(), to, any_block(sample), sample));
        ASSERT_EQ(b.shape(), (Shape{19, 12}));
        expect_entries(b, [](Index i, Index j) { return oracle<float>(j, i, 12); });
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

/// Whether the ranks agree that a and b are the same memory.
bool shares_memory(MPI_Comm comm, const DistMatrix<double>& a, const DistMatrix<double>& b) {
  const bool empty = a.local_shape().size() == 0;
  int same = empty || a.data() == b.data() ? 1 : 0;
  MPI_Allreduce(MPI_IN_PLACE, &same, 1, MPI_INT, MPI_MIN, comm);
  return same == 1;
}

TEST(Redistribute, WhereNothingMovesTheResultIsAView) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Layout layout : all_layouts) {
      const auto a = oracle_matrix<double>(grid, {20, 30}, layout);
      EXPECT_TRUE(shares_memory(comm, a, redistribute(a, grid, a.distribution())))
          << to_string(layout);
    }
    // Contiguous rows on p x 1: the row partition and [MC,*] are the same thing in other words.
    int size = 0;
    MPI_Comm_size(comm, &size);
    const ProcessGrid column(comm, {size, 1});
    const auto rows = oracle_matrix<double>(column, {20, 30}, VC_STAR);
    const auto same = redistribute(rows, MC_STAR);
    EXPECT_TRUE(shares_memory(comm, rows, same));
    expect_oracle(same);
  });
}

TEST(Redistribute, ThereAndBackOnGridsOfDifferentSizes) {
  for_each_rank_count([](MPI_Comm comm) {
    int size = 0;
    MPI_Comm_size(comm, &size);
    const ProcessGrid all(comm);
    for (int n = 1; n <= size; ++n) {
      const ProcessGrid part(comm, {1, n});
      const auto a = oracle_matrix<double>(all, {31, 29}, MC_MR, {.block = Block{3, 2}});
      const auto b = redistribute(a, part, Distribution(part.map(), {31, 29}, STAR_VC));
      expect_oracle(b);
      expect_oracle(redistribute(b, all, Distribution(all.map(), {31, 29}, VR_STAR)));
    }
  });
}

TEST(Redistribute, RefusesOtherShapesAndCommunicators) {
  const ProcessGrid grid(world());
  const DistMatrix<double> a(grid, {4, 5}, MC_MR);
  const DistMatrix<double> b(grid, {5, 4}, VC_STAR);
  EXPECT_THROW(redistribute_into(a, b), ShapeError);
  MPI_Comm other = MPI_COMM_NULL;
  MPI_Comm_dup(world(), &other);
  {
    const ProcessGrid elsewhere(other);
    EXPECT_THROW(redistribute(a, elsewhere, Distribution(elsewhere.map(), {4, 5}, MC_MR)),
                 InvalidArgument);
  }
  MPI_Comm_free(&other);
  EXPECT_THROW(redistribute(a, VC_STAR, {.block = Block{0, 1}}), InvalidArgument);
  expect_oracle(redistribute(oracle_matrix<double>(grid, {4, 5}, MC_MR), STAR_VC));
}

TEST(Redistribute, StaticLayouts) {
  const ProcessGrid grid(world());
  const DistMatrix<double, VC_STAR> a = from_function<double, VC_STAR>(
      grid, {40, 30}, [](Index i, Index j) { return oracle<double>(i, j, 40); });
  const DistMatrix<double, MC_MR> b = redistribute<MC_MR>(a, {8, 8});
  EXPECT_EQ(b.block(), (Block{8, 8}));
  expect_oracle(b);
  const DistMatrix<double, STAR_STAR> c = redistribute<STAR_STAR>(b);
  EXPECT_EQ(c.local_shape(), (Shape{40, 30}));
  expect_oracle(c);
}

}  // namespace
}  // namespace matrass
