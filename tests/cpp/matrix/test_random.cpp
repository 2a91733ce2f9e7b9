// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Random matrices: each element is a function of the seed and its place, in every layout.
/// Next: tests/cpp/core/test_counter_random.cpp
#include <gtest/gtest.h>

#include <complex>
#include <matrass/matrix/random.hpp>

#include "support/matrices.hpp"
#include "support/same_error.hpp"

namespace matrass {
namespace {

using namespace test;

/// Element (i, j), drawn alone.
template <class T>
T element(RandomUse use, std::uint64_t seed, RandomRange range, Index i, Index j) {
  T x{};
  detail::fill_run(ElementBits(seed, use), use, range, i, 1, j, &x, 1);
  return x;
}

template <class T>
void expect_elements(const DistMatrix<T>& a, RandomUse use, std::uint64_t seed, RandomRange range) {
  const auto rows = a.local_rows();
  const auto cols = a.local_cols();
  for (Index j = 0; j < a.local_shape().cols; ++j) {
    for (Index i = 0; i < a.local_shape().rows; ++i) {
      EXPECT_EQ(a.part()(i, j), element<T>(use, seed, range, rows[static_cast<std::size_t>(i)],
                                           cols[static_cast<std::size_t>(j)]));
    }
  }
}

TEST(Random, EveryLayoutScalarGridAndShape) {
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const Layout layout : all_layouts) {
      for (const Shape shape :
           {Shape{7, 7}, Shape{1, 1}, Shape{0, 5}, Shape{5, 0}, Shape{600, 2}}) {
        const ProcessGrid grid = any_grid(comm, sample);
        const LayoutOptions options = any_options(grid.map(), layout, any_block(sample), sample);
        for_each_scalar([&](auto scalar) {
          using T = decltype(scalar);
          const double scale = is_complex<T> ? 2 / std::numbers::sqrt2 : 2;
          expect_elements(random_normal<T>(grid, shape, layout, 5, -1, 2, options),
                          RandomUse::normal, 5, {-1, scale});
          expect_elements(random_uniform<T>(grid, shape, layout, 6, -1, 2, options),
                          RandomUse::uniform, 6, {-1, 3});
          if constexpr (!is_complex<T>) {
            expect_elements(random_signs<T>(grid, shape, layout, 7, options), RandomUse::sign, 7,
                            {});
          }
        });
      }
    }
  });
}

TEST(Random, SinglePrecisionIsRoundedDouble) {
  for (Index i = 0; i < 1000; ++i) {
    const auto x = element<double>(RandomUse::normal, 3, {}, i, 4);
    EXPECT_EQ(element<float>(RandomUse::normal, 3, {}, i, 4), static_cast<float>(x));
    using C = std::complex<double>;
    const auto z = element<C>(RandomUse::normal, 3, {}, i, 4);
    EXPECT_EQ(z.real(), x);
    EXPECT_NE(z.imag(), x);
  }
}

TEST(Random, WrongArgumentsAreEveryRanksError) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    expect_same_error<InvalidArgument>(
        grid, [&] { random_normal<double>(grid, {-1, 3}, MC_MR, 0); }, {"extents"});
    if (grid.comm().size() < 2) return;
    const auto seed = static_cast<std::uint64_t>(grid.rank());
    expect_same_error<InvalidArgument>(
        grid, [&] { random_normal<double>(grid, {3, 3}, MC_MR, seed); }, {"random", "same"});
  });
}

}  // namespace
}  // namespace matrass
