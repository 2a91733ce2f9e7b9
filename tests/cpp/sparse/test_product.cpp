// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Sparse matrices from triplets, and the kernels of all instruction sets; whole numbers, exact.
/// Next: tests/cpp/sparse/test_truncated_svd.cpp
#include <gtest/gtest.h>

#include <matrass/matrix/create.hpp>
#include <matrass/sparse/convert.hpp>
#include <matrass/sparse/product.hpp>

#include "support/matrices.hpp"
#include "support/mpi_test.hpp"
#include "support/same_error.hpp"

namespace matrass::test {
namespace {

using detail::Pass;
using detail::Small;
using detail::TallBlocks;
using detail::Wide;

/// A small whole number for each (i, j); zero for most. Complex: with an imaginary part.
template <Scalar T>
T entry(Index i, Index j) {
  const Index h = (i * 31 + j * 17 + i * j) % 11;
  const auto x = static_cast<Real<T>>(h < 4 ? h - 6 : 0);
  if constexpr (is_complex<T>) {
    return h < 4 ? T(x, static_cast<Real<T>>(h + 1)) : T(0);
  } else {
    return x;
  }
}

template <Scalar T>
T factor(Index i, Index j) {
  const auto x = static_cast<Real<T>>((i * 5 + j * 3) % 7 - 3);
  if constexpr (is_complex<T>) {
    return {x, static_cast<Real<T>>((i + j) % 3 - 1)};
  } else {
    return x;
  }
}

/// Each element in two parts, (i, j) on rank (i + j) % size.
template <Scalar T>
SparseMatrix<T> made(const ProcessGrid& grid, Shape shape, std::optional<Index> block) {
  std::vector<Index> rows;
  std::vector<Index> columns;
  std::vector<T> values;
  for (Index j = 0; j < shape.cols; ++j) {
    for (Index i = 0; i < shape.rows; ++i) {
      const T x = entry<T>(i, j);
      if (x == T{0} || (i + j) % grid.comm().size() != grid.rank()) continue;
      for (const T part : {x - T{2}, T{2}}) {
        rows.push_back(i);
        columns.push_back(j);
        values.push_back(part);
      }
    }
  }
  return from_triplets<T>(
      grid, {static_cast<Index>(rows.size()), rows.data(), columns.data(), values.data()}, shape,
      block);
}

template <class T>
class SparseOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(SparseOf, Scalars);

TYPED_TEST(SparseOf, TripletsOnAnyRanksAreSummedAndSorted) {
  using T = TypeParam;
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const std::optional<Index> block : {std::optional<Index>{}, std::optional<Index>{2}}) {
      const auto a = made<T>(grid, {17, 13}, block);
      const CsrPart<T>& part = a.part();
      for (Index i = 0; i < part.rows; ++i) {
        const auto begin = part.columns.begin() + part.starts[static_cast<std::size_t>(i)];
        const auto end = part.columns.begin() + part.starts[static_cast<std::size_t>(i + 1)];
        EXPECT_TRUE(std::is_sorted(begin, end));
        EXPECT_EQ(std::adjacent_find(begin, end), end);
      }
      expect_values(to_dense(a), [](Index i, Index j) { return entry<T>(i, j); });
      expect_values(to_dense(a.transposed()), [](Index i, Index j) { return entry<T>(j, i); });
      expect_values(to_dense(detail::stored_by_rows(a.transposed().conjugated())),
                    [](Index i, Index j) { return conjugate(entry<T>(j, i)); });
      const auto back = from_dense(redistribute(to_dense(a), MC_MR));
      EXPECT_EQ(back.nnz(), a.nnz());
      expect_values(to_dense(back), [](Index i, Index j) { return entry<T>(i, j); });
    }
  });
}

TYPED_TEST(SparseOf, ProductsOfAllViews) {
  using T = TypeParam;
  const Shape shape{43, 29};
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = made<T>(grid, shape, std::nullopt);
    for (const Index k : {1, 8, 19}) {
      for (const bool transposed : {false, true}) {
        for (const bool conjugated : {false, true}) {
          auto view = transposed ? a.transposed() : a;
          if (conjugated) view = view.conjugated();
          const auto at = [&](Index i, Index j) {
            const T x = transposed ? entry<T>(j, i) : entry<T>(i, j);
            return conjugated ? conjugate(x) : x;
          };
          const Shape seen = view.shape();
          const auto x = from_function<T>(grid, {seen.cols, k}, MC_MR, factor<T>);
          const auto product = [&](Index i, Index c) {
            T sum{0};
            for (Index j = 0; j < seen.cols; ++j) sum += at(i, j) * factor<T>(j, c);
            return sum;
          };
          expect_values(matmul(view, x), product);
          expect_values(apply_to(view, x), product);
          const auto y = from_function<T>(grid, {seen.rows, k}, VC_STAR, factor<T>);
          expect_values(apply_adjoint_to(view, y), [&](Index j, Index c) {
            T sum{0};
            for (Index i = 0; i < seen.rows; ++i) sum += conjugate(at(i, j)) * factor<T>(i, c);
            return sum;
          });
          expect_values(matmul(x.transposed(), view.transposed()),
                        [&](Index i, Index j) { return product(j, i); });
          expect_values(normal_product(view, x), [&](Index j, Index c) {
            T sum{0};
            for (Index i = 0; i < seen.rows; ++i) sum += conjugate(at(i, j)) * product(i, c);
            return sum;
          });
        }
      }
    }
  });
}

