// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Matrices from functions and from memory that the ranks already have.
/// Next: tests/cpp/redistribute/test_tiles.cpp
#include <gtest/gtest.h>

#include <complex>
#include <matrass/matrix/create.hpp>
#include <memory>

#include "support/matrices.hpp"
#include "support/same_error.hpp"

namespace matrass {
namespace {

using namespace test;

TEST(FromFunction, EveryLayoutScalarAndShape) {
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const Layout layout : all_layouts) {
      for (const Shape shape : {Shape{7, 7}, Shape{1, 1}, Shape{0, 5}, Shape{5, 0}, Shape{13, 2}}) {
        const ProcessGrid grid = any_grid(comm, sample);
        const LayoutOptions options = any_options(grid.map(), layout, any_block(sample), sample);
        for_each_scalar([&](auto scalar) {
          expect_oracle(oracle_matrix<decltype(scalar)>(grid, shape, layout, options));
        });
      }
    }
  });
}

TEST(FromFunction, AsksEachRankForItsOwnElementsOnly) {
  const ProcessGrid grid(world());
  Index asked = 0;
  const auto a = from_function<double>(grid, {20, 20}, MC_MR, [&](Index, Index) {
    ++asked;
    return 1.0;
  });
  EXPECT_EQ(asked, a.local_shape().size());
}

TEST(FromLocal, AdoptsTheMemory) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Layout layout : all_layouts) {
      const Distribution d(grid.map(), {15, 11}, layout, {.block = Block{2, 3}});
      const Shape local = d.local_shape(grid.rank());
      const Index ld = local.rows + 4;
      auto memory =
          std::make_shared<std::vector<double>>(static_cast<std::size_t>(ld * local.cols), -1.0);
      const std::weak_ptr<std::vector<double>> watched = memory;
      double* const at = memory->data();
      {
        const auto a = from_local<double>(grid, d, {at, local, 1, ld}, std::move(memory));
        EXPECT_EQ(a.data(), at);
        EXPECT_TRUE(a.storage().adopted());
        EXPECT_FALSE(watched.expired()) << "the matrix keeps its memory alive";
        const auto rows = a.local_rows();
        const auto cols = a.local_cols();
        for (std::size_t j = 0; j < cols.size(); ++j) {
          for (std::size_t i = 0; i < rows.size(); ++i) {
            at[i + j * static_cast<std::size_t>(ld)] = oracle<double>(rows[i], cols[j], 15);
          }
        }
        expect_oracle(a);
      }
      EXPECT_TRUE(watched.expired());
    }
  });
}

TEST(FromLocal, APartThatDoesNotFitIsEverybodysError) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const Distribution d(grid.map(), {15, 11}, VC_STAR);
    for (int culprit = 0; culprit < grid.comm().size(); ++culprit) {
      std::vector<double> memory(15 * 11 + 1);
      Shape local = d.local_shape(grid.rank());
      if (grid.rank() == culprit) ++local.cols;
      expect_same_error<ShapeError>(
          grid,
          [&] {
            from_local<double>(grid, d, {memory.data(), local, 1, std::max<Index>(1, local.rows)});
          },
          {"from_local", "12)"});
    }
  });
}

/// Strides of a part whose columns are not contiguous, or lie closer than they are long.
TEST(FromLocal, APartThatIsNotColumnMajorIsEverybodysError) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const Distribution d(grid.map(), {15, 11}, VC_STAR);
    const Shape local = d.local_shape(grid.rank());
    std::vector<double> memory(15 * 11);
    for (int culprit = 0; culprit < grid.comm().size(); ++culprit) {
      const Index rows = d.local_shape(culprit).rows;
      if (rows < 2) continue;  // its columns are single elements
      for (const auto& [row_stride, col_stride] :
           {std::pair<Index, Index>{11, 1}, {2, 2 * rows}, {1, rows - 1}}) {
        LocalPart<double> part{memory.data(), local, 1, std::max<Index>(1, local.rows)};
        if (grid.rank() == culprit) part = {memory.data(), local, row_stride, col_stride};
        expect_same_error<LayoutError>(
            grid, [&] { from_local<double>(grid, d, part); },
            {"from_local: local part must be column-major", "at least " + std::to_string(rows),
             "got strides " + std::to_string(row_stride) + ", " + std::to_string(col_stride)});
      }
    }
  });
}

TEST(FromLocal, StridesOfEmptyAndOneRowPartsDoNotTell) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    std::vector<double> memory(11);
    const Distribution row(grid.map(), {1, 11}, STAR_STAR);
    for (Index j = 0; j < 11; ++j) memory[static_cast<std::size_t>(j)] = static_cast<double>(j);
    const auto a = from_local<double>(grid, row, {memory.data(), {1, 11}, 11, 1});
    EXPECT_EQ(a.order(), StorageOrder::column_major);
    expect_oracle(a);
    const Distribution one(grid.map(), {3, 11}, CIRC_CIRC);  // all of it on rank 0
    const bool root = grid.rank() == 0;
    std::vector<double> all(33, 1.0);
    const LocalPart<double> part{all.data(), root ? Shape{3, 11} : Shape{0, 0}, root ? 1 : 0, 3};
    expect_entries(from_local<double>(grid, one, part), [](Index, Index) { return 1.0; });
  });
}

}  // namespace
}  // namespace matrass
