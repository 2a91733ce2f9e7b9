// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The truncated SVD on distributed matrices: scalars, layouts, shapes, options, errors, rank
/// counts. Next: tests/cpp/algorithm/test_svd_spectra.cpp
#include <atomic>
#include <matrass/algorithm/truncated_svd.hpp>
#include <stdexcept>

#include "known_svd.hpp"
#include "support/mpi_test.hpp"
#include "support/same_error.hpp"

namespace matrass::test {
namespace {

/// Ten values that fall, on a floor of noise.
double signal_and_noise(Index i) {
  return (i < 10 ? std::pow(0.6, static_cast<double>(i)) : 0.0) +
         1e-3 / (1 + 0.01 * static_cast<double>(i));
}

template <class T>
class SvdOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(SvdOf, Scalars);

TYPED_TEST(SvdOf, SignalAndNoiseOnAnyNumberOfRanks) {
  using T = TypeParam;
  const auto known = with_spectrum<T>(701, 90, signal_and_noise);
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    expect_svd(known, truncated_svd(spread(grid, known.a), 9), detail::default_tol<T>());
  });
}

TYPED_TEST(SvdOf, WideMatrix) {
  using T = TypeParam;
  const auto known = with_spectrum<T>(80, 501, signal_and_noise);
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    expect_svd(known, truncated_svd(spread(grid, known.a), 7), detail::default_tol<T>());
  });
}

TYPED_TEST(SvdOf, AllSingularValues) {
  using T = TypeParam;
  const auto tall = with_spectrum<T>(61, 13, signal_and_noise);
  const auto wide = with_spectrum<T>(13, 61, signal_and_noise);
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    expect_svd(tall, truncated_svd(spread(grid, tall.a), 13), detail::default_tol<T>());
    expect_svd(wide, truncated_svd(spread(grid, wide.a), 13), detail::default_tol<T>());
  });
}

TEST(TruncatedSvd, TakesAnyLayoutAndStorage) {
  const auto known = with_spectrum<double>(301, 80, signal_and_noise);
  run_on(4, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const double tol = detail::default_tol<double>();
    for (const Layout layout : all_layouts) {
      SCOPED_TRACE(to_string(layout));
      expect_svd(known, truncated_svd(spread(grid, known.a, layout), 5), tol);
    }
    // Cyclic rows; columns of memory that are not adjacent; a matrix stored by rows.
    expect_svd(known, truncated_svd(spread(grid, known.a, VC_STAR, {.block = Block{1, 1}}), 5),
               tol);
    Small<double> frame(310, 95);
    for (Index j = 0; j < 80; ++j) {
      std::copy(known.a.col(j), known.a.col(j) + 301, frame.col(j + 6) + 4);
    }
    expect_svd(known, truncated_svd(spread(grid, frame).slice(4, 305, 6, 86), 5), tol);
    const DistMatrix<double> by_rows =
        spread(grid, adjoint(known.a), STAR_VC, {.block = Block{80, 16}}).transposed();
    ASSERT_EQ(by_rows.layout(), VC_STAR);
    expect_svd(known, truncated_svd(by_rows, 5), tol);
  });
}

TEST(TruncatedSvd, LeavesTheResultWhereTheRowsAre) {
  const auto known = with_spectrum<double>(101, 40, signal_and_noise);
  run_on(3, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = spread(grid, known.a, VC_STAR, {.block = Block{5, 40}, .row_source = 1});
    const auto [u, s, v, residual] = truncated_svd(a, 4);
    EXPECT_EQ(u.local_rows(), a.local_rows());
    EXPECT_EQ(s.size(), 4U);
    EXPECT_EQ(residual.size(), 4U);
    EXPECT_EQ(v.shape(), (Shape{40, 4}));
  });
}

TEST(TruncatedSvd, GridOfFewerRanksThanTheCommunicator) {
  const auto known = with_spectrum<double>(120, 60, signal_and_noise);
  run_on(5, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm, {2, 1});
    expect_svd(known, truncated_svd(spread(grid, known.a), 4), detail::default_tol<double>());
  });
}

