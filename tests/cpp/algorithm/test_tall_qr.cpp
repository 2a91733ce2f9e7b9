// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// QR of tall matrices by every method, in every layout, on 1 to 6 ranks: what makes a QR unique is
/// what is checked. Next: tests/cpp/algorithm/test_lstsq.cpp
#include <matrass/algorithm/tall_qr.hpp>

#include "support/matrices.hpp"
#include "support/same_error.hpp"
#include "whole.hpp"

namespace matrass::test {
namespace {

double falling(Index i) { return 1 / static_cast<double>(1 + i); }

/// Spectrum from 1 down to 1 / condition, evenly on a logarithmic scale.
std::function<double(Index)> graded(Index n, double condition) {
  return [=](Index i) {
    return n < 2 ? 1.0 : std::pow(condition, -static_cast<double>(i) / static_cast<double>(n - 1));
  };
}

/// Q^H Q = I, Q R = A, R upper triangular with a diagonal that is real and not negative.
template <class T>
void expect_qr(const Small<T>& a, const TallQr<T>& found, bool with_q) {
  const Index n = a.cols;
  ASSERT_EQ(found.r.layout(), STAR_STAR);
  const Small<Wide<T>> r = whole(found.r);
  ASSERT_EQ(r.rows, n);
  ASSERT_EQ(r.cols, n);
  double norm = 0;
  for (const T& x : a.data) norm += std::norm(static_cast<Wide<T>>(x));
  norm = std::sqrt(norm);
  // Columnwise backward stability: c n eps. CholeskyQR2's constants are those of Householder's.
  const double bound = 20 * eps<T> * static_cast<double>(std::max<Index>(n, 1));
  for (Index j = 0; j < n; ++j) {
    EXPECT_GE(std::real(r(j, j)), 0);
    EXPECT_EQ(std::imag(r(j, j)), 0);
    for (Index i = j + 1; i < n; ++i) ASSERT_EQ(r(i, j), Wide<T>{0});
  }
  if (with_q) {
    ASSERT_EQ(found.q.layout(), VC_STAR);
    const Small<Wide<T>> q = whole(found.q);
    EXPECT_LE(far_from_orthonormal(q), bound);
    const Small<Wide<T>> product = multiply('N', q, 'N', r);
    double error = 0;
    for (std::size_t i = 0; i < a.data.size(); ++i) {
      error = std::max(error, std::abs(product.data[i] - static_cast<Wide<T>>(a.data[i])));
    }
    EXPECT_LE(error, bound * norm);
  } else {
    EXPECT_TRUE(found.q.empty_handle());
    // R^H R = A^H A is all that R says of A.
    const Small<Wide<T>> gram = multiply('C', widened(a), 'N', widened(a));
    const Small<Wide<T>> square = multiply('C', r, 'N', r);
    for (std::size_t i = 0; i < gram.data.size(); ++i) {
      EXPECT_LE(std::abs(square.data[i] - gram.data[i]), bound * norm * norm);
    }
  }
}

constexpr std::array methods{TallQrMethod::automatic, TallQrMethod::cholesky_qr2,
                             TallQrMethod::tsqr};

template <class T>
class TallQrOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(TallQrOf, Scalars);

TYPED_TEST(TallQrOf, EveryMethodAndMode) {
  using T = TypeParam;
  const auto known = with_spectrum<T>(1300, 7, falling);
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = spread(grid, known.a);
    for (const TallQrMethod method : methods) {
      const auto found = tall_qr(a, QrMode::reduced, method);
      expect_qr(known.a, found, true);
      EXPECT_EQ(found.method, method == TallQrMethod::tsqr ? method : TallQrMethod::cholesky_qr2);
      EXPECT_EQ(found.q.distribution().rows(), a.distribution().rows());
      expect_qr(known.a, tall_qr(a, QrMode::r, method), false);
    }
  });
}

TYPED_TEST(TallQrOf, AnyShapeLayoutGridAndView) {
  using T = TypeParam;
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([&](MPI_Comm comm) {
    Sample sample(1);
    for (int k = 0; k < (campaign() ? 300 : 12); ++k) {
      const ProcessGrid grid = any_grid(comm, sample);
      const Index n = sample.choose(9);
      const Index m = n + sample.choose(40);
      const auto known = with_spectrum<T>(m, n, falling);
      const Layout layout = all_layouts[static_cast<std::size_t>(sample.choose(14))];
      const auto options = any_options(grid.map(), layout, any_block(sample), sample);
      SCOPED_TRACE(to_string(layout) + " " + std::to_string(m) + "x" + std::to_string(n));
      // As a view within a larger matrix, stored by columns or by rows.
      const auto larger = from_function<T>(
          grid, {m + 3, n + 2}, layout,
          [&](Index i, Index j) {
            const bool inside = i >= 2 && i < m + 2 && j >= 1 && j < n + 1;
            return inside ? known.a(i - 2, j - 1) : T{999};
          },
          options);
      DistMatrix<T> a = larger.slice(2, m + 2, 1, n + 1);
      if (sample.choose(2) == 1) {
        a = DistMatrix<T>(DistMatrix<T>(a.transposed()).local_copy().transposed());
      }
      const auto method = methods[static_cast<std::size_t>(sample.choose(3))];
      expect_qr(known.a, tall_qr(a, QrMode::reduced, method), true);
      expect_qr(known.a, tall_qr(a, QrMode::r, method), false);
      if (testing::Test::HasFailure()) return;
    }
  });
}

