// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Ridge regression by every method against the SVD of the whole matrix.
/// Next: tests/cpp/algorithm/test_leverage_scores.cpp
#include <matrass/algorithm/ridge.hpp>
#include <matrass/algorithm/tall_certificate.hpp>
#include <matrass/scalapack/matmul.hpp>

#include "support/matrices.hpp"
#include "support/same_error.hpp"
#include "whole.hpp"

namespace matrass::test {
namespace {

double falling(Index i) { return 1 / static_cast<double>(1 + i); }

/// V diag(s / (s^2 + alpha_j)) U^H b_j, of the first `rank` singular values.
template <class N>
Small<N> by_svd(const Small<N>& a, const Small<N>& b, const std::vector<double>& alpha,
                Index rank = 1000) {
  const auto svd = detail::gesdd(a);
  Small<N> c = multiply('C', svd.u, 'N', b);
  for (Index j = 0; j < c.cols; ++j) {
    const double penalty = alpha[alpha.size() == 1 ? 0 : static_cast<std::size_t>(j)];
    for (Index i = 0; i < c.rows; ++i) {
      const double s = svd.s[static_cast<std::size_t>(i)];
      c(i, j) = i < rank ? c(i, j) * s / (s * s + penalty) : N{0};
    }
  }
  return multiply('C', svd.vh, 'N', c);
}

constexpr std::array methods{RidgeMethod::automatic, RidgeMethod::cholesky, RidgeMethod::svd,
                             RidgeMethod::tsqr, RidgeMethod::cg};

template <class T>
void expect_ridge(const Small<T>& a, const Small<T>& b, const std::vector<double>& alpha,
                  const Ridge<T>& found) {
  EXPECT_EQ(found.x.layout(), STAR_STAR);
  const Small<Wide<T>> expected = by_svd(widened(a), widened(b), alpha);
  Small<Wide<T>> error = whole(found.x);
  ASSERT_EQ(error.rows, a.cols);
  for (std::size_t i = 0; i < error.data.size(); ++i) error.data[i] -= expected.data[i];
  // Condition numbers are below 10 (100 of the Gram matrix); cg's residual is below its tol.
  const double tol = found.method == RidgeMethod::cg ? 100 * detail::default_tol<T>() : 0;
  EXPECT_LE(norm_of(error), (tol + 1000 * eps<double> + 4 * eps<T>)*norm_of(expected));
}

template <class T>
class RidgeOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(RidgeOf, Scalars);

TYPED_TEST(RidgeOf, EveryMethodTallAndWide) {
  using T = TypeParam;
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{300, 6}, Shape{6, 300}, Shape{7, 7}}) {
      const auto known = with_spectrum<T>(shape.rows, shape.cols, falling);
      const auto b = random_small<T>(shape.rows, 3, 4);
      const std::vector<std::vector<double>> alphas{{0.5}, {0.0}, {0.1, 2.0, 0.1}};
      for (const RidgeMethod method : methods) {
        for (const auto& alpha : alphas) {
          SCOPED_TRACE(std::to_string(shape.rows) + " " + std::to_string(static_cast<int>(method)));
          const auto a = spread(grid, known.a, shape.rows < 10 ? MC_MR : VC_STAR);
          const auto right = spread(grid, b, MR_STAR);
          const auto found = ridge(a, right, {.alpha = alpha, .method = method});
          expect_ridge(known.a, b, alpha, found);
          EXPECT_EQ(found.method,
                    method == RidgeMethod::automatic ? RidgeMethod::cholesky : method);
          EXPECT_EQ(found.steps > 0, method == RidgeMethod::cg);
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  });
}

TEST(Ridge, WhereCholeskyIsNotSafeTheSvdIs) {
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{90, 8}, Shape{8, 90}}) {
      const auto known = with_spectrum<double>(shape.rows, shape.cols,
                                               [](Index i) { return i < 5 ? falling(i) : 0.0; });
      const auto b = random_small<double>(shape.rows, 2, 6);
      const auto found = ridge(spread(grid, known.a), spread(grid, b), {.alpha = {0.0}});
      EXPECT_EQ(found.method, RidgeMethod::svd);
      const auto expected = by_svd(known.a, b, {0.0}, 5);  // the solution of least norm
      Small<double> error = whole(found.x);
      for (std::size_t i = 0; i < error.data.size(); ++i) error.data[i] -= expected.data[i];
      EXPECT_LE(norm_of(error), 1e-10 * norm_of(expected));
    }
  });
}