TEST(TruncatedSvd, RanksWithFewRowsOrNone) {
  const auto few = with_spectrum<double>(3, 2, signal_and_noise);
  const auto column = with_spectrum<double>(70, 1, signal_and_noise);
  const auto one = with_spectrum<double>(1, 1, signal_and_noise);
  const auto tall = with_spectrum<double>(90, 80, signal_and_noise);
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const double tol = detail::default_tol<double>();
    for (Index k = 1; k <= 2; ++k) expect_svd(few, truncated_svd(spread(grid, few.a), k), tol);
    expect_svd(column, truncated_svd(spread(grid, column.a), 1), tol);
    expect_svd(one, truncated_svd(spread(grid, one.a), 1), tol);
    // All rows on one rank.
    const LayoutOptions one_block{.block = Block{1000, 1000}};
    expect_svd(tall, truncated_svd(spread(grid, tall.a, VC_STAR, one_block), 5), tol);
  });
}

TEST(TruncatedSvd, SameAnswerOnAnyNumberOfRanks) {
  const double tol = 1e-10;
  const auto known = with_spectrum<double>(501, 90, signal_and_noise);
  const auto wide = with_spectrum<double>(90, 501, signal_and_noise);
  Small<double> first[4];  // of one rank, which takes part in every run
  std::vector<double> first_s;
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto found = truncated_svd(spread(grid, known.a), 8, {.tol = tol});
    const auto of_wide = truncated_svd(spread(grid, wide.a), 8, {.tol = tol});
    const Small<double> all[4] = {gathered(found.u), gathered(found.v), gathered(of_wide.u),
                                  gathered(of_wide.v)};
    if (grid.rank() != 0) return;
    if (grid.size() == 1) {
      std::copy(std::begin(all), std::end(all), std::begin(first));
      first_s = found.s;
    }
    for (Index i = 0; i < 8; ++i) {
      const auto at = static_cast<std::size_t>(i);
      // Both are within tol^2 / gap and rounding of the same value.
      EXPECT_NEAR(found.s[at], first_s[at], 10 * 90 * eps<double>);
      // A vector is determined up to (residual + rounding) / gap; the sign rule leaves no choice.
      const double gap = known.s[at] - known.s[at + 1];
      for (int which = 0; which < 4; ++which) {
        for (Index r = 0; r < all[which].rows; ++r) {
          ASSERT_NEAR(all[which](r, i), first[which](r, i), 4 * tol / gap);
        }
      }
    }
  });
}

TEST(TruncatedSvd, SeedChangesTheWayButNotTheAnswer) {
  const auto known = with_spectrum<double>(300, 90, signal_and_noise);
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = spread(grid, known.a);
    const auto one = truncated_svd(a, 5, {.method = SvdMethod::randomized, .seed = 1});
    const auto again = truncated_svd(a, 5, {.method = SvdMethod::randomized, .seed = 1});
    const auto two = truncated_svd(a, 5, {.method = SvdMethod::randomized, .seed = 2});
    EXPECT_EQ(one.s, again.s);
    EXPECT_EQ(one.residual, again.residual);
    EXPECT_NE(one.residual, two.residual);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_NEAR(one.s[i], two.s[i], 10 * 90 * eps<double>);
    }
  });
}

TEST(TruncatedSvd, ResidualFollowsTheTolerance) {
  const auto known = with_spectrum<double>(400, 120, [](Index i) { return 1 / (1.0 + i); });
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = spread(grid, known.a);
    const auto coarse = truncated_svd(a, 6, {.method = SvdMethod::randomized, .tol = 1e-3});
    const auto fine = truncated_svd(a, 6, {.method = SvdMethod::randomized, .tol = 1e-12});
    expect_svd(known, coarse, 1e-3);
    expect_svd(known, fine, 1e-12);
    const double largest = *std::max_element(coarse.residual.begin(), coarse.residual.end());
    EXPECT_GT(largest, 1e-7) << "a residual that is zero by construction says nothing";
    EXPECT_LT(*std::max_element(fine.residual.begin(), fine.residual.end()), 1e-4 * largest);
  });
}

TEST(TruncatedSvd, ResidualOfAWideMatrixSaysSomethingToo) {
  const auto known = with_spectrum<double>(120, 400, [](Index i) { return 1 / (1.0 + i); });
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto coarse =
        truncated_svd(spread(grid, known.a), 6, {.method = SvdMethod::randomized, .tol = 1e-3});
    expect_svd(known, coarse, 1e-3);
    EXPECT_GT(*std::max_element(coarse.residual.begin(), coarse.residual.end()), 1e-9);
  });
}

TEST(TruncatedSvd, MethodsAgree) {
  const auto known = with_spectrum<double>(300, 90, signal_and_noise);
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = spread(grid, known.a);
    for (const char* name : {"auto", "randomized", "gram", "tsqr"}) {
      SCOPED_TRACE(name);
      expect_svd(known, truncated_svd(a, 6, {.method = parse_svd_method(name)}),
                 detail::default_tol<double>());
    }
  });
  EXPECT_THROW(parse_svd_method("magic"), InvalidArgument);
}

