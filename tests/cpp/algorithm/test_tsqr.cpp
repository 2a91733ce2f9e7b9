// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// QR by a tree over 1 to 5 ranks: any number of rows on any rank, any rank of the matrix.
/// Next: tests/cpp/algorithm/test_truncated_svd.cpp
#include <matrass/algorithm/tsqr.hpp>

#include "known_svd.hpp"
#include "support/mpi_test.hpp"

namespace matrass::test {
namespace {

/// Rows [first, first + count) of `a` as this rank's, stored by columns or by rows.
template <class T>
struct Share {
  Share(const Small<T>& a, Index first, Index count, bool by_rows)
      : memory(static_cast<std::size_t>(count * a.cols + 1)),
        rows{count, a.cols, memory.data(), by_rows ? a.cols : 1, by_rows ? 1 : count} {
    for (Index j = 0; j < a.cols; ++j) {
      for (Index i = 0; i < count; ++i) {
        memory[static_cast<std::size_t>(i * rows.row_stride + j * rows.col_stride)] =
            a(first + i, j);
      }
    }
  }
  std::vector<T> memory;
  detail::LocalRows<T> rows;
};

/// @param counts rows of each rank
template <class T>
void check(MPI_Comm raw, const Small<T>& a, const std::vector<Index>& counts, bool by_rows) {
  const mpi::Communicator comm(raw);
  const auto rank = static_cast<std::size_t>(comm.rank());
  Index first = 0;
  for (std::size_t r = 0; r < rank; ++r) first += counts[r];
  const Share<T> share(a, first, counts[rank], by_rows);
  const detail::Tsqr<T> qr(share.rows, comm, true);
  const Index k = std::min(a.rows, a.cols);
  Small<Wide<T>> r(k, a.cols);
  if (comm.rank() == 0) {
    ASSERT_EQ(qr.r().rows, k);
    r = widened(qr.r());
  }
  mpi::broadcast<Wide<T>>(comm, r.span(), 0);
  Small<T> identity(k, k);
  for (Index j = 0; j < k; ++j) identity(j, j) = T{1};
  Small<T> mine(counts[rank], k);
  qr.apply(identity, k, mine.data.data(), std::max<Index>(1, mine.rows));
  Small<Wide<T>> q(a.rows, k);
  for (Index j = 0; j < k; ++j) {
    for (Index i = 0; i < mine.rows; ++i) q(first + i, j) = static_cast<Wide<T>>(mine(i, j));
  }
  mpi::allreduce<Wide<T>>(comm, q.span());

  double norm = 0;
  double error = 0;
  const Small<Wide<T>> product = multiply('N', q, 'N', r);
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    norm = std::max<double>(norm, std::abs(a.data[i]));
    error = std::max(error, std::abs(product.data[i] - static_cast<Wide<T>>(a.data[i])));
  }
  // Householder QR is backward stable columnwise: c n eps, once for each level of the tree.
  const double bound = 20 * eps<T> * static_cast<double>(a.cols);
  EXPECT_LE(far_from_orthonormal(q), bound);
  EXPECT_LE(error, bound * static_cast<double>(a.cols) * norm);
  for (Index j = 0; j < r.cols; ++j) {
    for (Index i = j + 1; i < r.rows; ++i) ASSERT_EQ(r(i, j), Wide<T>{0});
  }
}

std::vector<Index> even(Index m, int size) {
  std::vector<Index> counts;
  for (int r = 0; r < size; ++r) counts.push_back(m * (r + 1) / size - m * r / size);
  return counts;
}

double falling(Index i) { return 1 / static_cast<double>(1 + i); }

template <class T>
class TsqrOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(TsqrOf, Scalars);

TYPED_TEST(TsqrOf, TallMatrixOnAnyNumberOfRanks) {
  const auto known =
      with_spectrum<TypeParam>(1300, 7, falling);  // three blocks of rows on one rank
  for_each_rank_count([&](MPI_Comm comm) {
    int size = 1;
    MPI_Comm_size(comm, &size);
    check(comm, known.a, even(1300, size), false);
    check(comm, known.a, even(1300, size), true);
  });
}

TEST(Tsqr, FewerRowsThanColumnsOnEachRank) {
  const auto known = with_spectrum<double>(23, 20, falling);
  for_each_rank_count([&](MPI_Comm comm) {
    int size = 1;
    MPI_Comm_size(comm, &size);
    check(comm, known.a, even(23, size), false);
  });
}

TEST(Tsqr, FewerRowsThanColumnsInAll) {
  const auto known = with_spectrum<double>(6, 11, falling);
  for_each_rank_count([&](MPI_Comm comm) {
    int size = 1;
    MPI_Comm_size(comm, &size);
    check(comm, known.a, even(6, size), false);
  });
}

TEST(Tsqr, RanksWithoutRows) {
  const auto known = with_spectrum<double>(40, 6, falling);
  run_on(5, [&](MPI_Comm comm) {
    check(comm, known.a, {0, 0, 40, 0, 0}, false);
    check(comm, known.a, {40, 0, 0, 0, 0}, false);
    check(comm, known.a, {0, 1, 0, 3, 36}, true);
  });
}

TEST(Tsqr, QIsOrthonormalForRankDeficientAndZeroMatrices) {
  const auto deficient =
      with_spectrum<double>(200, 12, [](Index i) { return i < 4 ? falling(i) : 0.0; });
  const Small<double> zero(50, 5);
  for_each_rank_count([&](MPI_Comm comm) {
    int size = 1;
    MPI_Comm_size(comm, &size);
    check(comm, deficient.a, even(200, size), false);
    check(comm, zero, even(50, size), false);
  });
}

TEST(Tsqr, GradedColumnsKeepTheirRelativeAccuracy) {
  const Index n = 10;
  Known<double> known = with_spectrum<double>(300, n, falling);
  for (Index j = 0; j < n; ++j) detail::scale_column(known.a, j, std::pow(10.0, -2.0 * j));
  run_on(3, [&](MPI_Comm raw) {
    const mpi::Communicator comm(raw);
    const Share<double> share(known.a, 100 * comm.rank(), 100, false);
    const detail::Tsqr<double> qr(share.rows, comm, false);
    if (comm.rank() != 0) return;
    const Small<double> gram = multiply('C', known.a, 'N', known.a);
    const Small<double> found = multiply('C', qr.r(), 'N', qr.r());
    for (Index j = 0; j < n; ++j) {
      // ||R e_j|| = ||A e_j|| to c n eps of itself, not of the largest column.
      EXPECT_NEAR(found(j, j) / gram(j, j), 1, 40 * eps<double> * static_cast<double>(n));
    }
  });
}

}  // namespace
}  // namespace matrass::test
