// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// k-means: a plain Lloyd's iteration as the second opinion, the same bits on any grid, edges.
/// Next: tests/cpp/algorithm/test_random_features.cpp
#include <algorithm>
#include <matrass/algorithm/kmeans.hpp>
#include <numeric>

#include "known_svd.hpp"
#include "support/mpi_test.hpp"
#include "support/same_error.hpp"

namespace matrass::test {
namespace {

/// `groups` groups of points of spread 1, their centers `apart` apart.
template <class T>
Small<T> points(Index m, Index n, Index groups, double apart) {
  Small<T> x(m, n);
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      x(i, j) = static_cast<T>(apart * detail::counter_normal(1, i % groups, j) +
                               detail::counter_normal(2, i, j));
    }
  }
  return x;
}

template <class T>
std::vector<double> first_rows(const Small<T>& x, Index k) {
  std::vector<double> centers;
  for (Index c = 0; c < k; ++c) {
    for (Index j = 0; j < x.cols; ++j) centers.push_back(static_cast<double>(x(c, j)));
  }
  return centers;
}

/// Plain double loops, until labels stand still.
struct Plain {
  std::vector<Index> labels;
  std::vector<double> centers;
  double inertia = 0;
  Index iterations = 0;
};

template <class T>
Plain plain_lloyd(const Small<T>& x, std::vector<double> centers, Index k) {
  Plain found{std::vector<Index>(static_cast<std::size_t>(x.rows), -1), std::move(centers)};
  const auto at = [&](Index c, Index j) -> double& {
    return found.centers[static_cast<std::size_t>(c * x.cols + j)];
  };
  for (bool changed = true; changed;) {
    changed = false;
    ++found.iterations;
    found.inertia = 0;
    for (Index i = 0; i < x.rows; ++i) {
      double least = std::numeric_limits<double>::infinity();
      Index best = 0;
      for (Index c = 0; c < k; ++c) {
        double sum = 0;
        for (Index j = 0; j < x.cols; ++j) {
          const double d = static_cast<double>(x(i, j)) - at(c, j);
          sum += d * d;
        }
        if (sum < least) {
          least = sum;
          best = c;
        }
      }
      found.inertia += least;
      Index& label = found.labels[static_cast<std::size_t>(i)];
      changed = changed || label != best;
      label = best;
    }
    std::fill(found.centers.begin(), found.centers.end(), 0);
    std::vector<double> count(static_cast<std::size_t>(k));
    for (Index i = 0; i < x.rows; ++i) {
      const Index c = found.labels[static_cast<std::size_t>(i)];
      count[static_cast<std::size_t>(c)] += 1;
      for (Index j = 0; j < x.cols; ++j) at(c, j) += static_cast<double>(x(i, j));
    }
    for (Index c = 0; c < k; ++c) {
      for (Index j = 0; j < x.cols; ++j) at(c, j) /= count[static_cast<std::size_t>(c)];
    }
  }
  return found;
}

template <class T>
std::vector<Index> labels_of(const KMeans<T>& found) {
  const Small<double> all = gathered(found.labels);
  return {all.data.begin(), all.data.end()};
}

template <class T>
class KMeansOf : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(KMeansOf, Scalars);

TYPED_TEST(KMeansOf, TakesTheStepsOfAPlainIteration) {
  using T = TypeParam;
  for (const auto& [shape, k] : std::vector<std::pair<Shape, Index>>{
           {{601, 7}, 5}, {{130, 1}, 3}, {{65, 40}, 2}, {{90, 3}, 1}, {{13, 2}, 13}}) {
    const Small<T> x = points<T>(shape.rows, shape.cols, 6, 2);
    const Plain plain = plain_lloyd(x, first_rows(x, k), k);
    for_each_rank_count([&](MPI_Comm comm) {
      const ProcessGrid grid(comm);
      KMeansOptions options;
      options.centers = first_rows(x, k);
      options.tol = 0;
      const auto found = kmeans(spread(grid, x), k, options);
      EXPECT_EQ(labels_of(found), plain.labels);
      // Where each row is a center, centers do not move, and that ends it, too.
      EXPECT_EQ(found.iterations, k < x.rows ? plain.iterations : found.iterations);
      EXPECT_TRUE(found.converged);
      // Centers are kept in double precision, relative to a mean in T.
      EXPECT_NEAR(found.inertia, plain.inertia, (1e-12 + 10 * eps<T>)*plain.inertia + 1e-20);
      for (std::size_t i = 0; i < plain.centers.size(); ++i) {
        EXPECT_NEAR(found.centers[i], plain.centers[i], 100 * eps<T>);
      }
    });
  }
}

