// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Leverage scores against the left singular vectors of the whole matrix.
/// Next: tests/python/linalg/test_tall.py
#include <matrass/algorithm/leverage_scores.hpp>

#include "support/matrices.hpp"
#include "support/same_error.hpp"
#include "whole.hpp"

namespace matrass::test {
namespace {

double falling(Index i) { return 1 / static_cast<double>(1 + i); }

/// Squares of the rows of the first `rank` left singular vectors.
template <class T>
std::vector<double> by_svd(const Small<T>& a, Index rank) {
  const auto svd = detail::gesdd(widened(a));
  std::vector<double> scores(static_cast<std::size_t>(a.rows));
  for (Index j = 0; j < rank; ++j) {
    for (Index i = 0; i < a.rows; ++i)
      scores[static_cast<std::size_t>(i)] += std::norm(svd.u(i, j));
  }
  return scores;
}

template <class T>
class LeverageOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(LeverageOf, Scalars);

TYPED_TEST(LeverageOf, ExactOnes) {
  using T = TypeParam;
  const auto full = with_spectrum<T>(200, 7, falling);
  Small<T> copies(90, 6);  // columns 4 and 5 are those before them
  for (Index j = 0; j < 6; ++j) {
    for (Index i = 0; i < 90; ++i) copies(i, j) = full.a(i, j < 4 ? j : j - 4);
  }
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto expect = [&](const Small<T>& a, Index given, Index rank, Layout layout) {
      const auto spread_out = spread(grid, a, layout);
      const auto found = leverage_scores(spread_out, {.rank = given});
      EXPECT_EQ(found.layout(), VC_STAR);
      ASSERT_EQ(found.shape(), (Shape{a.rows, 1}));
      const auto scores = whole(found);
      const auto expected = by_svd(a, rank);
      for (Index i = 0; i < a.rows; ++i) {
        EXPECT_NEAR(std::real(scores(i, 0)), expected[static_cast<std::size_t>(i)], 200 * eps<T>);
      }
    };
    expect(full.a, 0, 7, VC_STAR);
    expect(full.a, 3, 3, MC_MR);
    expect(copies, 0, 4, VC_STAR);
    expect(copies, 2, 2, STAR_STAR);
  });
}

TYPED_TEST(LeverageOf, SketchedOnes) {
  using T = TypeParam;
  const auto known = with_spectrum<T>(1500, 5, falling);
  Small<T> spiked = known.a;
  spiked(77, 2) = T{50};  // a row that alone spans a direction
  const auto expected = by_svd(spiked, 5);
  std::vector<double> first;
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const LeverageOptions options{.method = LeverageMethod::sketch, .seed = 5};
    const auto scores = whole(leverage_scores(spread(grid, spiked), options));
    for (Index i = 0; i < spiked.rows; ++i) {
      const double exact = expected[static_cast<std::size_t>(i)];
      // S has 84 rows for 5 columns: singular values of S Q within 1 +- sqrt(5 / 84) or so.
      EXPECT_GE(std::real(scores(i, 0)), 0.4 * exact);
      EXPECT_LE(std::real(scores(i, 0)), 2.5 * exact);
      if (first.size() < static_cast<std::size_t>(spiked.rows) && grid.comm().size() == 1) {
        first.push_back(std::real(scores(i, 0)));
      } else if (!first.empty()) {
        const double before = first[static_cast<std::size_t>(i)];
        EXPECT_NEAR(std::real(scores(i, 0)), before, 1e4 * eps<T> * (before + 1e-6));
      }
    }
    EXPECT_GT(std::real(scores(77, 0)), 0.4);
  });
}

TEST(Leverage, ProjectedOntoRandomDirections) {
  const Index n = 120;
  const Small<double> a = random_small<double>(3000, n, 9);
  const auto expected = by_svd(a, n);
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const LeverageOptions options{.method = LeverageMethod::sketch, .seed = 1};
    const auto scores = whole(leverage_scores(spread(grid, a), options));
    double error = 0;
    for (Index i = 0; i < a.rows; ++i) {
      const double quotient = scores(i, 0) / expected[static_cast<std::size_t>(i)];
      EXPECT_GT(quotient, 0.4);
      EXPECT_LT(quotient, 3);
      error += std::abs(quotient - 1);
    }
    EXPECT_LT(error / static_cast<double>(a.rows), 0.5);
  });
}

TEST(Leverage, WrongInputIsEverybodysError) {
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const DistMatrix<double> wide(grid, {3, 4}, VC_STAR);
    expect_same_error<ShapeError>(grid, [&] { leverage_scores(wide); }, {"(3, 4)"});
    const DistMatrix<double> zero(grid, {30, 4}, VC_STAR);
    const LeverageOptions sketch{.method = LeverageMethod::sketch};
    expect_same_error<InvalidArgument>(grid, [&] { leverage_scores(zero, {.rank = 5}); },
                                       {"rank", "got 5"});
    expect_same_error<SingularError>(grid, [&] { leverage_scores(zero, sketch); }, {"independent"});
    EXPECT_EQ(norm_of(whole(leverage_scores(zero))), 0);
    const auto bad = from_function<double>(grid, {30, 4}, VC_STAR, [](Index i, Index j) {
      return i == 20 && j == 1 ? std::numeric_limits<double>::infinity() : 1.0;
    });
    expect_same_error<InvalidArgument>(grid, [&] { leverage_scores(bad); }, {"(20, 1)"});
    expect_same_error<InvalidArgument>(grid, [&] { leverage_scores(bad, sketch); }, {"(20, 1)"});
  });
}

}  // namespace
}  // namespace matrass::test