TEST(Ridge, EmptyExtents) {
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{0, 3}, Shape{3, 0}, Shape{0, 0}}) {
      for (const RidgeMethod method : methods) {
        const DistMatrix<double> a(grid, shape, VC_STAR);
        const DistMatrix<double> b(grid, {shape.rows, 2}, VC_STAR);
        const auto found = ridge(a, b, {.method = method});
        EXPECT_EQ(found.x.shape(), (Shape{shape.cols, 2}));
        EXPECT_EQ(norm_of(whole(found.x)), 0);
      }
    }
  });
}

TEST(Ridge, WrongInputIsEverybodysError) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto entry = [](Index i, Index j) { return std::cos(static_cast<double>(i * j + i)); };
    const auto a = from_function<double>(grid, {20, 3}, VC_STAR, entry);
    const auto b = from_function<double>(grid, {20, 2}, VC_STAR, entry);
    const DistMatrix<double> other(grid, {19, 2}, VC_STAR);
    expect_same_error<ShapeError>(grid, [&] { ridge(a, other); }, {"ridge", "(19, 2)"});
    for (const std::vector<double>& alpha :
         {std::vector<double>{-1.0}, {nan}, {1.0, 2.0, 3.0}, {}, {1.0, HUGE_VAL}}) {
      expect_same_error<InvalidArgument>(grid, [&] { ridge(a, b, {.alpha = alpha}); },
                                         {"ridge: alpha"});
    }
    const auto bad = from_function<double>(grid, {20, 3}, VC_STAR, [&](Index i, Index j) {
      return i == 7 && j == 2 ? nan : entry(i, j);
    });
    for (const RidgeMethod method : methods) {
      const RidgeOptions options{.method = method};
      expect_same_error<InvalidArgument>(grid, [&] { ridge(bad, b, options); },
                                         {"ridge: A must be finite", "(7, 2)"});
      expect_same_error<InvalidArgument>(
          grid,
          [&] { ridge(bad.transposed(), DistMatrix<double>(grid, {3, 1}, VC_STAR), options); },
          {"ridge: A must be finite", "(2, 7)"});
    }
    expect_same_error<Error>(
        grid,
        [&] {
          ridge(a, b, {.alpha = {0.0}, .method = RidgeMethod::cg, .tol = 1e-14, .max_steps = 1});
        },
        {"ridge: cg must converge", "1 steps"});
  });
}

TEST(Certificates, TellGoodFromBad) {
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto known = with_spectrum<double>(150, 6, falling);
    const auto a = spread(grid, known.a, MC_MR);
    for (const bool reduced : {true, false}) {
      auto qr = tall_qr(a, reduced ? QrMode::reduced : QrMode::r);
      const Certificate good = certify_qr(a, qr.q, qr.r);
      EXPECT_LE(good.residual, 1e-14);
      EXPECT_EQ(good.orthogonality.has_value(), reduced);
      EXPECT_LE(good.orthogonality.value_or(0), 1e-13);
      // An error of 1e-6 in R is told as such.
      for (Index j = 0; j < qr.r.local_shape().cols; ++j) qr.r.part()(j, j) += 1e-6;
      const double told = certify_qr(a, qr.q, qr.r).residual;
      EXPECT_GT(told, 1e-7);
      EXPECT_LT(told, 1e-5);
      if (reduced) {
        for (Index i = 0; i < qr.q.local_shape().rows; ++i) qr.q.part()(i, 0) *= 1 + 1e-6;
        EXPECT_NEAR(*certify_qr(a, qr.q, qr.r).orthogonality, 2e-6, 1e-9);
      }
    }
    const auto b = spread(grid, random_small<double>(150, 2, 3));
    auto x = lstsq(a, b).x;
    EXPECT_LE(certify_least_squares(a, b, x, {0.0}).residual, 1e-14);
    const auto y = ridge(a, b, {.alpha = {0.3, 0.7}}).x;
    EXPECT_LE(certify_least_squares(a, b, y, {0.3, 0.7}).residual, 1e-14);
    EXPECT_GT(certify_least_squares(a, b, y, {0.7, 0.3}).residual, 1e-3);
    for (Index j = 0; j < x.local_shape().cols; ++j) x.part()(0, j) *= 1 + 1e-6;
    EXPECT_GT(certify_least_squares(a, b, x, {0.0}).residual, 1e-9);
    // A consistent system: the residual itself is rounding, and says nothing against x.
    const auto image = matmul(a, x);
    EXPECT_LE(certify_least_squares(a, image, lstsq(a, image).x, {0.0}).residual, 1e-14);
  });
}

}  // namespace
}  // namespace matrass::test
