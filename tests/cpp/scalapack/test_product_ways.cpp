// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Products in which a large factor stays where it is, and when that is done.
/// Next: tests/cpp/scalapack/test_factorizations.cpp
#include <gtest/gtest.h>

#include <matrass/scalapack/matmul.hpp>

#include "support/products.hpp"

namespace matrass {
namespace {

using namespace test;

/// Where tall matrices stay in place: sums over dealt rows, and rows times a small matrix.
template <Scalar T>
void check_tall(const ProcessGrid& grid, Sample& sample) {
  const Index k = 150 + sample.choose(60);
  const Index m = 1 + sample.choose(4);
  const Index n = 1 + sample.choose(4);
  const Block block = any_block(sample);
  const Layout dealt = sample.choose(2) == 0 ? VC_STAR : VR_STAR;
  const LayoutOptions options{.block = Block{block.rows, 64}};
  const auto tall = [&](Index cols, int seed) {  // stored by columns or by rows, a view
    const auto larger = from_function<T>(
        grid, {k + 2, cols + 1}, dealt,
        [&](Index i, Index j) { return i == 0 || j == 0 ? T{99} : entry<T>(i - 1, j - 1, seed); },
        options);
    const DistMatrix<T> view = larger.slice(1, k + 1, 1, cols + 1);
    if (sample.choose(2) == 0) return view;
    return DistMatrix<T>(DistMatrix<T>(view.transposed()).local_copy().transposed());
  };
  const auto small = [&](Shape shape, int seed) {
    const Layout layouts[] = {STAR_STAR, MC_MR, VC_STAR};
    return from_function<T>(grid, shape, layouts[sample.choose(3)],
                            [&](Index i, Index j) { return entry<T>(i, j, seed); });
  };
  const auto a = tall(m, 1);
  const auto b = tall(n, 2);
  for (const Op op : {Op::transpose, Op::adjoint}) {
    const Op rest = Op::none;
    // op(A) B, op(A) A, and the same with the transpose as a view.
    const auto expect_sum = [&](const DistMatrix<T>& c, int seed, Op left, Op right) {
      EXPECT_EQ(c.layout(), STAR_STAR);
      expect_values(c, [&](Index i, Index j) {
        T sum{};
        for (Index e = 0; e < k; ++e) {
          const T x = entry<T>(e, i, 1);
          const T y = entry<T>(e, j, seed);
          sum +=
              (left == Op::adjoint ? conjugate(x) : x) * (right == Op::adjoint ? conjugate(y) : y);
        }
        return sum;
      });
    };
    expect_sum(matmul(a, b, MatmulOptions<T>{.op_a = op}), 2, op, rest);
    expect_sum(matmul(a, a, MatmulOptions<T>{.op_a = op}), 1, op, rest);
    expect_sum(matmul(a.transposed(), b), 2, rest, rest);
    expect_sum(matmul(a.transposed(), b.transposed(), MatmulOptions<T>{.op_b = op}), 2, rest, op);
    expect_sum(matmul(a, a.transposed(), MatmulOptions<T>{.op_a = op, .op_b = op}), 1, op, op);
    // A op(B), rows in place, and its mirror image.
    const auto factor = small({n, m}, 3);
    const auto c = matmul(a, factor, MatmulOptions<T>{.op_b = op, .alpha = T{2}});
    EXPECT_EQ(c.layout(), dealt);
    EXPECT_TRUE(c.distribution().rows() == a.distribution().rows());
    const auto value = [&](Index i, Index j) {
      T sum{};
      for (Index e = 0; e < m; ++e) {
        const T y = entry<T>(j, e, 3);
        sum += entry<T>(i, e, 1) * (op == Op::adjoint ? conjugate(y) : y);
      }
      return sum;
    };
    expect_values(c, [&](Index i, Index j) { return T{2} * value(i, j); });
    const auto mirror = matmul(factor, a, MatmulOptions<T>{.op_b = op});
    EXPECT_EQ(mirror.layout(), transposed(dealt));
    expect_values(mirror, [&](Index j, Index i) {
      T sum{};
      for (Index e = 0; e < m; ++e) {
        const T x = entry<T>(i, e, 1);
        sum += entry<T>(j, e, 3) * (op == Op::adjoint ? conjugate(x) : x);
      }
      return sum;
    });
    // Into rows that lie alike, and into a sum in any layout.
    const auto out = tall(n, 4);
    matmul_into(a, factor, out, MatmulOptions<T>{.op_b = op, .alpha = T{2}, .beta = T{-3}});
    expect_values(out,
                  [&](Index i, Index j) { return T{2} * value(i, j) - T{3} * entry<T>(i, j, 4); });
    const auto sum = small({m, n}, 5);
    matmul_into(a, b, sum, MatmulOptions<T>{.op_a = op, .alpha = T{2}, .beta = T{-3}});
    expect_values(sum, [&](Index i, Index j) {
      T s{};
      for (Index e = 0; e < k; ++e) {
        const T x = entry<T>(e, i, 1);
        s += (op == Op::adjoint ? conjugate(x) : x) * entry<T>(e, j, 2);
      }
      return T{2} * s - T{3} * entry<T>(i, j, 5);
    });
    // The result lies where an operand does: as if that had been copied first.
    const auto square = small({m, m}, 3);
    const auto over = tall(m, 1);
    matmul_into(over, square, over, MatmulOptions<T>{.op_b = op});
    expect_values(over, [&](Index i, Index j) {
      T s{};
      for (Index e = 0; e < m; ++e) {
        const T y = entry<T>(j, e, 3);
        s += entry<T>(i, e, 1) * (op == Op::adjoint ? conjugate(y) : y);
      }
      return s;
    });
  }
}

TEST(ProductWays, TallMatricesStayInPlace) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(3);
    for (const ProcessGrid& grid : product_grids(comm)) {
      for (int k = 0; k < (campaign() ? 200 : 1); ++k) {
        check_tall<float>(grid, sample);
        check_tall<double>(grid, sample);
        check_tall<std::complex<float>>(grid, sample);
        check_tall<std::complex<double>>(grid, sample);
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

TEST(ProductWays, WhatWouldMoveMoreIsSpreadOut) {
  const ProcessGrid grid(world());
  const auto make = [&](Shape shape, Layout layout) {
    return DistMatrix<double>(grid, shape, layout);
  };
  const auto way = [&](const DistMatrix<double>& a, const DistMatrix<double>& b, Op op = Op::none) {
    return detail::product_way(detail::factor_of(a, op), detail::factor_of(b, Op::none));
  };
  const auto [r, c] = grid.shape();
  // 2 m n against (m / r + n / c) k
  const Index edge = 2 * 10 * r * c / (r + c);  // of m = n = 10
  const auto tall = [&](Index k) { return make({k, 10}, VC_STAR); };
  EXPECT_EQ(way(tall(edge + 1), tall(edge + 1), Op::transpose), detail::ProductWay::inner);
  EXPECT_EQ(way(tall(edge - 1), tall(edge - 1), Op::transpose), detail::ProductWay::spread);
  EXPECT_EQ(way(make({999, 9}, VC_STAR), make({9, 9}, MC_MR)), detail::ProductWay::left_stays);
  EXPECT_EQ(way(make({9, 9}, MC_MR), make({9, 999}, STAR_VC)), detail::ProductWay::right_stays);
  EXPECT_EQ(way(make({9, 99}, VC_STAR), make({99, 999}, STAR_STAR)),
            detail::ProductWay::left_stays);
  EXPECT_EQ(way(make({99, 99}, MC_MR), make({99, 2}, MC_MR)), detail::ProductWay::left_stays);
  EXPECT_EQ(way(make({99, 99}, MC_MR), make({99, 99}, MC_MR)), detail::ProductWay::spread);
  EXPECT_EQ(way(make({99, 99}, CIRC_CIRC), make({99, 2}, MC_MR)), detail::ProductWay::spread);
}

}  // namespace
}  // namespace matrass
