// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Norms in every layout: of small integers, where they are exact, at the ends of the range of
/// numbers, and of NaN. Next: tests/cpp/scalapack/test_matmul.cpp
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <limits>
#include <matrass/algorithm/norm.hpp>

#include "support/matrices.hpp"

namespace matrass {
namespace {

using namespace test;

/// 3 and 4 in turn along the rows, with alternating signs; complex: 3 - 4i, of modulus 5.
template <Scalar T>
T entry(Index i, Index j) {
  if constexpr (is_complex<T>) {
    return (i + j) % 2 == 0 ? T{3, -4} : T{-4, 3};
  } else {
    return static_cast<T>(j % 2 == 0 ? 3 : -4);
  }
}

template <Scalar T>
void check(const ProcessGrid& grid, Layout layout, const LayoutOptions& options) {
  const auto a = from_function<T>(
      grid, {6, 10}, layout, [](Index i, Index j) { return entry<T>(i, j); }, options);
  SCOPED_TRACE(to_string(a.distribution()));
  const bool five = is_complex<T>;  // every modulus is 5, else 3 and 4 in half of the columns each
  // sqrt of an exact sum of squares: one rounding.
  EXPECT_DOUBLE_EQ(norm(a), std::sqrt(five ? 60 * 25.0 : 30 * 9.0 + 30 * 16.0));
  EXPECT_EQ(norm(a, Norm::one), five ? 30 : 24);
  EXPECT_EQ(norm(a, Norm::minus_one), five ? 30 : 18);
  EXPECT_EQ(norm(a, Norm::infinity), five ? 50 : 35);
  EXPECT_EQ(norm(a, Norm::minus_infinity), five ? 50 : 35);
  EXPECT_EQ(norm(a, Norm::max), five ? 5 : 4);
}

TEST(Norm, IsExactInEveryLayoutAndScalar) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const Layout layout : all_layouts) {
      const ProcessGrid grid = any_grid(comm, sample);
      const LayoutOptions options = any_options(grid.map(), layout, any_block(sample), sample);
      for_each_scalar([&](auto scalar) { check<decltype(scalar)>(grid, layout, options); });
    }
  });
}

constexpr std::array kinds{Norm::frobenius,      Norm::one, Norm::minus_one, Norm::infinity,
                           Norm::minus_infinity, Norm::max};

TEST(Norm, OfViewsAndOfNothing) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = oracle_matrix<double>(grid, {20, 20}, MC_MR, {.block = Block{3, 3}});
    EXPECT_EQ(norm(a.slice(4, 6, 7, 9).transposed(), Norm::max), oracle<double>(5, 8, 20));
    for (const Norm kind : kinds) {
      EXPECT_EQ(norm(a.slice(3, 3, 0, 20), kind), 0.0);
      EXPECT_EQ(norm(DistMatrix<float>(grid, {0, 0}, VC_STAR), kind), 0.0);
      EXPECT_EQ(norm(DistMatrix<float>(grid, {5, 0}, STAR_STAR), kind), 0.0);
    }
  });
}

TEST(Norm, OfNaNIsNaN) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = from_function<double>(grid, {7, 5}, VC_STAR, [](Index i, Index j) {
      return i == 6 && j == 4 ? std::numeric_limits<double>::quiet_NaN() : 1.0;
    });
    for (const Norm kind : {Norm::frobenius, Norm::one, Norm::infinity, Norm::max}) {
      EXPECT_TRUE(std::isnan(norm(a, kind)));
    }
  });
}

/// "Neither overflows nor vanishes before the result does."
template <Scalar T>
void check_range(const ProcessGrid& grid, T entry, double modulus) {
  SCOPED_TRACE(modulus);
  const auto a = from_function<T>(grid, {2, 2}, MC_MR, [&](Index, Index) { return entry; });
  EXPECT_NEAR(norm(a) / modulus, 2.0, 1e-6);
  EXPECT_NEAR(norm(a, Norm::max) / modulus, 1.0, 1e-6);
  EXPECT_NEAR(norm(a, Norm::one) / modulus, 2.0, 1e-6);
}

TEST(Norm, AtTheEndsOfTheRange) {
  const ProcessGrid grid(world());
  check_range(grid, 5e307, 5e307);
  check_range(grid, 1e-300, 1e-300);
  check_range(grid, 3e38F, 3e38);
  check_range(grid, 1e-38F, 1e-38);
  check_range(grid, std::complex<double>(3e307, 4e307), 5e307);
  check_range(grid, std::complex<float>(2.4e38F, 3.2e38F), 4e38);  // no float is as large
  check_range(grid, std::complex<float>(3e-38F, 4e-38F), 5e-38);
}

TEST(Norm, OfInfinityIsInfinity) {
  const ProcessGrid grid(world());
  const auto a = from_function<float>(grid, {3, 3}, MC_MR, [](Index i, Index j) {
    return i == j ? -std::numeric_limits<float>::infinity() : 1.0F;
  });
  for (const Norm kind : kinds) EXPECT_TRUE(std::isinf(norm(a, kind)));
}

}  // namespace
}  // namespace matrass
