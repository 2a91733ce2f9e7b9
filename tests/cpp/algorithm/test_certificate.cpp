// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Certificates: a right answer has multiples of the unit roundoff, a wrong one its error.
/// Next: tests/cpp/algorithm/test_svd.cpp
#include <matrass/algorithm/certificate.hpp>
#include <matrass/algorithm/lstsq.hpp>
#include <matrass/algorithm/qr.hpp>
#include <matrass/algorithm/svd.hpp>
#include <matrass/algorithm/tall_certificate.hpp>
#include <matrass/matrix/random.hpp>
#include <matrass/scalapack/cholesky.hpp>

#include "support/matrices.hpp"
#include "whole.hpp"

namespace matrass::test {
namespace {

/// A copy of `x` that is off by a random matrix of `part` times its norm.
template <class T>
DistMatrix<T> spoilt(const DistMatrix<T>& x, double part) {
  const DistMatrix<T> y = x.copy();
  const DistMatrix<T> noise =
      redistribute(random_normal<T>(x.grid(), x.shape(), VC_STAR, 99), x.grid(), y.distribution());
  const double size = part * norm(x) / norm(noise);
  for (Index j = 0; j < y.local_shape().cols; ++j) {
    for (Index i = 0; i < y.local_shape().rows; ++i) {
      y.part()(i, j) += static_cast<Real<T>>(size) * noise.part()(i, j);
    }
  }
  return y;
}

constexpr double error = 1e-3;

/// Of a right answer, and of one that is off by `error`, which the product of the factors feels
/// with a factor of 1 to some ten. Eight vectors tell a norm within some 25 %.
template <class T>
void expect_told(const Certificate& good, const Certificate& bad) {
  EXPECT_LE(good.residual, 500 * eps<T>);
  EXPECT_GE(bad.residual, error / 20);
  EXPECT_LE(bad.residual, error * 20);
  EXPECT_LE(good.orthogonality.value_or(0), 500 * eps<T>);
}

template <class T>
class CertificateOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(CertificateOf, Scalars);

TYPED_TEST(CertificateOf, FactorsOfAnyShape) {
  using T = TypeParam;
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{30, 30}, Shape{70, 9}, Shape{9, 33}}) {
      SCOPED_TRACE(shown(shape));
      const auto a = random_normal<T>(grid, shape, VC_STAR, 1);
      const Qr<T> f = qr(a);
      const Certificate wrong = certify(a, Qr<T>{spoilt(f.q, error), f.r});
      expect_told<T>(certify(a, f), wrong);
      EXPECT_GE(*wrong.orthogonality, error / 20);
      const Svd<T> s = svd(a);
      expect_told<T>(certify(a, s), certify(a, Svd<T>{s.u, s.s, spoilt(s.vt, error)}));
      const Lu<T> l = lu(a);
      expect_told<T>(certify(a, l), certify(a, Lu<T>{l.permutation, spoilt(l.l, error), l.u}));
    }
  });
}

TYPED_TEST(CertificateOf, HermitianMatricesAndSystems) {
  using T = TypeParam;
  const Index n = 40;
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto x = random_normal<T>(grid, {n, n}, MC_MR, 2);
    const auto a = matmul(x, x, MatmulOptions<T>{.op_a = Op::adjoint});  // condition: some n^2
    const Eigh<T> f = eigh(a);
    expect_told<T>(certify(a, f), certify(a, Eigh<T>{f.w, spoilt(f.v, error)}));
    for (const Triangle triangle : {Triangle::lower, Triangle::upper}) {
      const auto factor = cholesky(a, triangle);
      expect_told<T>(certify_cholesky(a, factor, triangle),
                     certify_cholesky(a, spoilt(factor, error), triangle));
    }
    const auto b = random_normal<T>(grid, {n, 3}, VC_STAR, 3);
    for (const Assume assume : {Assume::general, Assume::positive}) {
      const auto y = solve(a, b, assume);
      expect_told<T>(certify_solve(a, y, b, assume), certify_solve(a, spoilt(y, error), b, assume));
    }
  });
}

/// Of tall problems; also of matrices whose layout is in their type.
TYPED_TEST(CertificateOf, LeastSquares) {
  using T = TypeParam;
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const DistMatrix<T, VC_STAR> a =
        redistribute<VC_STAR>(random_normal<T>(grid, {90, 8}, MC_MR, 4));
    const DistMatrix<T, VC_STAR> b =
        redistribute<VC_STAR>(random_normal<T>(grid, {90, 2}, MC_MR, 5));
    const auto x = lstsq(a, b).x;
    expect_told<T>(certify_least_squares(a, b, x), certify_least_squares(a, b, spoilt(x, error)));
    const auto f = tall_qr(a);
    expect_told<T>(certify_qr(a, f.q, f.r), certify_qr(a, f.q, spoilt(f.r, error)));
  });
}

}  // namespace
}  // namespace matrass::test