TEST(TallQr, TheMethodFollowsTheConditionThatIsMeasured) {
  const Index n = 12;
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const auto& [condition, expected_q, expected_r] :
         {std::tuple(2.0, TallQrMethod::cholesky_qr2, TallQrMethod::cholesky_qr),
          std::tuple(1e4, TallQrMethod::cholesky_qr2, TallQrMethod::cholesky_qr2),
          std::tuple(1e6, TallQrMethod::cholesky_qr2, TallQrMethod::cholesky_qr2),
          std::tuple(1e9, TallQrMethod::tsqr, TallQrMethod::tsqr),
          std::tuple(1e14, TallQrMethod::tsqr, TallQrMethod::tsqr)}) {
      SCOPED_TRACE(condition);
      const auto known = with_spectrum<double>(400, n, graded(n, condition));
      const auto a = spread(grid, known.a);
      const auto both = tall_qr(a);
      expect_qr(known.a, both, true);
      EXPECT_EQ(both.method, expected_q);
      const auto alone = tall_qr(a, QrMode::r);
      expect_qr(known.a, alone, false);
      EXPECT_EQ(alone.method, expected_r);
    }
  });
}

TEST(TallQr, RDoesNotDependOnMethodOrRanks) {
  const Index n = 9;
  const auto known = with_spectrum<std::complex<double>>(333, n, graded(n, 1e3));
  Small<std::complex<double>> first;
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = spread(grid, known.a);
    for (const TallQrMethod method : methods) {
      for (const QrMode mode : {QrMode::reduced, QrMode::r}) {
        const auto r = whole(tall_qr(a, mode, method).r);
        if (first.rows == 0 && grid.comm().size() == 1) first = r;
        if (first.rows == 0) continue;
        // ||dR|| <= c n cond(A) eps ||A||: Higham, section 19.9.
        for (std::size_t i = 0; i < r.data.size(); ++i) {
          EXPECT_LE(std::abs(r.data[i] - first.data[i]), 100 * 9 * 1e3 * eps<double>);
        }
      }
    }
  });
}

TEST(TallQr, ScalesOfColumnsDoNotMatter) {
  const Index n = 10;
  auto known = with_spectrum<double>(300, n, falling);
  for (Index j = 0; j < n; ++j) detail::scale_column(known.a, j, std::pow(10.0, -8.0 * j));
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto found = tall_qr(spread(grid, known.a));
    EXPECT_EQ(found.method, TallQrMethod::cholesky_qr2);
    const auto q = whole(found.q);
    const auto r = whole(found.r);
    EXPECT_LE(far_from_orthonormal(q), 200 * eps<double>);
    const auto product = multiply('N', q, 'N', r);
    for (Index j = 0; j < n; ++j) {
      for (Index i = 0; i < 300; ++i) {
        EXPECT_LE(std::abs(product(i, j) - known.a(i, j)),
                  200 * eps<double> * std::pow(10, -8 * j));
      }
    }
  });
}

TYPED_TEST(TallQrOf, WithoutFullRank) {
  using T = TypeParam;
  const auto deficient =
      with_spectrum<T>(200, 12, [](Index i) { return i < 4 ? falling(i) : 0.0; });
  const Small<T> zero(50, 5);
  Small<T> copies(60, 4);  // equal columns and a zero one
  for (Index i = 0; i < 60; ++i) copies(i, 0) = copies(i, 2) = static_cast<Real<T>>(i + 1);
  for (Index i = 0; i < 60; ++i) copies(i, 3) = static_cast<Real<T>>(i % 5);
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Small<T>* a : std::initializer_list<const Small<T>*>{&deficient.a, &zero, &copies}) {
      const auto found = tall_qr(spread(grid, *a));
      EXPECT_EQ(found.method, TallQrMethod::tsqr);
      expect_qr(*a, found, true);
      expect_qr(*a, tall_qr(spread(grid, *a), QrMode::r), false);
    }
  });
}

TEST(TallQr, TheEndsOfTheRangeOfNumbers) {
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const double scale : {1e-300, 1e-160, 1e160, 1e300}) {
      auto known = with_spectrum<double>(120, 5, falling);
      const Small<double> plain = known.a;
      for (double& x : known.a.data) x *= scale;
      auto found = tall_qr(spread(grid, known.a));
      auto alone = tall_qr(spread(grid, known.a), QrMode::r);
      for (auto* r : {&found.r, &alone.r}) {
        for (Index j = 0; j < r->local_shape().cols; ++j) {
          for (Index i = 0; i < 5; ++i) r->part()(i, j) /= scale;
        }
      }
      SCOPED_TRACE(scale);
      expect_qr(plain, found, true);
      expect_qr(plain, alone, false);
    }
  });
}

TEST(TallQr, WrongInputIsEverybodysError) {
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const DistMatrix<double> wide(grid, {4, 5}, VC_STAR);
    expect_same_error<ShapeError>(grid, [&] { tall_qr(wide); }, {"tall_qr", "(4, 5)"});
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      const auto a = from_function<double>(grid, {40, 3}, VC_STAR, [&](Index i, Index j) {
        return i == 33 && j == 1 ? bad : static_cast<double>(i + j);
      });
      for (const TallQrMethod method : methods) {
        for (const QrMode mode : {QrMode::reduced, QrMode::r}) {
          expect_same_error<InvalidArgument>(grid, [&] { tall_qr(a, mode, method); },
                                             {"tall_qr: A must be finite", "(33, 1)"});
        }
      }
    }
  });
}

}  // namespace
}  // namespace matrass::test