template <class T>
void expect_same_bits(const KMeans<T>& a, const KMeans<T>& b) {
  EXPECT_EQ(a.centers, b.centers);
  EXPECT_EQ(a.inertia, b.inertia);
  EXPECT_EQ(a.iterations, b.iterations);
}

TYPED_TEST(KMeansOf, GivesTheSameBitsOnAnyGridAndLayout) {
  using T = TypeParam;
  const Small<T> x = points<T>(401, 6, 9, 1);
  for (const KMeansInit init : {KMeansInit::plus_plus, KMeansInit::parallel}) {
    KMeansOptions options;
    options.init = init;
    options.seed = 5;
    options.n_init = 2;
    std::optional<KMeans<T>> first;
    std::vector<Index> labels;
    for_each_rank_count([&](MPI_Comm comm) {
      const ProcessGrid grid(comm);
      for (const Layout layout : {VC_STAR, MC_MR, STAR_VR, STAR_STAR}) {
        const LayoutOptions blocks{.block = matrass::Block{layout == MC_MR ? 5 : 30, 4}};
        const auto found = kmeans(spread(grid, x, layout, blocks), 9, options);
        const std::vector<Index> found_labels = labels_of(found);
        if (!first) {
          first = found;
          labels = found_labels;
        }
        expect_same_bits(found, *first);
        EXPECT_EQ(found_labels, labels);
      }
    });
  }
}

TEST(KMeansInitOf, FindsGroupsThatAreFarApart) {
  // 12 groups, 30 times as far apart as wide: k-means++ misses one with a probability of 1e-3.
  const auto x = points<double>(1200, 4, 12, 30);
  const Plain truth = plain_lloyd(x, first_rows(x, 12), 12);
  run_on(3, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const KMeansInit init : {KMeansInit::plus_plus, KMeansInit::parallel}) {
      KMeansOptions options;
      options.init = init;
      options.n_init = 3;
      const auto found = kmeans(spread(grid, x), 12, options);
      EXPECT_NEAR(found.inertia, truth.inertia, 1e-9 * truth.inertia);
    }
  });
}

TEST(KMeansInitOf, DrawsRowsAsOftenAsTheirWeightsSay) {
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const DistMatrix<double> a(grid, {4, 1}, VC_STAR);
    const detail::TallView<double> view{a, false};
    const detail::KMeansRows<double> rows(view.local(), a.local_rows(), 4, grid.comm());
    const std::vector<double> all{1, 0, 2, 5};
    std::vector<double> mine;
    for (const Index i : a.local_rows()) mine.push_back(all[static_cast<std::size_t>(i)]);
    constexpr Index draws = 4000;
    std::vector<double> counts(4);
    for (const Index row : detail::draw_rows(rows, mine, 3, 0, draws)) {
      counts[static_cast<std::size_t>(row)] += 1;
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const double p = all[i] / 8;
      EXPECT_NEAR(counts[i], p * draws, 4 * std::sqrt(draws * p * (1 - p)));
    }
    mine.assign(mine.size(), 0);
    EXPECT_EQ(detail::draw_rows(rows, mine, 3, 0, 1), std::vector<Index>{-1});
  });
}

TEST(KMeansEmpty, AClusterWithoutRowsGetsTheFarthestRow) {
  // Centers 0, 100, 200: nobody is nearest to the last two. The farthest rows, 9 and then -8, start
  // clusters of their own; in the next iteration each takes its neighbours.
  Small<double> rows(6, 1);
  rows.data = {0, 1, 9, -1, -8, 7};
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    KMeansOptions options;
    options.centers = std::vector<double>{0, 100, 200};
    const auto found = kmeans(spread(grid, rows), 3, options);
    EXPECT_EQ(labels_of(found), (std::vector<Index>{0, 0, 1, 0, 2, 1}));
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(found.centers[c], (std::vector<double>{0, 8, -8})[c], 1e-14);
    }
    EXPECT_NEAR(found.inertia, 4, 1e-13);
    // Equal rows: the clusters that stay empty stand where the largest one does.
    rows.data.assign(6, 2.5);
    options.centers = std::vector<double>{2.5, 7, 9};
    const auto equal = kmeans(spread(grid, rows), 3, options);
    EXPECT_EQ(labels_of(equal), std::vector<Index>(6, 0));
    EXPECT_EQ(equal.centers, std::vector<double>(3, 2.5));
    EXPECT_EQ(equal.inertia, 0);
    EXPECT_EQ(kmeans(spread(grid, rows), 3).inertia, 0);
    KMeansOptions parallel;
    parallel.init = KMeansInit::parallel;
    EXPECT_EQ(kmeans(spread(grid, rows), 3, parallel).inertia, 0);
  });
}

