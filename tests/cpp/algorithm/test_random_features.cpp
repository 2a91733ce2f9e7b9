// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Random Fourier features: cosines, the formula, the same bits on any grid, the kernel.
/// Next: examples/python/kernel_ridge.py
#include <matrass/algorithm/random_features.hpp>

#include "known_svd.hpp"
#include "support/mpi_test.hpp"
#include "support/same_error.hpp"

namespace matrass::test {
namespace {

template <class T>
Small<T> points(Index m, Index d) {
  Small<T> x(m, d);
  for (Index j = 0; j < d; ++j) {
    for (Index i = 0; i < m; ++i) x(i, j) = static_cast<T>(detail::counter_normal(3, i, j));
  }
  return x;
}

TEST(Cosines, AreThoseOfTheLibrary) {
  std::vector<detail::Cosines> kernels{detail::portable::cosines, detail::best_cosines()};
  std::array<double, detail::packed_rows> x{};
  std::array<double, detail::packed_rows> y{};
  for (const auto kernel : kernels) {
    for (int step = 0; step < 4000; ++step) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        const Index at = step * 64 + static_cast<Index>(i);
        // Up to 2^19 in both directions, all sizes, and next to multiples of pi / 2.
        const double size = std::ldexp(1.0, static_cast<int>(at % 40) - 20);
        x[i] = at % 3 == 0 ? static_cast<double>(at) * (std::numbers::pi / 2)
                           : size * std::sin(static_cast<double>(at));
      }
      kernel(x.data(), detail::packed_rows, 0.5, y.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_NEAR(y[i], 0.5 * std::cos(x[i]), 2.3e-16) << x[i];
      }
    }
  }
  std::array<float, detail::packed_rows> large{};
  large.fill(3e7F);
  detail::panel_cosines(large.data(), 1.0, y);
  EXPECT_EQ(y[5], std::cos(static_cast<double>(3e7F)));
}

template <class T>
class RandomFeaturesOf : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(RandomFeaturesOf, Scalars);

TYPED_TEST(RandomFeaturesOf, IsTheFormulaOnAnyRankCountAndLayout) {
  using T = TypeParam;
  for (const Shape shape : {Shape{150, 5}, Shape{3, 70}, Shape{64, 1}, Shape{9, 0}}) {
    const Small<T> x = points<T>(shape.rows, shape.cols);
    for (const Index n : {0, 1, 67, 130}) {
      std::vector<Wide<T>> first;
      for_each_rank_count([&](MPI_Comm comm) {
        const ProcessGrid grid(comm);
        for (const Layout layout : {VC_STAR, MC_MR}) {
          const auto z = random_features(spread(grid, x, layout), n, 0.3, {.seed = 8});
          ASSERT_EQ(z.layout(), VC_STAR);
          const Small<Wide<T>> all = gathered(z);
          if (first.empty()) first = all.data;
          ASSERT_EQ(all.data, first);
        }
      });
      for (Index f = 0; f < n; ++f) {
        for (Index i = 0; i < shape.rows; ++i) {
          double angle = 2 * std::numbers::pi * detail::counter_uniform(8, f, 1);
          double size = std::abs(angle);
          for (Index j = 0; j < shape.cols; ++j) {
            const double term =
                static_cast<double>(x(i, j)) * std::sqrt(0.6) * detail::counter_normal(8, j, f);
            angle += term;
            size += std::abs(term);
          }
          const double expected = std::sqrt(2.0 / static_cast<double>(n)) * std::cos(angle);
          ASSERT_NEAR(first[static_cast<std::size_t>(f * shape.rows + i)], expected,
                      2 * eps<T> * static_cast<double>(shape.cols + 2) * size);
        }
      }
    }
  }
}

TYPED_TEST(RandomFeaturesOf, BlocksAreThoseOfTheWhole) {
  using T = TypeParam;
  const Small<T> x = points<T>(40, 3);
  run_on(3, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = spread(grid, x);
    const Small<Wide<T>> whole = gathered(random_features(a, 150, 1.0));
    Small<Wide<T>> joined = gathered(random_features(a, 33, 1.0, {.first = 0, .total = 150}));
    joined.append(gathered(random_features(a, 100, 1.0, {.first = 33, .total = 150})));
    joined.append(gathered(random_features(a, 17, 1.0, {.first = 133})));
    EXPECT_EQ(joined.data, whole.data);
  });
}

TEST(RandomFeaturesKernel, ErrorFallsWithTheRootOfTheirNumber) {
  // Each entry of Z Z^T is a mean of n terms of variance at most 1 around the kernel's value.
  const auto x = points<double>(60, 4);
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    std::vector<double> errors;
    for (const Index n : {100, 1600, 25600}) {
      const auto z = gathered(random_features(spread(grid, x), n, 0.2, {.seed = 1}));
      const auto gram = multiply('N', z, 'T', z);
      double square = 0;
      for (Index j = 0; j < 60; ++j) {
        for (Index i = 0; i < 60; ++i) {
          double distance = 0;
          for (Index p = 0; p < 4; ++p) distance += std::pow(x(i, p) - x(j, p), 2);
          square += std::pow(gram(i, j) - std::exp(-0.2 * distance), 2);
        }
      }
      errors.push_back(std::sqrt(square / 3600));
      EXPECT_LE(errors.back() * std::sqrt(static_cast<double>(n)), 1.2);
      EXPECT_GE(errors.back() * std::sqrt(static_cast<double>(n)), 0.4);
    }
    EXPECT_LT(errors[2], errors[1] / 2);
    EXPECT_LT(errors[1], errors[0] / 2);
  });
}

TEST(RandomFeaturesEdge, RefusesWrongArguments) {
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const DistMatrix<double> a(grid, {5, 2}, MC_MR);
    const auto refuse = [&](Index n, double gamma, RandomFeaturesOptions o,
                            const std::string& word) {
      expect_same_error<InvalidArgument>(grid, [&] { random_features(a, n, gamma, o); },
                                         {"random_features", word});
    };
    refuse(-1, 1, {}, "n, first and total");
    refuse(3, 1, {.first = -1}, "n, first and total");
    refuse(3, 1, {.first = 2, .total = 4}, "at most total");
    refuse(3, 0, {}, "gamma");
    refuse(3, NAN, {}, "gamma");
    const auto bad = from_function<double>(
        grid, {5, 2}, MC_MR, [](Index i, Index j) { return i == 3 && j == 1 ? INFINITY : 1.0; });
    expect_same_error<InvalidArgument>(grid, [&] { random_features(bad, 3, 1); },
                                       {"A must be finite", "(3, 1)"});
  });
}

}  // namespace
}  // namespace matrass::test
