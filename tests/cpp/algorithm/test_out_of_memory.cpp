// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// An allocation that fails on one rank, wherever it is in TSQR, in the truncated SVD and in PCA,
/// is everybody's MemoryLimitError, and nobody hangs. Next: tests/cpp/redistribute/test_errors.cpp
#include <matrass/algorithm/norm.hpp>
#include <matrass/algorithm/pca.hpp>
#include <set>
#include <vector>

#include "known_svd.hpp"
#include "support/campaign.hpp"
#include "support/matrices.hpp"
#include "support/mpi_test.hpp"
#include "support/refused_memory.hpp"

namespace matrass::test {
namespace {

/// Calls f(grid, culprit) on these numbers of ranks, for the first rank, the second and the last.
template <class F>
void for_each_culprit(const std::vector<int>& numbers, F&& f) {
  for (const int ranks : numbers) {
    const bool good = run_on(ranks, [&](MPI_Comm comm) {
      const ProcessGrid grid(comm);
      for (const int culprit : std::set<int>{0, 1, ranks - 1}) {
        f(grid, culprit);
        if (testing::Test::HasFailure()) return;
      }
    });
    if (!good) return;
  }
}

double falling(Index i) { return 1 / (1.0 + static_cast<double>(i)); }

/// R and this rank's rows of Q of a matrix of 600 rows on each rank.
template <class T>
struct TsqrResult {
  Small<T> r;
  Small<T> q;

  explicit TsqrResult(const mpi::Communicator& comm) {
    constexpr Index rows = 600;  // two blocks
    constexpr Index n = 20;
    Small<T> a;
    Small<T> x;
    mpi::throw_together(comm, [&] {
      a = Small<T>(rows, n);
      for (Index j = 0; j < n; ++j) {
        for (Index i = 0; i < rows; ++i) {
          a(i, j) =
              static_cast<T>(detail::counter_normal_of<Wide<T>>(1, i + comm.rank() * rows, j));
        }
      }
      q = Small<T>(rows, n);
      x = Small<T>(n, n);
      for (Index j = 0; j < n; ++j) x(j, j) = T{1};
    });
    const detail::Tsqr<T> qr({rows, n, a.data.data(), 1, rows}, comm, true);
    mpi::throw_together(comm, [&] { r = qr.r(); });
    qr.apply(x, n, q.data.data(), rows);
  }
};

template <class T>
void check_tsqr(const std::vector<int>& numbers) {
  for_each_culprit(numbers, [](const ProcessGrid& grid, int culprit) {
    const TsqrResult<T> good(grid.comm());
    const int refusals = refuse_each(
        grid, culprit, 1, [&] { const TsqrResult<T> failing(grid.comm()); },
        [&] {
          const TsqrResult<T> again(grid.comm());
          EXPECT_EQ(again.r.data, good.r.data);
          EXPECT_EQ(again.q.data, good.q.data);
        });
    // Two blocks of rows (stack, reflectors' factors, R of each; the product and its two parts).
    EXPECT_GE(refusals, 15);
  });
}

TEST(OutOfMemory, InTsqr) {
  set_time_limit(std::chrono::seconds(120));
  check_tsqr<double>({2, 3, 5});
  check_tsqr<std::complex<float>>({3});
}

/// 130 columns: vectors of one number a column count as large.
template <class F>
void check_routine(Index m, Index n, Layout layout, int step, F&& routine) {
  const auto known = with_spectrum<double>(m, n, falling);
  const std::vector<int> numbers = campaign() ? std::vector{2, 3, 5} : std::vector{3};
  if (campaign()) step = 1;
  for_each_culprit(numbers, [&](const ProcessGrid& grid, int culprit) {
    const auto a = spread(grid, known.a, layout);
    const std::vector<double> good = routine(a);
    const double size = norm(a);
    const int refusals =
        refuse_each(grid, culprit, step, [&] { routine(a); }, [&] { EXPECT_EQ(norm(a), size); });
    EXPECT_GE(refusals, 10 / step);
    EXPECT_EQ(routine(a), good);
  });
}

std::vector<double> svd_values(const DistMatrix<double>& a, const SvdOptions& options) {
  return truncated_svd(a, 4, options).s;
}

TEST(OutOfMemory, InTheRandomizedSvd) {
  set_time_limit(std::chrono::seconds(240));
  const auto routine = [](const DistMatrix<double>& a) { return svd_values(a, {.tol = 1e-3}); };
  check_routine(330, 130, MC_MR, 7, routine);
  check_routine(130, 330, VC_STAR, 7, routine);
}

TEST(OutOfMemory, InTheSvdByTheGramMatrix) {
  set_time_limit(std::chrono::seconds(240));
  check_routine(330, 130, VC_STAR, 3, [](const DistMatrix<double>& a) {
    return svd_values(a, {.method = SvdMethod::gram});
  });
}

TEST(OutOfMemory, InTheSvdByTsqr) {
  set_time_limit(std::chrono::seconds(240));
  const auto routine = [](const DistMatrix<double>& a) {
    return svd_values(a, {.method = SvdMethod::tsqr});
  };
  check_routine(330, 130, VC_STAR, 1, routine);
  check_routine(130, 330, MC_MR, 1, routine);
}

TEST(OutOfMemory, InPca) {
  set_time_limit(std::chrono::seconds(240));
  const auto routine = [](const DistMatrix<double>& a) {
    return pca(a, 4, {.method = SvdMethod::tsqr}).singular_values;
  };
  check_routine(330, 130, VC_STAR, 1, routine);
  check_routine(130, 330, VC_STAR, 1, routine);
}

TEST(OutOfMemory, InNorms) {
  for (const Norm kind : {Norm::one, Norm::infinity}) {
    for_each_culprit({3}, [&](const ProcessGrid& grid, int culprit) {
      const auto a = from_function<double>(grid, {330, 330}, MC_MR, [](Index, Index) { return 1; });
      EXPECT_GE(
          refuse_each(
              grid, culprit, 1, [&] { norm(a, kind); }, [&] { EXPECT_EQ(norm(a, kind), 330); }),
          1);
    });
  }
}

/// By the direct methods a NaN is found before work is done: nothing of n x n numbers is allocated.
TEST(OutOfMemory, ANanIsFoundBeforeTheWork) {
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = from_function<double>(grid, {330, 130}, VC_STAR, [](Index i, Index j) {
      return i == 5 && j == 7 ? std::numeric_limits<double>::quiet_NaN() : 1.0;
    });
    for (const SvdMethod method : {SvdMethod::gram, SvdMethod::tsqr}) {
      Allocations::here().largest = 0;
      EXPECT_THROW(truncated_svd(a, 4, {.method = method}), InvalidArgument);
      EXPECT_LT(Allocations::here().largest, 130 * 130 * sizeof(double));
    }
  });
}

}  // namespace
}  // namespace matrass::test
