// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Solvers, k-means, ridge regression and principal components of sparse matrices against the dense
/// ones, and the kernels below them.
#include <matrass/sparse/certificate.hpp>
#include <matrass/sparse/kmeans.hpp>
#include <matrass/sparse/pca.hpp>
#include <matrass/sparse/ridge.hpp>
#include <matrass/sparse/solvers.hpp>

#include "algorithm/whole.hpp"
#include "support/mpi_test.hpp"
#include "support/same_error.hpp"

namespace matrass::test {
namespace {

using detail::Pass;

double falling(Index i) { return 3 / std::sqrt(1.0 + static_cast<double>(i)); }

/// A matrix with these singular values, without its small elements: about half are left.
template <class T>
Small<T> some_elements(Index m, Index n) {
  Small<T> a = with_spectrum<T>(m, n, falling).a;
  const double large = 0.7 * norm_of(a) / std::sqrt(static_cast<double>(m * n));
  for (T& x : a.data) x = modulus(x) < large ? T{0} : x;
  return a;
}

template <class N>
void expect_near(const Small<N>& found, const Small<N>& expected, double tol) {
  ASSERT_EQ(found.rows, expected.rows);
  ASSERT_EQ(found.cols, expected.cols);
  Small<N> difference = found;
  for (std::size_t i = 0; i < difference.data.size(); ++i) difference.data[i] -= expected.data[i];
  EXPECT_LE(norm_of(difference), tol * norm_of(expected));
}

template <class T>
class SparseSolversOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(SparseSolversOf, Scalars);

TYPED_TEST(SparseSolversOf, NarrowBlocksOfAllInstructionSets) {
  using T = TypeParam;
  using N = Wide<T>;
  run_on(1, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = from_dense(spread(grid, some_elements<T>(31, 12)));
    const detail::SparseRows<T> rows = detail::stored_rows(a);
    const double eps = std::numeric_limits<Real<T>>::epsilon();
    for (const auto& kernel : detail::sparse_kernels<Real<T>>()) {
      SCOPED_TRACE(kernel.name);
      for (const Index width : {1, 2, 3, 4, 5, 7}) {
        const auto v = random_small<N>(12, width, 3);
        detail::DealtVectors<T> narrow(31, width, detail::SparseOperator<T>::padded(width));
        EXPECT_LE(narrow.block().padded, 2 * width);
        const Index pad = detail::TallBlocks<T>::pad();
        detail::DealtVectors<T> lines(31, width, (width + pad - 1) / pad * pad);
        Small<N> w[2];
        normal_product(rows, Pass::both, v, narrow.block(), w[0], kernel);
        normal_product(rows, Pass::both, v, lines.block(), w[1], kernel);
        for (Index c = 0; c < width; ++c) {
          for (Index i = 0; i < 31; ++i) {
            EXPECT_LE(modulus(narrow(i, c) - lines(i, c)), 20 * eps * norm_of(v) * 3);
          }
        }
        expect_near(w[0], w[1], 20 * eps);
        normal_product(rows, Pass::adjoint, {}, narrow.block(), w[1], kernel);
        expect_near(w[1], w[0], 20 * eps);
      }
    }
  });
}

TYPED_TEST(SparseSolversOf, TheFusedStepIsTheTwoProducts) {
  using T = TypeParam;
  using N = Wide<T>;
  const auto x = some_elements<T>(1500, 14);  // three pieces of rows
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const detail::SparseOperator<T> op(from_dense(spread(grid, x)).conjugated());
    const auto m = static_cast<Index>(op.row_indices().size());
    const double eps = std::numeric_limits<Real<T>>::epsilon();
    for (const Index k : {1, 3, 9}) {
      const auto v = random_small<N>(14, k, 10);
      const std::vector<double> alpha(static_cast<std::size_t>(k), 0.5);
      detail::DealtVectors<T> u(m, k, op.padded(k));
      for (Index c = 0; c < k; ++c) {
        for (Index i = 0; i < m; ++i) u(i, c) = static_cast<Real<T>>((i + c) % 7);
      }
      detail::DealtVectors<T> expected(m, k, op.padded(k));
      op.apply(v, expected.block());
      combine(std::vector<double>(alpha.size(), -0.5), u, std::vector<double>(alpha.size(), 1),
              expected);
      Small<N> w_expected;
      op.apply_adjoint(expected.block(), w_expected);
      Small<N> w;
      op.update(v, alpha, u.block(), w);
      expect_near(w, w_expected, 100 * eps);
      for (Index i = 0; i < m; ++i) EXPECT_LE(modulus(u(i, k - 1) - expected(i, k - 1)), 100 * eps);
    }
  });
}

