// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Principal components against the SVD of a matrix that is centred by hand.
/// Next: benchmarks/svd/run.py
#include <matrass/algorithm/pca.hpp>

#include "known_svd.hpp"
#include "support/mpi_test.hpp"
#include "support/same_error.hpp"

namespace matrass::test {
namespace {

/// Random rows with falling variances, around means of size `mean`; rounded to T.
template <class T>
Small<T> samples(Index m, Index n, double mean) {
  auto known = with_spectrum<T>(m, n, [&](Index i) {
    return std::sqrt(static_cast<double>(m)) / (1 + 0.5 * static_cast<double>(i));
  });
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i < m; ++i) {
      known.a(i, j) += static_cast<T>(mean * (1 + static_cast<double>(j % 5)));
    }
  }
  return known.a;
}

/// The means, in extended precision and rounded once; the centred matrix and its SVD.
template <class T>
struct Reference {
  explicit Reference(const Small<T>& a) : centred(a.rows, a.cols) {
    using Long = std::conditional_t<is_complex<T>, std::complex<long double>, long double>;
    for (Index j = 0; j < a.cols; ++j) {
      Long sum = 0;
      for (Index i = 0; i < a.rows; ++i) sum += static_cast<Long>(a(i, j));
      const Long exact = sum / static_cast<long double>(a.rows);
      mean.push_back(static_cast<Wide<T>>(exact));
      for (Index i = 0; i < a.rows; ++i) {
        centred(i, j) = static_cast<Wide<T>>(static_cast<Long>(a(i, j)) - exact);
        total += std::norm(centred(i, j));
      }
    }
    svd = detail::gesdd(centred);
  }
  std::vector<Wide<T>> mean;
  Small<Wide<T>> centred;
  double total = 0;
  detail::SmallSvd<Wide<T>> svd;
};

template <class T>
void check(const Small<T>& a, Index k, MPI_Comm comm, Layout layout = VC_STAR) {
  const ProcessGrid grid(comm);
  const Reference<T> reference(a);
  const Pca<T> found = pca(spread(grid, a, layout), k);
  const auto n = static_cast<double>(std::min(a.rows, a.cols));
  const auto m = static_cast<double>(a.rows);
  const double norm = reference.svd.s[0];
  const double tol = detail::default_tol<T>();
  const double rounding = 10 * n * eps<T>;
  for (std::size_t j = 0; j < reference.mean.size(); ++j) {
    // Rounded once; a sum of deviations has a few tens of eps of one deviation.
    EXPECT_LE(std::abs(static_cast<Wide<T>>(found.mean[j]) - reference.mean[j]),
              eps<T> * (std::abs(reference.mean[j]) + 50 * norm / std::sqrt(m)));
  }
  const Small<Wide<T>> scores = gathered(found.scores);
  const Small<Wide<T>> components = gathered(found.components);
  EXPECT_LE(far_from_orthonormal(components), rounding);
  // The means are rounded to T: scores belong to these, values are unchanged to second order.
  Small<Wide<T>> centred = widened(a);
  for (Index j = 0; j < a.cols; ++j) {
    for (Index i = 0; i < a.rows; ++i) {
      centred(i, j) -= static_cast<Wide<T>>(found.mean[static_cast<std::size_t>(j)]);
    }
  }
  const Small<Wide<T>> projected = multiply('N', centred, 'N', components);
  for (Index j = 0; j < k; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const double s = reference.svd.s[at];
    EXPECT_NEAR(found.singular_values[at], s, (rounding + 0.01 * tol) * norm);
    EXPECT_NEAR(found.explained_variance[at], s * s / (m - 1),
                2 * (rounding + 0.01 * tol) * norm * norm / (m - 1));
    EXPECT_NEAR(found.explained_variance_ratio[at], s * s / reference.total,
                2 * rounding + 0.02 * tol);
    // The scores are the centred matrix times the components, up to the residual.
    double square = 0;
    for (Index i = 0; i < a.rows; ++i) square += std::norm(projected(i, j) - scores(i, j));
    EXPECT_LE(std::sqrt(square), (1.5 * tol + 2 * rounding) * norm);
    EXPECT_NEAR(found.residual[at], std::sqrt(square), 2 * rounding * norm);
  }
}