TEST(KMeansAccuracy, LargeMeansCostNothing) {
  // The same points around 1e6 and around 0, moved by a power of two: exact in both.
  auto x = points<double>(300, 5, 4, 3);
  for (double& value : x.data) value = std::ldexp(std::round(std::ldexp(value, 20)), -20);
  auto moved = x;
  for (double& value : moved.data) value += 1048576;
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    KMeansOptions options;
    options.centers = first_rows(x, 4);
    const auto near = kmeans(spread(grid, x), 4, options);
    options.centers = first_rows(moved, 4);
    const auto far = kmeans(spread(grid, moved), 4, options);
    EXPECT_EQ(labels_of(near), labels_of(far));
    EXPECT_NEAR(near.inertia, far.inertia, 1e-12 * near.inertia);
  });
}

TEST(ExactSums, DoNotDependOnOrderAndForgetWhatIsTakenOff) {
  std::vector<double> terms;
  for (Index i = 0; i < 1000; ++i) {
    terms.push_back(detail::counter_normal(4, i, 0) * std::pow(10, static_cast<double>(i % 12)));
  }
  const detail::SumBins bins(1e12, 1000);
  const auto sum_of = [&](const std::vector<double>& values) {
    detail::ExactSum sum;
    for (const double x : values) sum.add(x, bins);
    return sum;
  };
  const detail::ExactSum forward = sum_of(terms);
  std::vector<double> other(terms.rbegin(), terms.rend());
  std::rotate(other.begin(), other.begin() + 300, other.end());
  EXPECT_EQ(sum_of(other).high, forward.high);
  EXPECT_EQ(sum_of(other).low, forward.low);
  long double exact = 0;
  for (const double x : terms) exact += x;
  // Each term is cut off at q2 / 2 = 4 m^2 2^-104 bound, rounded up to powers of two.
  EXPECT_NEAR(forward.value(), static_cast<double>(exact), 1e-10);
  detail::ExactSum back = forward;
  for (const double x : terms) back.add(-x, bins);
  EXPECT_EQ(back.high, 0);
  EXPECT_EQ(back.low, 0);
}

TEST(KMeansEdge, RefusesWrongArguments) {
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const DistMatrix<double> a(grid, {5, 2}, MC_MR);
    for (const Index k : {0, 6}) {
      expect_same_error<InvalidArgument>(grid, [&] { kmeans(a, k); },
                                         {"kmeans: k must be between 1 and", "5"});
    }
    const auto with = [&](auto&& change) {
      KMeansOptions options;
      change(options);
      return [&a, options] { kmeans(a, 2, options); };
    };
    using Options = KMeansOptions;
    expect_same_error<InvalidArgument>(grid, with([](Options& o) { o.max_iter = 0; }),
                                       {"max_iter"});
    expect_same_error<InvalidArgument>(grid, with([](Options& o) { o.n_init = 0; }), {"n_init"});
    expect_same_error<InvalidArgument>(grid, with([](Options& o) { o.tol = -1; }), {"tol"});
    expect_same_error<ShapeError>(
        grid, with([](Options& o) { o.centers = std::vector<double>(3); }), {"init", "3"});
    expect_same_error<InvalidArgument>(
        grid, with([](Options& o) { o.centers = std::vector<double>(4, NAN); }), {"init"});
    expect_same_error<InvalidArgument>(
        grid, [&] { kmeans(DistMatrix<double>(grid, {5, 0}, MC_MR), 1); }, {"one column"});
    const auto filled = [&](double value) {
      return from_function<double>(
          grid, {5, 2}, MC_MR, [=](Index i, Index j) { return i == 3 && j == 1 ? value : 1.0; });
    };
    expect_same_error<InvalidArgument>(grid, [&] { kmeans(filled(NAN), 2); },
                                       {"A must be finite", "(3, 1)"});
    expect_same_error<InvalidArgument>(grid, [&] { kmeans(filled(1e200), 2); },
                                       {"squares", "scale A"});
  });
}

}  // namespace
}  // namespace matrass::test