TEST(TruncatedSvd, AnyBlockWidth) {
  const auto known = with_spectrum<double>(300, 120, signal_and_noise);
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Index block : {1, 2, 5, 8, 13, 24}) {
      SCOPED_TRACE(block);
      expect_svd(known, truncated_svd(spread(grid, known.a), 5, {.block = block}),
                 detail::default_tol<double>());
    }
  });
}

/// A complex number with `bad` as its imaginary part.
template <Scalar T>
T made_bad(Real<T> bad) {
  if constexpr (is_complex<T>) {
    return {1, bad};
  } else {
    return bad;
  }
}

TYPED_TEST(SvdOf, NanOrInfinityAnywhereIsOneErrorOnAllRanksThatSaysWhere) {
  using R = Real<TypeParam>;
  for (const Shape shape : {Shape{120, 50}, Shape{50, 120}}) {  // the wide one is worked on as A^T
    const auto known = with_spectrum<TypeParam>(shape.rows, shape.cols, signal_and_noise);
    for_each_rank_count([&](MPI_Comm comm) {
      const ProcessGrid grid(comm);
      for (const R bad :
           {std::numeric_limits<R>::quiet_NaN(), -std::numeric_limits<R>::infinity()}) {
        auto a = known.a;
        a(49, 48) = made_bad<TypeParam>(bad);
        for (const char* name : {"auto", "randomized", "gram", "tsqr"}) {
          SCOPED_TRACE(name);
          int passes = 0;
          SvdOptions options{.method = parse_svd_method(name)};
          options.progress = [&](int, double) { ++passes; };
          expect_same_error<InvalidArgument>(
              grid, [&] { truncated_svd(spread(grid, a, bad < 0 ? VC_STAR : MC_MR), 5, options); },
              {"truncated_svd: A must be finite", "(49, 48)"});
          EXPECT_EQ(passes, 0);
        }
      }
    });
  }
}

TEST(TruncatedSvd, ExtremeScalesNeitherOverflowNorVanish) {
  for (const double scale : {1e-200, 1e-120, 1e120, 1e200, 1.7e308}) {
    SCOPED_TRACE(scale);
    const auto known = with_spectrum<double>(150, 60, signal_and_noise);
    auto scaled = known.a;
    for (double& x : scaled.data) x *= scale;
    run_on(2, [&](MPI_Comm comm) {
      const ProcessGrid grid(comm);
      for (const auto method : {SvdMethod::randomized, SvdMethod::gram, SvdMethod::tsqr}) {
        auto found = truncated_svd(spread(grid, scaled), 4, {.method = method});
        for (double& s : found.s) s /= scale;
        for (double& r : found.residual) r /= scale;
        expect_svd(known, found, detail::default_tol<double>());
      }
    });
  }
}

TEST(TruncatedSvd, RefusesKOutOfRangeAndEmptyMatrices) {
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const DistMatrix<double> a(grid, {10, 4}, VC_STAR);
    EXPECT_THROW(truncated_svd(a, 0), InvalidArgument);
    EXPECT_THROW(truncated_svd(a, 5), InvalidArgument);
    EXPECT_THROW(truncated_svd(DistMatrix<double>(grid, {0, 4}, VC_STAR), 1), InvalidArgument);
    EXPECT_THROW(truncated_svd(DistMatrix<double>(grid, {4, 0}, MC_MR), 1), InvalidArgument);
  });
}

TEST(TruncatedSvd, WhatProgressThrowsOnOneRankEndsAllRanks) {
  const auto known = with_spectrum<double>(300, 120, [](Index i) { return 1 / (1.0 + i); });
  run_on(3, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    int calls = 0;
    SvdOptions options{.method = SvdMethod::randomized};
    options.progress = [&](int passes, double) {
      EXPECT_EQ(passes, ++calls);
      if (grid.rank() == 1 && passes == 3) throw std::runtime_error("enough");
    };
    EXPECT_THROW(truncated_svd(spread(grid, known.a), 6, options), Error);
    EXPECT_EQ(calls, 3);
  });
}

TEST(TruncatedSvd, DoesNotChangeItsArgument) {
  const auto known = with_spectrum<double>(200, 60, signal_and_noise);
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = spread(grid, known.a);
    truncated_svd(a, 5);
    const auto same = gathered(a);
    EXPECT_EQ(same.data, known.a.data);
  });
}

}  // namespace
}  // namespace matrass::test
