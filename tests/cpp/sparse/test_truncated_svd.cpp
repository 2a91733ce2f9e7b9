// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The truncated SVD of sparse rows, thick restarts, and a basis that is dealt to all ranks.
#include <matrass/sparse/truncated_svd.hpp>

#include "algorithm/known_svd.hpp"
#include "support/mpi_test.hpp"
#include "support/same_error.hpp"

namespace matrass::test {
namespace {

double slow(Index i) { return 1 / std::sqrt(1.0 + static_cast<double>(i)); }

template <class T>
class SparseSvdOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(SparseSvdOf, Scalars);

TYPED_TEST(SparseSvdOf, SameAsDenseOnAnyNumberOfRanks) {
  using T = TypeParam;
  const auto tall = with_spectrum<T>(300, 120, slow);
  const auto wide = with_spectrum<T>(90, 201, slow);
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const auto method : {SvdMethod::automatic, SvdMethod::randomized, SvdMethod::lanczos}) {
      for (const auto* known : {&tall, &wide}) {
        const auto a = from_dense(spread(grid, known->a));
        expect_svd(*known, truncated_svd(a, 6, {.method = method}), detail::default_tol<T>());
      }
    }
  });
}

/// As if n were large: Q dealt to all ranks, for dense and for sparse rows.
TYPED_TEST(SparseSvdOf, DealtBasis) {
  using T = TypeParam;
  const auto tall = with_spectrum<T>(300, 121, slow);
  const auto equal = with_spectrum<T>(131, 301, [](Index i) { return i < 11 ? 1.0 : 0.3; });
  const auto low = with_spectrum<T>(200, 120, [](Index i) { return i < 4 ? 1 / (1.0 + i) : 0.0; });
  detail::SvdRun<T>::dealt_from() = 1;
  detail::SvdRun<T, detail::SparseRows<T>>::dealt_from() = 1;
  set_time_limit(std::chrono::seconds(180));  // hundreds of small collectives each
  const auto on_ranks = [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const auto* known : {&tall, &equal, &low}) {
      for (const auto method : {SvdMethod::randomized, SvdMethod::gram, SvdMethod::lanczos}) {
        const auto dense = spread(grid, known->a);
        expect_svd(*known, truncated_svd(dense, 7, {.method = method}), detail::default_tol<T>());
        expect_svd(*known, truncated_svd(from_dense(dense), 7, {.method = method}),
                   detail::default_tol<T>());
      }
    }
    // Wholly direct.
    expect_svd(tall, truncated_svd(spread(grid, tall.a), 100), detail::default_tol<T>());
  };
  for (const int ranks : {2, 5}) run_on(ranks, on_ranks);
  detail::SvdRun<T>::dealt_from() = 8192;
  detail::SvdRun<T, detail::SparseRows<T>>::dealt_from() = 8192;
}

TEST(SparseSvd, ThickRestartsBoundTheBasis) {
  const auto known = with_spectrum<double>(500, 300, [](Index i) { return 1 - 1e-3 * i; });
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    int passes = 0;
    SvdOptions options{.method = SvdMethod::lanczos, .tol = 1e-11};
    options.progress = [&](int done, double) { passes = done; };
    expect_svd(known, truncated_svd(spread(grid, known.a), 3, options), 1e-11);
    // 2 (3 + 8) + 64 vectors in blocks of 16: more passes than fit show that it restarted.
    EXPECT_GT(passes, 12);
  });
}

TEST(SparseSvd, GivesUpWithOneErrorOnAllRanks) {
  using Run = detail::SvdRun<double, detail::SparseRows<double>>;
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    // The identity has equal singular values only; with a little noise no 20 of them stand out.
    std::vector<Index> rows;
    std::vector<double> values;
    for (Index i = grid.rank(); i < 6000; i += 3) {
      rows.push_back(i);
      values.push_back(1 + 1e-3 * static_cast<double>(i % 997));
    }
    const auto a = from_triplets<double>(
        grid, {static_cast<Index>(rows.size()), rows.data(), rows.data(), values.data()},
        {6000, 6000});
    Run::most_passes() = 3;
    expect_same_error<Error>(
        grid, [&] { truncated_svd(a, 20, {.method = SvdMethod::lanczos}); },
        {"truncated_svd: residuals must fall below tol = 1e-10", "passes over A"});
    Run::most_passes() = 2000;
  });
}

TEST(SparseSvd, NanIsFoundWhereItIs) {
  const auto known = with_spectrum<double>(60, 120, slow);
  run_on(3, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    auto x = known.a;
    x(49, 48) = std::numeric_limits<double>::quiet_NaN();
    const auto a = from_dense(spread(grid, x));
    expect_same_error<InvalidArgument>(grid, [&] { truncated_svd(a, 3); },
                                       {"truncated_svd: A must be finite", "(49, 48)"});
    expect_same_error<InvalidArgument>(grid, [&] { truncated_svd(a.transposed(), 3); },
                                       {"truncated_svd: A must be finite", "(48, 49)"});
  });
}

}  // namespace
}  // namespace matrass::test
