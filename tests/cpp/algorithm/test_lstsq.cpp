// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Least squares and minimum norm against the pseudo-inverse of a matrix with known singular
/// values, by every method, on 1 to 6 ranks. Next: tests/cpp/algorithm/test_ridge.cpp
#include <matrass/algorithm/lstsq.hpp>

#include "support/matrices.hpp"
#include "support/same_error.hpp"
#include "whole.hpp"

namespace matrass::test {
namespace {

double falling(Index i) { return 1 / static_cast<double>(1 + i); }

/// A^+ b from the SVD of the whole matrix, with its smaller singular values cut off.
template <class N>
Small<N> by_svd(const Small<N>& a, const Small<N>& b, Index rank) {
  const auto svd = detail::gesdd(a);
  Small<N> c = multiply('C', svd.u.columns(0, rank), 'N', b);
  for (Index j = 0; j < c.cols; ++j) {
    for (Index i = 0; i < rank; ++i) c(i, j) /= svd.s[static_cast<std::size_t>(i)];
  }
  Small<N> v = adjoint(svd.vh).columns(0, rank);
  return multiply('N', v, 'N', c);
}

/// Everything that a result says. `condition` is that of A without what is cut off.
template <class T>
void expect_lstsq(const Known<T>& known, const Small<T>& b, const Lstsq<T>& found, Index rank,
                  double condition) {
  using N = Wide<T>;
  const Index m = known.a.rows;
  const Index n = known.a.cols;
  ASSERT_EQ(found.x.layout(), STAR_STAR);
  ASSERT_EQ(found.x.shape(), (Shape{n, b.cols}));
  EXPECT_EQ(found.rank, rank);
  ASSERT_EQ(found.s.size(), known.s.size());
  const double eps_s = std::max(eps<T>, 100 * eps<double>);
  for (std::size_t i = 0; i < known.s.size(); ++i) {
    EXPECT_NEAR(found.s[i], known.s[i],
                10 * static_cast<double>(known.s.size()) * eps_s * known.s[0]);
  }
  const Small<N> expected = by_svd(widened(known.a), widened(b), rank);
  Small<N> x = whole(found.x);
  Small<N> r = widened(b);
  detail::subtract_product(r, widened(known.a), x);
  Small<N> error = x;
  for (std::size_t i = 0; i < error.data.size(); ++i) error.data[i] -= expected.data[i];
  // Wedin: cond eps ||x|| + cond^2 eps ||r|| / ||A||, computed in double; and x rounded to T.
  const double p = static_cast<double>(std::max<Index>(1, std::min(m, n)));
  const double top = known.s.empty() ? 1 : known.s[0];
  const double sensitivity = condition * norm_of(expected) +
                             condition * condition * norm_of(r) / top +
                             condition * norm_of(b) / top;
  EXPECT_LE(norm_of(error), 30 * p * eps<double> * sensitivity + 4 * eps<T> * norm_of(expected));
  const bool told = rank == n && m > n;
  ASSERT_EQ(found.residuals.size(), told ? static_cast<std::size_t>(b.cols) : 0U);
  for (Index j = 0; told && j < b.cols; ++j) {
    const double square = std::pow(norm_of(r.columns(j, j + 1)), 2);
    const double size = std::pow(norm_of(widened(b).columns(j, j + 1)), 2);
    // What is measured here has the rounding of A x, which may be much larger than b.
    const double product = top * norm_of(x.columns(j, j + 1));
    EXPECT_NEAR(found.residuals[static_cast<std::size_t>(j)], square,
                100 * p * eps<T> * (square + std::sqrt(square) * product + eps<T> * size));
  }
}

constexpr std::array methods{LstsqMethod::automatic, LstsqMethod::cholesky_qr2, LstsqMethod::tsqr};

template <class T>
class LstsqOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(LstsqOf, Scalars);

TYPED_TEST(LstsqOf, TallAndWideByEveryMethod) {
  using T = TypeParam;
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{700, 7}, Shape{7, 700}, Shape{11, 11}, Shape{13, 12}}) {
      SCOPED_TRACE(std::to_string(shape.rows) + "x" + std::to_string(shape.cols));
      const auto known = with_spectrum<T>(shape.rows, shape.cols, falling);
      const auto b = random_small<T>(shape.rows, 3, 4);
      const auto condition = static_cast<double>(std::min(shape.rows, shape.cols));
      for (const LstsqMethod method : methods) {
        const auto found = lstsq(spread(grid, known.a), spread(grid, b), {.method = method});
        expect_lstsq(known, b, found, std::min(shape.rows, shape.cols), condition);
        EXPECT_EQ(found.method, method == LstsqMethod::automatic ? LstsqMethod::cholesky : method);
      }
    }
  });
}