TYPED_TEST(SparseSolversOf, SameAsDense) {
  using T = TypeParam;
  const bool single = std::same_as<Real<T>, float>;
  const double tol = single ? 2e-3 : 1e-8;
  const LsqrOptions exact{0, single ? 1e-6 : 1e-13, single ? 1e-6 : 1e-13, 0};
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{70, 9}, Shape{9, 70}}) {
      const auto dense = spread(grid, some_elements<T>(shape.rows, shape.cols));
      const auto a = from_dense(dense);
      const auto b = spread(grid, random_small<T>(shape.rows, 3, 5));
      expect_near(whole(lsqr(a, b, exact).x), whole(lsqr(dense, b, exact).x), tol);
      const std::vector<double> alpha{0.3, 0.3, 2};
      const auto expected = whole(ridge(dense, b, {.alpha = alpha}).x);
      for (const auto method : {RidgeMethod::automatic, RidgeMethod::cholesky, RidgeMethod::cg}) {
        const auto found = ridge(a, b, {.alpha = alpha, .method = method});
        expect_near(whole(found.x), expected, tol);
        EXPECT_EQ(found.method == RidgeMethod::cg, found.steps > 0);
        EXPECT_LE(certify_least_squares(a, b, found.x, alpha).residual, single ? 1e-4 : 1e-9);
      }
      const auto components = pca(a, 2);
      const auto theirs = pca(dense, 2);
      for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_NEAR(components.singular_values[i], theirs.singular_values[i],
                    tol * theirs.singular_values[0]);
      }
    }
    // A^H A + I by its entries.
    Small<T> identity(20, 20);
    for (Index i = 0; i < 20; ++i) identity(i, i) = T{1};
    auto square =
        normal_product(from_dense(spread(grid, some_elements<T>(60, 20))), spread(grid, identity));
    const auto rows = square.local_rows();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      square.part()(static_cast<Index>(i), rows[i]) += T{1};
    }
    const auto b = spread(grid, random_small<T>(20, 2, 6));
    const auto found = cg(from_dense(square), b, {single ? 1e-5 : 1e-12});
    EXPECT_TRUE(found.converged);
    expect_near(whole(found.x), whole(cg(square, b, {single ? 1e-5 : 1e-12}).x), tol);
    expect_near(whole(cg(from_dense(square), b, found.x, {single ? 1e-5 : 1e-12}).x),
                whole(found.x), tol);
  });
}

TEST(SparseKMeans, TheFirstOfEqualCentresOnAllInstructionSets) {
  // 19 scores in three lines of 8, or two of 16; the least one twice, in any two places.
  const auto check = [](auto scalar) {
    using R = decltype(scalar);
    constexpr Index width = 32;
    constexpr Index k = 19;
    const detail::Aligned<R> scores(width);
    const detail::Aligned<R> bias(width);
    std::fill_n(bias.get(), width, std::numeric_limits<R>::infinity());
    std::fill_n(bias.get(), k, R{1});
    for (const auto& kernel : detail::sparse_kernels<R>()) {
      for (Index first = 0; first < k; ++first) {
        for (Index second = first; second < k; ++second) {
          for (Index c = 0; c < width; ++c) scores.get()[c] = static_cast<R>(c % 5);
          scores.get()[first] = scores.get()[second] = -1;
          std::int32_t best = -1;
          kernel.nearest(scores.get(), 1, width, bias.get(), &best);
          ASSERT_EQ(best, first) << kernel.name;
        }
      }
    }
  };
  check(float{});
  check(double{});
}

TEST(SparseKMeans, SameAsDense) {
  const auto x = some_elements<double>(150, 20);
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto dense = spread(grid, x);
    const auto found = kmeans(from_dense(dense), 4);
    const auto expected = kmeans(dense, 4);
    EXPECT_EQ(whole(found.labels).data, whole(expected.labels).data);
    EXPECT_EQ(found.iterations, expected.iterations);
    EXPECT_NEAR(found.inertia, expected.inertia, 1e-12 * expected.inertia);
  });
}

TEST(SparseSolvers, WrongArgumentsAreErrorsOfAllRanks) {
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const ProcessGrid other(comm, {3, 1}, GridOrder::row_major);
    const auto a = from_dense(spread(grid, some_elements<double>(20, 5)));
    const auto b = spread(grid, random_small<double>(20, 1, 1));
    const auto elsewhere = spread(other, random_small<double>(20, 1, 1));
    expect_same_error<InvalidArgument>(grid, [&] { lsqr(a, elsewhere); }, {"one process grid"});
    expect_same_error<InvalidArgument>(grid, [&] { ridge(a, elsewhere); }, {"one process grid"});
    expect_same_error<ShapeError>(grid, [&] { cg(a, b); }, {"cg: A must be square"});
    expect_same_error<InvalidArgument>(grid, [&] { ridge(a, b, {.method = RidgeMethod::tsqr}); },
                                       {"dense R"});
    expect_same_error<InvalidArgument>(grid, [&] { kmeans(a, 21); }, {"kmeans: k must be"});
    expect_same_error<InvalidArgument>(grid, [&] { pca(a, 6); }, {"pca: k must be"});
    expect_same_error<Error>(
        grid, [&] { ridge(a, b, {.alpha = {0}, .method = RidgeMethod::cg, .max_steps = 1}); },
        {"ridge: cg must converge"});
  });
}

}  // namespace
}  // namespace matrass::test
