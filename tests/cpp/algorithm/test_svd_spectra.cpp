// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The truncated SVD where it is hard: clustered and multiple values, deficient rank, graded
/// spectra, slow decay, and restarts. Next: tests/cpp/algorithm/test_pca.cpp
#include "known_svd.hpp"
#include "support/mpi_test.hpp"

namespace matrass::test {
namespace {

template <class T>
void check(const Known<T>& known, Index k, int ranks, const SvdOptions& options = {}) {
  run_on(ranks, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    expect_svd(known, truncated_svd(spread(grid, known.a), k, options),
               options.tol > 0 ? options.tol : detail::default_tol<T>());
  });
}

TEST(SvdSpectra, MultiplicityLargerThanTheBlock) {
  // Blocks of 8 random vectors see 8 of the 15 copies at most: the other 7 must be found all the
  // same.
  const auto known = with_spectrum<double>(
      400, 150, [](Index i) { return i < 15 ? 1.0 : 0.5 / (1 + 0.1 * static_cast<double>(i)); });
  for (int ranks = 1; ranks <= 3; ++ranks) check(known, 20, ranks);
  for (const Index block : {1, 2, 5, 7}) check(known, 20, 2, {.block = block});
  const auto nineteen = with_spectrum<double>(
      400, 150, [](Index i) { return i < 19 ? 1.0 : 0.5 / (1 + 0.1 * static_cast<double>(i)); });
  check(nineteen, 20, 2);
}

TEST(SvdSpectra, TwoMultipleValues) {
  const auto known = with_spectrum<double>(300, 120, [](Index i) {
    return i < 11 ? 1.0 : i < 40 ? 0.5 : 0.01 / static_cast<double>(i);
  });
  check(known, 20, 2);
}

TEST(SvdSpectra, CloseButDistinctValues) {
  for (const double step : {1e-3, 1e-6, 1e-8, 1e-9, 1e-10, 1e-12, 1e-14}) {
    SCOPED_TRACE(step);
    const auto known = with_spectrum<double>(300, 120, [&](Index i) {
      return i < 15 ? 1 - step * static_cast<double>(i) : 0.1 / (1 + 0.1 * static_cast<double>(i));
    });
    check(known, 20, 2);
  }
}

TEST(SvdSpectra, ValueThatIsCutByK) {
  // Copies on both sides of k: any of them will do.
  const auto known = with_spectrum<double>(
      300, 120, [](Index i) { return i < 3 ? 2.0 - 0.1 * static_cast<double>(i) : 1.0; });
  check(known, 10, 2);
}

TEST(SvdSpectra, OrthonormalMatrix) {
  const auto known = with_spectrum<double>(300, 120, [](Index) { return 1.0; });
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    expect_svd(known, truncated_svd(spread(grid, known.a), 20), detail::default_tol<double>());
  });
}

TEST(SvdSpectra, DeficientRank) {
  for (const Index rank : {1, 4, 8, 12, 30}) {
    SCOPED_TRACE(rank);
    const auto known = with_spectrum<double>(
        300, 120, [&](Index i) { return i < rank ? 1 / (1.0 + static_cast<double>(i)) : 0.0; });
    for (const Index k : {1, 7, 20}) check(known, k, 2);
    const auto single = with_spectrum<float>(
        300, 120, [&](Index i) { return i < rank ? 1 / (1.0 + static_cast<double>(i)) : 0.0; });
    check(single, 20, 2);
  }
}

TEST(SvdSpectra, DeficientRankOfAWideMatrix) {
  const auto known = with_spectrum<std::complex<double>>(
      120, 300, [](Index i) { return i < 6 ? 1 / (1.0 + static_cast<double>(i)) : 0.0; });
  check(known, 20, 3);
}

TEST(SvdSpectra, AllZero) {
  Known<double> known;
  known.s = std::vector<double>(120, 0.0);
  for (const Shape shape : {Shape{300, 120}, Shape{120, 300}, Shape{5, 2}}) {
    known.a = Small<double>(shape.rows, shape.cols);
    for_each_rank_count([&](MPI_Comm comm) {
      const ProcessGrid grid(comm);
      for (const auto method : {SvdMethod::automatic, SvdMethod::gram, SvdMethod::tsqr}) {
        const auto found = truncated_svd(spread(grid, known.a), 2, {.method = method});
        expect_svd(known, found, 1e-10);
        EXPECT_EQ(found.s[0], 0);
      }
    });
  }
}

TEST(SvdSpectra, AnswerForZeroSingularValuesIsTheSameOnAnyNumberOfRanks) {
  const auto known = with_spectrum<double>(
      300, 120, [](Index i) { return i < 4 ? 1 / (1.0 + static_cast<double>(i)) : 0.0; });
  for (const auto method : {SvdMethod::randomized, SvdMethod::gram, SvdMethod::tsqr}) {
    SCOPED_TRACE(static_cast<int>(method));
    Small<double> first;
    for_each_rank_count([&](MPI_Comm comm) {
      const ProcessGrid grid(comm);
      const auto found = truncated_svd(spread(grid, known.a), 9, {.method = method});
      const Small<double> u = gathered(found.u);
      if (grid.rank() != 0) return;
      if (grid.size() == 1) first = u;
      // Values of zero have vectors that were chosen, not found; tsqr takes them from rounding.
      const Index columns = method == SvdMethod::tsqr ? 4 : 9;
      for (Index j = 0; j < columns; ++j) {
        for (Index i = 0; i < u.rows; ++i) ASSERT_NEAR(u(i, j), first(i, j), 1e-9) << j;
      }
    });
  }
}