TYPED_TEST(LstsqOf, AnyShapeLayoutGridAndView) {
  using T = TypeParam;
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([&](MPI_Comm comm) {
    Sample sample(2);
    const auto any_layout_options = [&](const ProcessGrid& grid, Layout layout) {
      return any_options(grid.map(), layout, any_block(sample), sample);
    };
    for (int k = 0; k < (campaign() ? 300 : 12); ++k) {
      const ProcessGrid grid = any_grid(comm, sample);
      const Index m = sample.choose(30);
      const Index n = sample.choose(12);
      const Index width = sample.choose(25);
      const auto known = with_spectrum<T>(m, n, falling);
      const auto b = random_small<T>(m, width, 5);
      const Layout la = all_layouts[static_cast<std::size_t>(sample.choose(14))];
      const Layout lb = all_layouts[static_cast<std::size_t>(sample.choose(14))];
      SCOPED_TRACE(to_string(la) + to_string(lb) + " " + std::to_string(m) + "x" +
                   std::to_string(n) + " " + std::to_string(width));
      const auto larger = from_function<T>(
          grid, {m + 3, n + 2}, la,
          [&](Index i, Index j) {
            const bool inside = i >= 2 && i < m + 2 && j >= 1 && j < n + 1;
            return inside ? known.a(i - 2, j - 1) : T{999};
          },
          any_layout_options(grid, la));
      const auto right = from_function<T>(
          grid, {width, m}, transposed(lb), [&](Index j, Index i) { return b(i, j); },
          any_layout_options(grid, transposed(lb)));
      const auto method = methods[static_cast<std::size_t>(sample.choose(3))];
      const auto found =
          lstsq(larger.slice(2, m + 2, 1, n + 1), right.transposed(), {.method = method});
      const Index rank = std::min(m, n);
      expect_lstsq(known, b, found, rank, static_cast<double>(std::max<Index>(1, rank)));
      if (testing::Test::HasFailure()) return;
    }
  });
}

TEST(Lstsq, TheMethodFollowsTheCondition) {
  const Index n = 10;
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const bool wide : {false, true}) {
      for (const auto& [condition, expected] :
           {std::pair(10.0, LstsqMethod::cholesky), std::pair(1e3, LstsqMethod::cholesky_qr2),
            std::pair(1e6, LstsqMethod::cholesky_qr2), std::pair(1e10, LstsqMethod::tsqr)}) {
        SCOPED_TRACE(std::to_string(condition) + (wide ? " wide" : " tall"));
        const double c = condition;
        const auto known = with_spectrum<double>(wide ? n : 300, wide ? 300 : n, [=](Index i) {
          return std::pow(c, -static_cast<double>(i) / 9);
        });
        const auto b = random_small<double>(known.a.rows, 2, 4);
        const auto found = lstsq(spread(grid, known.a), spread(grid, b));
        expect_lstsq(known, b, found, n, condition);
        EXPECT_EQ(found.method, expected);
      }
    }
  });
}