TYPED_TEST(SparseOf, KernelsOfAllInstructionSetsAgree) {
  using T = TypeParam;
  run_on(1, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = made<T>(grid, {37, 23}, std::nullopt);
    const detail::SparseRows<T> rows{.m = 37, .n = 23, .part = &a.part()};
    const auto kernels = detail::sparse_kernels<Real<T>>();
    ASSERT_FALSE(kernels.empty());
    for (const auto& kernel : kernels) {
      SCOPED_TRACE(kernel.name);
      for (const Index width : {1, 8, 9, 17, 40, 61, 88}) {
        Small<Wide<T>> v(23, width);
        for (Index c = 0; c < width; ++c) {
          for (Index j = 0; j < 23; ++j) v(j, c) = static_cast<Wide<T>>(factor<T>(j, c));
        }
        Small<Wide<T>> w[2];
        for (const bool together : {false, true}) {
          TallBlocks<T> blocks(37);
          const auto y = blocks.add(width);
          if (together) {
            normal_product(rows, Pass::both, v, y, w[1], kernel);
          } else {
            normal_product(rows, Pass::forward, v, y, w[0], kernel);
            normal_product(rows, Pass::adjoint, v, y, w[0], kernel);
          }
          for (Index i = 0; i < 37; ++i) {
            for (Index c = 0; c < y.padded; ++c) {
              T sum{0};
              for (Index j = 0; j < 23 && c < width; ++j) sum += entry<T>(i, j) * factor<T>(j, c);
              ASSERT_EQ(y.data[i * y.ld + c], sum) << i << " " << c;
            }
          }
        }
        for (Index c = 0; c < width; ++c) {
          for (Index j = 0; j < 23; ++j) {
            Wide<T> sum{0};
            for (Index i = 0; i < 37; ++i) {
              T y{0};
              for (Index l = 0; l < 23; ++l) y += entry<T>(i, l) * factor<T>(l, c);
              sum += static_cast<Wide<T>>(conjugate(entry<T>(i, j)) * y);
            }
            ASSERT_EQ(w[0](j, c), sum);
            ASSERT_EQ(w[1](j, c), sum);
          }
        }
      }
    }
  });
}

TEST(Sparse, FewerColumnsThanADenseReductionAreSent) {
  run_on(4, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    // Each rank's rows touch three of a million columns: two of its own and one of the next rank's.
    constexpr Index n = 1'000'000;
    const Index own = grid.rank() * (n / 4);
    const std::vector<Index> rows{grid.rank(), grid.rank(), grid.rank()};
    const std::vector<Index> columns{own, own + 1, (own + n / 4) % n};
    const std::vector<double> values{1, 2, 4};
    const auto a =
        from_triplets<double>(grid, {3, rows.data(), columns.data(), values.data()}, {4, n});
    EXPECT_EQ(a.exchange().received(), 1);
    EXPECT_EQ(a.exchange().sent(), 1);
    EXPECT_EQ(a.part().cols, 3);
    const auto y =
        from_function<double>(grid, {4, 1}, VC_STAR, [](Index i, Index) { return i + 1; });
    expect_values(matmul(a.transposed(), y), [](Index j, Index) {
      const Index rank = j / (n / 4);
      const Index at = j % (n / 4);
      if (at > 1) return 0.0;
      if (at == 1) return 2.0 * static_cast<double>(rank + 1);
      return static_cast<double>(rank + 1) + 4.0 * static_cast<double>((rank + 3) % 4 + 1);
    });
  });
}

TEST(Sparse, AnIndexOutsideIsOneErrorOnAllRanks) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const bool last = grid.rank() == grid.comm().size() - 1;
    const std::vector<Index> rows{0, last ? 5 : 1};
    const std::vector<Index> columns{0, 2};
    const std::vector<double> values{1, 1};
    expect_same_error<OutOfBoundsError>(
        grid,
        [&] {
          from_triplets<double>(grid, {2, rows.data(), columns.data(), values.data()}, {5, 3});
        },
        {"from_coo: indices must lie within shape (5, 3)", "(5, 2)", "triplet 1"});
  });
}

}  // namespace
}  // namespace matrass::test
