// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Products of matrices in any layout, of views and of transposed views, with small
/// integers as entries: every product is exact. Next: tests/cpp/scalapack/test_product_ways.cpp
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <limits>
#include <matrass/scalapack/matmul.hpp>

#include "support/products.hpp"
#include "support/same_error.hpp"

namespace matrass {
namespace {

using namespace test;

template <Scalar T>
void check_product(const ProcessGrid& grid, Sample& sample) {
  const Index m = sample.choose(30);
  const Index n = sample.choose(30);
  const Index k = sample.choose(30);
  const Op op_a = ops[static_cast<std::size_t>(sample.choose(3))];
  const Op op_b = ops[static_cast<std::size_t>(sample.choose(3))];
  const auto a = operand<T>(grid, {m, k}, op_a, 1, any_of_all(sample), sample);
  const auto b = operand<T>(grid, {k, n}, op_b, 2, any_of_all(sample), sample);
  SCOPED_TRACE(std::string(1, static_cast<char>(op_a)) + " " + to_string(a.distribution()) +
               "  *  " + static_cast<char>(op_b) + " " + to_string(b.distribution()));
  const DistMatrix<T> c = matmul(a, b, MatmulOptions<T>{.op_a = op_a, .op_b = op_b});
  ASSERT_EQ(c.shape(), (Shape{m, n}));
  expect_values(c, [&](Index i, Index j) { return product_entry<T>(op_a, op_b, i, j, k); });
}

TEST(Matmul, AnyLayoutsAndOperations) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const ProcessGrid& grid : product_grids(comm)) {
      for (int k = 0; k < (campaign() ? 500 : 20); ++k) {
        check_product<float>(grid, sample);
        check_product<double>(grid, sample);
        check_product<std::complex<float>>(grid, sample);
        check_product<std::complex<double>>(grid, sample);
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

/// Views that begin and end inside blocks, as both operands and as the result, with alpha and beta.
template <Scalar T>
void check_views(const ProcessGrid& grid, Sample& sample) {
  const Layout layouts[] = {MC_MR, VC_STAR, MR_MC, STAR_VR};
  const auto any = [&] { return layouts[sample.choose(4)]; };
  const auto a = operand<T>(grid, {20, 25}, Op::none, 1, any(), sample);
  const auto b = operand<T>(grid, {24, 22}, Op::none, 2, any(), sample);
  const auto c = operand<T>(grid, {21, 23}, Op::none, 3, any(), sample);
  const Index i0 = sample.choose(8);
  const Index j0 = sample.choose(8);
  const Index e0 = sample.choose(8);
  SCOPED_TRACE(to_string(a.distribution()) + " * " + to_string(b.distribution()) + " -> " +
               to_string(c.distribution()) + " from " + std::to_string(i0) + "," +
               std::to_string(e0) + "," + std::to_string(j0));
  const T alpha{2};
  const T beta{-3};
  matmul_into(a.slice(i0, i0 + 9, e0, e0 + 11), b.slice(e0 + 1, e0 + 12, j0, j0 + 7),
              c.slice(3, 12, 5, 12), MatmulOptions<T>{.alpha = alpha, .beta = beta});
  expect_values(c, [&](Index i, Index j) {
    const T before = entry<T>(i, j, 3);
    if (i < 3 || i >= 12 || j < 5 || j >= 12) return before;
    T sum{};
    for (Index e = 0; e < 11; ++e) {
      sum += entry<T>(i - 3 + i0, e + e0, 1) * entry<T>(e + e0 + 1, j - 5 + j0, 2);
    }
    return alpha * sum + beta * before;
  });
}

TEST(Matmul, ViewsOfAllThree) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const ProcessGrid& grid : product_grids(comm)) {
      for (int k = 0; k < (campaign() ? 500 : 15); ++k) {
        check_views<double>(grid, sample);
        check_views<std::complex<float>>(grid, sample);
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

TEST(Matmul, TransposedViewsWithEveryOperation) {
  for_each_rank_count([](MPI_Comm comm) {
    using T = std::complex<double>;
    Sample sample(1);
    const ProcessGrid grid(comm);
    for (const Op op_a : ops) {
      for (const Op op_b : ops) {
        for (const Layout layout : {MC_MR, MR_MC, STAR_VC, STAR_STAR}) {
          // Stored transposed: the view is what operand() would have made.
          const auto a = operand<T>(grid, {9, 14}, op_a, 1, layout, sample);
          const auto b = operand<T>(grid, {14, 8}, op_b, 2, layout, sample);
          const auto at = redistribute(a.transposed(), MC_MR, {.block = Block{2, 3}});
          const auto bt = redistribute(b.transposed(), MC_MR, {.block = Block{3, 2}});
          const auto c = matmul(at.transposed(), bt.transposed(),
                                MatmulOptions<T>{.op_a = op_a, .op_b = op_b});
          expect_values(c,
                        [&](Index i, Index j) { return product_entry<T>(op_a, op_b, i, j, 14); });
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  });
}

/// The result lies where the operands do: as if these had been copied first.
TEST(Matmul, TheResultMayShareElementsWithTheOperands) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Layout layout : {MC_MR, VC_STAR, STAR_STAR}) {
      const auto make = [&] {
        return from_function<double>(grid, {9, 9}, layout,
                                     [](Index i, Index j) { return entry<double>(i, j, 1); },
                                     {.block = Block{2, 3}});
      };
      const auto a = make();
      SCOPED_TRACE(to_string(a.distribution()));
      matmul_into(a, a.transposed(), a, MatmulOptions<double>{.alpha = 2, .beta = -1});
      expect_values(a, [](Index i, Index j) {
        double sum = 0;
        for (Index e = 0; e < 9; ++e) sum += entry<double>(i, e, 1) * entry<double>(j, e, 1);
        return 2 * sum - entry<double>(i, j, 1);
      });
      const auto b = make();  // parts that overlap, each from another row and column on
      matmul_into(b.slice(0, 5, 1, 7), b.slice(3, 9, 2, 6), b.slice(2, 7, 3, 7));
      expect_values(b, [](Index i, Index j) {
        if (i < 2 || i >= 7 || j < 3 || j >= 7) return entry<double>(i, j, 1);
        double sum = 0;
        for (Index e = 0; e < 6; ++e) {
          sum += entry<double>(i - 2, e + 1, 1) * entry<double>(e + 3, j - 3 + 2, 1);
        }
        return sum;
      });
    }
  });
}

TEST(Matmul, ManyPanels) {
  set_time_limit(std::chrono::seconds(240));
  using T = std::complex<double>;
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(4);
    for (const ProcessGrid& grid : product_grids(comm)) {
      for (const Op op_a : ops) {
        for (const Op op_b : ops) {
          const auto a = operand<T>(grid, {9, 150}, op_a, 1, any_of_all(sample), sample);
          const auto b = operand<T>(grid, {150, 11}, op_b, 2, any_of_all(sample), sample);
          const auto c = operand<T>(grid, {9, 11}, Op::none, 3, MC_MR, sample);
          detail::summa(detail::factor_of(a, op_a), detail::factor_of(b, op_b), c, T{2}, T{-3}, 1);
          expect_values(c, [&](Index i, Index j) {
            return T{2} * product_entry<T>(op_a, op_b, i, j, 150) - T{3} * entry<T>(i, j, 3);
          });
        }
      }
    }
  });
}

TEST(Matmul, BetaOfZeroForgetsWhatWasThere) {
  const ProcessGrid grid(world());
  for (const Layout layout : {MC_MR, VC_STAR}) {
    const DistMatrix<double> a(grid, {5, 5}, layout);
    const auto c = from_function<double>(grid, {5, 5}, layout, [](Index, Index) {
      return std::numeric_limits<double>::quiet_NaN();
    });
    matmul_into(a, a, c);
    expect_values(c, [](Index, Index) { return 0.0; });
  }
}

TEST(Matmul, EmptyExtents) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape extents : {Shape{0, 4}, Shape{4, 0}, Shape{0, 0}}) {
      const DistMatrix<double> a(grid, {extents.rows, 3}, MC_MR);
      const DistMatrix<double> b(grid, {3, extents.cols}, MC_MR);
      EXPECT_EQ(matmul(a, b).shape(), extents);
    }
    const DistMatrix<double> left(grid, {4, 0}, MC_MR);
    const DistMatrix<double> right(grid, {0, 5}, VC_STAR);
    expect_values(matmul(left, right), [](Index, Index) { return 0.0; });
  });
}

TEST(Matmul, WhatDoesNotFitIsEverybodysError) {
  const ProcessGrid grid(world());
  const ProcessGrid other(world(), {world_size(), 1});
  const DistMatrix<double> a(grid, {4, 5}, MC_MR);
  const DistMatrix<double> b(grid, {4, 5}, MC_MR);
  expect_same_error<ShapeError>(grid, [&] { matmul(a, b); }, {"matmul", "(4, 5)"});
  const DistMatrix<double> c(grid, {4, 5}, VC_STAR);
  expect_same_error<ShapeError>(
      grid, [&] { matmul_into(a, b, c, MatmulOptions<double>{.op_b = Op::transpose}); },
      {"matmul: out", "(4, 4)"});
  if (world_size() >= 4) {
    const DistMatrix<double> elsewhere(other, {5, 4}, MC_MR);
    expect_same_error<InvalidArgument>(grid, [&] { matmul(a, elsewhere); }, {"matmul", "grid"});
  }
  expect_oracle(redistribute(oracle_matrix<double>(grid, {9, 9}, MC_MR), VC_STAR));
}

}  // namespace
}  // namespace matrass