TYPED_TEST(LstsqOf, WithoutFullRankTheSolutionOfLeastNorm) {
  using T = TypeParam;
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{90, 8}, Shape{8, 90}}) {
      const auto known = with_spectrum<T>(shape.rows, shape.cols,
                                          [](Index i) { return i < 5 ? falling(i) : 0.0; });
      const auto b = random_small<T>(shape.rows, 2, 6);
      // Rounded to T, the matrix has full rank to double precision: say what is noise.
      const double rcond = 100 * eps<T>;
      const auto found = lstsq(spread(grid, known.a), spread(grid, b), {.rcond = rcond});
      // What is cut off is eps large: it turns the space by eps / gap, and moves x as much.
      const auto x = whole(found.x);
      const auto expected = by_svd(widened(known.a), widened(b), 5);
      Small<Wide<T>> error = x;
      for (std::size_t i = 0; i < x.data.size(); ++i) error.data[i] -= expected.data[i];
      EXPECT_LE(norm_of(error), 1000 * eps<T> * norm_of(expected));
      EXPECT_EQ(found.rank, 5);
      EXPECT_TRUE(found.residuals.empty());
    }
    const Small<T> zero(30, 4);
    const auto found = lstsq(spread(grid, zero), spread(grid, random_small<T>(30, 2, 1)));
    EXPECT_EQ(found.rank, 0);
    EXPECT_EQ(norm_of(whole(found.x)), 0);
  });
}

TEST(Lstsq, ALargeRcondCutsWellConditionedMatrices) {
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{80, 6}, Shape{6, 80}}) {
      const auto known = with_spectrum<double>(shape.rows, shape.cols, falling);
      const auto b = random_small<double>(shape.rows, 2, 6);
      for (const LstsqMethod method : methods) {
        const auto found =
            lstsq(spread(grid, known.a), spread(grid, b), {.rcond = 0.3, .method = method});
        expect_lstsq(known, b, found, 3, 6);
      }
    }
  });
}

TEST(Lstsq, TheEndsOfTheRangeOfNumbers) {
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{80, 6}, Shape{6, 80}}) {
      const auto known = with_spectrum<double>(shape.rows, shape.cols, falling);
      const auto b = random_small<double>(shape.rows, 2, 6);
      const auto expected = by_svd(known.a, b, 6);
      for (const double scale : {1e-200, 1e200}) {
        auto a = known.a;
        for (double& x : a.data) x *= scale;
        auto x = whole(lstsq(spread(grid, a), spread(grid, b)).x);
        for (double& value : x.data) value *= scale;
        for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] -= expected.data[i];
        EXPECT_LE(norm_of(x), 1e-13 * norm_of(expected)) << scale;
      }
    }
  });
}

TEST(Lstsq, WrongInputIsEverybodysError) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const DistMatrix<double> a(grid, {9, 4}, VC_STAR);
    const DistMatrix<double> b(grid, {8, 1}, VC_STAR);
    expect_same_error<ShapeError>(grid, [&] { lstsq(a, b); }, {"lstsq", "(9, 4)", "(8, 1)"});
    if (grid.comm().size() > 1) {
      const ProcessGrid other(comm, {1, 1});
      const DistMatrix<double> elsewhere(other, {9, 1}, VC_STAR);
      expect_same_error<InvalidArgument>(grid, [&] { lstsq(a, elsewhere); }, {"lstsq", "grid"});
    }
    for (const bool wide : {false, true}) {
      for (const LstsqMethod method : methods) {
        const Shape shape = wide ? Shape{5, 30} : Shape{30, 5};
        const auto entry = [](Index i, Index j) {
          return std::cos(static_cast<double>(i * j + i));
        };
        const auto good = from_function<double>(grid, shape, VC_STAR, entry);
        const auto bad = from_function<double>(grid, shape, MC_MR, [&](Index i, Index j) {
          return i == 4 && j == 3 ? nan : entry(i, j);
        });
        const auto right = from_function<double>(grid, {shape.rows, 2}, VC_STAR, entry);
        const auto bad_right = from_function<double>(
            grid, {shape.rows, 2}, VC_STAR,
            [&](Index i, Index j) { return i == 3 && j == 1 ? nan : entry(i, j); });
        const LstsqOptions options{.method = method};
        expect_same_error<InvalidArgument>(grid, [&] { lstsq(bad, right, options); },
                                           {"lstsq: A must be finite", "(4, 3)"});
        expect_same_error<InvalidArgument>(grid, [&] { lstsq(good, bad_right, options); },
                                           {"lstsq: B must be finite", "(3, 1)"});
      }
    }
  });
}

}  // namespace
}  // namespace matrass::test
