// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Another scalar type on the way: every pair of types and layouts, views, rounding, budgets.
/// Next: tests/cpp/redistribute/test_steps.cpp
#include <gtest/gtest.h>

#include <limits>
#include <matrass/redistribute/convert.hpp>

#include "support/matrices.hpp"

namespace matrass {
namespace {

using namespace test;

static_assert(Convertible<double, float> && Convertible<float, std::complex<double>>);
static_assert(!Convertible<std::complex<double>, double>);

template <Scalar To, Scalar From>
void check_pair(const ProcessGrid& grid, Layout from, Layout to, Shape shape) {
  const auto a = oracle_matrix<From>(grid, shape, from, {.block = Block{3, 2}});
  const Distribution wanted(grid.map(), shape, to, {.block = Block{2, 5}});
  const DistMatrix<To> b = redistribute_as<To>(a, grid, wanted);
  SCOPED_TRACE(to_string(a.distribution()) + "  ->  " + to_string(wanted));
  expect_entries(
      b, [&](Index i, Index j) { return detail::converted<To>(oracle<From>(i, j, shape.rows)); });
}

TEST(Convert, AllPairsOfScalarsAndLayouts) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(6);
    const ProcessGrid grid(comm);
    for (const Layout from : all_layouts) {
      for (const Layout to : all_layouts) {
        if (!sample.take()) continue;
        for_each_scalar([&](auto f) {
          for_each_scalar([&](auto t) {
            if constexpr (Convertible<decltype(f), decltype(t)>) {
              check_pair<decltype(t), decltype(f)>(grid, from, to, {31, 23});
            }
          });
        });
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

/// More than one panel, of columns and of rows; few long ones and many short ones.
TEST(Convert, InManyPanels) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{1500, 1100}, Shape{400'001, 3}, Shape{3, 400'001}}) {
      check_pair<float, double>(grid, VC_STAR, MC_MR, shape);
      check_pair<float, double>(grid, STAR_VC, MC_MR, shape);
      check_pair<double, float>(grid, MC_MR, STAR_VR, shape);
    }
  });
}

TEST(Convert, ViewsAndTransposes) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = oracle_matrix<double>(grid, {60, 50}, MC_MR, {.block = Block{4, 4}});
    const auto view = a.slice(7, 53, 3, 49).transposed();
    const auto b = redistribute_as<float>(
        view, grid, Distribution(grid.map(), view.shape(), VC_STAR, {.block = Block{1, 1}}));
    expect_entries(
        b, [](Index i, Index j) { return static_cast<float>(oracle<double>(j + 7, i + 3, 60)); });
    const DistMatrix<float> whole(grid, {60, 60}, VR_STAR);
    const auto target = whole.slice(5, 51, 6, 52);
    convert_into(view, target);
    expect_entries(target, [](Index i, Index j) {
      return static_cast<float>(oracle<double>(j + 7, i + 3, 60));
    });
    expect_entries(whole.slice(0, 5, 0, 60), [](Index, Index) { return 0.0F; });
    expect_entries(whole.slice(0, 60, 52, 60), [](Index, Index) { return 0.0F; });
    expect_oracle(a);
  });
}

TEST(Convert, RoundsToNearestAndOverflowsToInfinity) {
  run_on(world_size(), [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    constexpr double tiny = 1.0 / (1 << 24);
    const auto value = [](Index i, Index) {
      switch (i % 4) {
        case 0:
          return 1.0 + tiny;  // a tie: to even
        case 1:
          return 1.0 + 1.5 * tiny;
        case 2:
          return 1e300;
        default:
          return std::numeric_limits<double>::quiet_NaN();
      }
    };
    const auto a = from_function<double>(grid, {8, 3}, VC_STAR, value);
    const auto b = redistribute_as<float>(a, grid, Distribution(grid.map(), {8, 3}, STAR_STAR));
    EXPECT_EQ(b.part()(0, 0), 1.0F);
    EXPECT_EQ(b.part()(1, 1), 1.0F + std::numeric_limits<float>::epsilon());
    EXPECT_EQ(b.part()(2, 2), std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isnan(b.part()(3, 0)));
  });
}

TEST(Convert, WrongShapesAreEveryRanksError) {
  run_on(world_size(), [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const DistMatrix<double> a(grid, {8, 3}, VC_STAR);
    const DistMatrix<float> b(grid, {8, 4}, VC_STAR);
    EXPECT_THROW(convert_into(a, b), ShapeError);
    const Distribution wanted(grid.map(), {8, 3}, MC_MR);
    EXPECT_THROW(redistribute_as<float>(a, grid, wanted, {.max_memory = 100}), MemoryLimitError);
  });
}

}  // namespace
}  // namespace matrass