TEST(SvdSpectra, Graded) {
  for (const double ratio : {0.7, 0.5, 0.3, 0.1, 0.03}) {
    SCOPED_TRACE(ratio);
    const auto spectrum = [&](Index i) { return std::pow(ratio, static_cast<double>(i)); };
    const auto known = with_spectrum<double>(300, 120, spectrum);
    for (const auto method : {SvdMethod::randomized, SvdMethod::gram, SvdMethod::tsqr}) {
      check(known, 20, 2, {.method = method});
    }
    check(with_spectrum<float>(300, 120, spectrum), 20, 2);
    check(with_spectrum<double>(120, 300, spectrum), 20, 2);
  }
}

TEST(SvdSpectra, TsqrFindsSmallValuesToRoundingOfTheLargest) {
  const auto known = with_spectrum<double>(
      200, 30, [](Index i) { return std::pow(10.0, -0.5 * static_cast<double>(i)); });
  run_on(3, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto found = truncated_svd(spread(grid, known.a), 30, {.method = SvdMethod::tsqr});
    for (std::size_t i = 0; i < 30; ++i) {
      EXPECT_NEAR(found.s[i], known.s[i], 10 * 30 * eps<double>);
    }
  });
}

TEST(SvdSpectra, SlowDecayEndsByRestartsOrTheDirectMethod) {
  const auto flat =
      with_spectrum<double>(400, 150, [](Index i) { return 1 - 1e-3 * static_cast<double>(i); });
  for (const Index k : {1, 5, 20}) check(flat, k, 2);
  check(with_spectrum<float>(400, 150, [](Index i) { return 1 - 1e-3 * static_cast<double>(i); }),
        5, 2);
}

/// How many passes over A a method makes; the result must be right, too.
int passes(MPI_Comm comm, const Known<double>& known, SvdMethod method) {
  int count = 0;
  SvdOptions options{.method = method};
  options.progress = [&](int so_far, double) { count = so_far; };
  expect_svd(known, truncated_svd(spread(ProcessGrid(comm), known.a), 5, options), 1e-10);
  return count;
}

TEST(SvdSpectra, AutomaticTakesTheGramMatrixWhereThatIsLessWork) {
  const auto few =
      with_spectrum<double>(400, 60, [](Index i) { return 1 - 1e-3 * static_cast<double>(i); });
  const auto falling = with_spectrum<double>(
      500, 400, [](Index i) { return std::pow(0.5, static_cast<double>(i)); });
  const auto flat =
      with_spectrum<double>(500, 400, [](Index i) { return 1 - 1e-4 * static_cast<double>(i); });
  run_on(2, [&](MPI_Comm comm) {
    using enum SvdMethod;
    // Few columns: the iteration begins from the eigenvectors, which one pass confirms.
    EXPECT_EQ(passes(comm, few, automatic), passes(comm, few, gram));
    EXPECT_LT(passes(comm, few, automatic), passes(comm, few, randomized));
    // More columns: n / 3b + 1.5 (k + b) / b = 10 passes are as much work as the Gram matrix. A
    // spectrum that falls is left to the iteration; a flat one is given up after half of that.
    EXPECT_EQ(passes(comm, falling, automatic), passes(comm, falling, randomized));
    EXPECT_LT(passes(comm, flat, automatic), 8);
    EXPECT_GT(passes(comm, flat, randomized), 10);
  });
}

TEST(SvdSpectra, OneValueOfMany) {
  const auto known = with_spectrum<double>(
      400, 150, [](Index i) { return i == 0 ? 1e8 : 1 / (1.0 + static_cast<double>(i)); });
  for (const Index k : {1, 3}) check(known, k, 2);
}

TEST(SvdSpectra, ToleranceBelowRoundingIsTheRounding) {
  const auto known =
      with_spectrum<double>(300, 120, [](Index i) { return 1 / (1.0 + static_cast<double>(i)); });
  check(known, 5, 2, {.tol = 1e-30});
  const auto single =
      with_spectrum<float>(300, 120, [](Index i) { return 1 / (1.0 + static_cast<double>(i)); });
  check(single, 5, 2, {.tol = 1e-30});
}

TEST(SvdSpectra, LimitOfOneMessageIsNoLimitOfTheResult) {
  const auto known =
      with_spectrum<double>(300, 120, [](Index i) { return 1 / (1.0 + static_cast<double>(i)); });
  const Index before = mpi::largest_count();
  mpi::largest_count() = 100;
  for (const auto method : {SvdMethod::randomized, SvdMethod::gram, SvdMethod::tsqr}) {
    check(known, 5, 3, {.method = method});
  }
  mpi::largest_count() = before;
}

}  // namespace
}  // namespace matrass::test