template <class T>
class PcaOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(PcaOf, Scalars);

TYPED_TEST(PcaOf, EqualsTheSvdOfTheCentredMatrix) {
  const auto a = samples<TypeParam>(401, 60, 3.0);
  for_each_rank_count([&](MPI_Comm comm) { check(a, 4, comm); });
}

TYPED_TEST(PcaOf, WideMatrix) {
  const auto a = samples<TypeParam>(60, 301, 3.0);
  for_each_rank_count([&](MPI_Comm comm) { check(a, 4, comm); });
}

TEST(PcaLayouts, AreAllTaken) {
  const auto a = samples<double>(301, 60, 3.0);
  run_on(4, [&](MPI_Comm comm) {
    for (const Layout layout : {MC_MR, STAR_STAR, CIRC_CIRC, STAR_VR}) check(a, 4, comm, layout);
  });
}

TEST(PcaAccuracy, MeansOf1e8DeviationsCostNoMoreThanTheDataHaveLost) {
  // The reference centres the same rounded data in extended precision: the bound of check() has no
  // 1e8 in it.
  const auto tall = samples<double>(401, 60, 1e8);
  const auto wide = samples<double>(60, 401, 1e8);
  for_each_rank_count([&](MPI_Comm comm) {
    check(tall, 4, comm);
    check(wide, 4, comm);
  });
  const auto single = samples<float>(401, 60, 1e4);
  run_on(2, [&](MPI_Comm comm) { check(single, 4, comm); });
}

TEST(PcaAccuracy, AllComponents) {
  const auto a = samples<double>(80, 12, 2.0);
  run_on(3, [&](MPI_Comm comm) {
    check(a, 12, comm);
    const ProcessGrid grid(comm);
    const auto found = pca(spread(grid, a), 12);
    double sum = 0;
    for (const double ratio : found.explained_variance_ratio) sum += ratio;
    EXPECT_NEAR(sum, 1, 100 * eps<double>);
  });
}

TEST(PcaEdge, ConstantColumnsHaveNoVariance) {
  Small<double> a(50, 20);
  std::fill(a.data.begin(), a.data.end(), 1e8 / 3);
  run_on(3, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto found = pca(spread(grid, a), 2);
    EXPECT_EQ(found.singular_values[0], 0);
    EXPECT_EQ(found.explained_variance_ratio[0], 0);
    EXPECT_LE(far_from_orthonormal(gathered(found.components)), 100 * eps<double>);
  });
}

TEST(PcaEdge, RefusesOneRowAndKOutOfRange) {
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    expect_same_error<InvalidArgument>(
        grid, [&] { pca(DistMatrix<double>(grid, {1, 4}, VC_STAR), 1); }, {"pca", "2 rows"});
    expect_same_error<InvalidArgument>(
        grid, [&] { pca(DistMatrix<double>(grid, {9, 4}, VC_STAR), 5); }, {"pca: k", "got 5"});
  });
}

TYPED_TEST(PcaOf, RefusesNanAndInfinityAndSaysWhere) {
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Real<TypeParam> bad : {std::numeric_limits<Real<TypeParam>>::quiet_NaN(),
                                      std::numeric_limits<Real<TypeParam>>::infinity()}) {
      for (const Shape shape : {Shape{90, 40}, Shape{40, 90}}) {
        const auto a = from_function<TypeParam>(grid, shape, MC_MR, [&](Index i, Index j) {
          const auto x = static_cast<Real<TypeParam>>((i * 7 + j * 3) % 11);
          return static_cast<TypeParam>(i == 33 && j == 30 ? bad : x);
        });
        for (const auto method : {SvdMethod::randomized, SvdMethod::gram, SvdMethod::tsqr}) {
          expect_same_error<InvalidArgument>(grid, [&] { pca(a, 2, {.method = method}); },
                                             {"pca: A must be finite", "(33, 30)"});
        }
      }
    }
  });
}

}  // namespace
}  // namespace matrass::test
