// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Products of matrices in any layout, of views and of transposed views, with small
/// integers as entries: every product is exact. Next: tests/cpp/scalapack/test_factorizations.cpp
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <limits>
#include <matrass/scalapack/matmul.hpp>

#include "support/matrices.hpp"
#include "support/same_error.hpp"

namespace matrass {
namespace {

using namespace test;

/// A small integer (complex: two) that depends on both indices and on `seed`.
template <Scalar T>
T entry(Index i, Index j, int seed) {
  const auto re = static_cast<Real<T>>((i * 7 + j * 3 + seed) % 11 - 5);
  if constexpr (is_complex<T>) {
    return {re, static_cast<Real<T>>((i * 2 + j * 5 + seed) % 7 - 3)};
  } else {
    return re;
  }
}

/// op applied to the entry function.
template <Scalar T>
T op_entry(Op op, Index i, Index j, int seed) {
  if (op == Op::none) return entry<T>(i, j, seed);
  const T x = entry<T>(j, i, seed);
  return op == Op::adjoint ? conjugate(x) : x;
}

template <Scalar T>
T product_entry(Op op_a, Op op_b, Index i, Index j, Index k) {
  T sum{};
  for (Index e = 0; e < k; ++e) sum += op_entry<T>(op_a, i, e, 1) * op_entry<T>(op_b, e, j, 2);
  return sum;
}

template <Scalar T>
DistMatrix<T> operand(const ProcessGrid& grid, Shape shape, Op op, int seed, Layout layout,
                      Sample& sample) {
  const Shape stored = op == Op::none ? shape : Shape{shape.cols, shape.rows};
  return from_function<T>(
      grid, stored, layout, [&](Index i, Index j) { return entry<T>(i, j, seed); },
      any_options(grid.map(), layout, any_block(sample), sample));
}

Layout any_of_all(Sample& sample) {
  return all_layouts[static_cast<std::size_t>(sample.choose(14))];
}

constexpr std::array ops{Op::none, Op::transpose, Op::adjoint};

template <Scalar T>
void check_product(const ProcessGrid& grid, Sample& sample) {
  const Index m = sample.choose(30);
  const Index n = sample.choose(30);
  const Index k = sample.choose(30);
  const Op op_a = ops[static_cast<std::size_t>(sample.choose(3))];
  const Op op_b = ops[static_cast<std::size_t>(sample.choose(3))];
  const auto a = operand<T>(grid, {m, k}, op_a, 1, any_of_all(sample), sample);
  const auto b = operand<T>(grid, {k, n}, op_b, 2, any_of_all(sample), sample);
  SCOPED_TRACE(std::string(1, static_cast<char>(op_a)) + " " + to_string(a.distribution()) +
               "  *  " + static_cast<char>(op_b) + " " + to_string(b.distribution()));
  const DistMatrix<T> c = matmul(a, b, MatmulOptions<T>{.op_a = op_a, .op_b = op_b});
  ASSERT_EQ(c.shape(), (Shape{m, n}));
  expect_values(c, [&](Index i, Index j) { return product_entry<T>(op_a, op_b, i, j, k); });
}

/// The grids of a rank count: few, because each map of ranks takes a BLACS context for good.
std::vector<ProcessGrid> grids(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  std::vector<ProcessGrid> all{ProcessGrid(comm), ProcessGrid(comm, {size, 1})};
  if (size == 6) all.emplace_back(comm, GridShape{3, 2}, GridOrder::row_major);
  if (size == 5) all.emplace_back(comm, GridShape{2, 2});
  return all;
}

TEST(Matmul, AnyLayoutsAndOperations) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const ProcessGrid& grid : grids(comm)) {
      for (int k = 0; k < (campaign() ? 500 : 20); ++k) {
        check_product<float>(grid, sample);
        check_product<double>(grid, sample);
        check_product<std::complex<float>>(grid, sample);
        check_product<std::complex<double>>(grid, sample);
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

/// Views that begin and end inside blocks, as both operands and as the result, with alpha and beta.
template <Scalar T>
void check_views(const ProcessGrid& grid, Sample& sample) {
  const Layout layouts[] = {MC_MR, VC_STAR, MR_MC, STAR_VR};
  const auto any = [&] { return layouts[sample.choose(4)]; };
  const auto a = operand<T>(grid, {20, 25}, Op::none, 1, any(), sample);
  const auto b = operand<T>(grid, {24, 22}, Op::none, 2, any(), sample);
  const auto c = operand<T>(grid, {21, 23}, Op::none, 3, any(), sample);
  const Index i0 = sample.choose(8);
  const Index j0 = sample.choose(8);
  const Index e0 = sample.choose(8);
  SCOPED_TRACE(to_string(a.distribution()) + " * " + to_string(b.distribution()) + " -> " +
               to_string(c.distribution()) + " from " + std::to_string(i0) + "," +
               std::to_string(e0) + "," + std::to_string(j0));
  const T alpha{2};
  const T beta{-3};
  matmul_into(a.slice(i0, i0 + 9, e0, e0 + 11), b.slice(e0 + 1, e0 + 12, j0, j0 + 7),
              c.slice(3, 12, 5, 12), MatmulOptions<T>{.alpha = alpha, .beta = beta});
  expect_values(c, [&](Index i, Index j) {
    const T before = entry<T>(i, j, 3);
    if (i < 3 || i >= 12 || j < 5 || j >= 12) return before;
    T sum{};
    for (Index e = 0; e < 11; ++e) {
      sum += entry<T>(i - 3 + i0, e + e0, 1) * entry<T>(e + e0 + 1, j - 5 + j0, 2);
    }
    return alpha * sum + beta * before;
  });
}

TEST(Matmul, ViewsOfAllThree) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const ProcessGrid& grid : grids(comm)) {
      for (int k = 0; k < (campaign() ? 500 : 15); ++k) {
        check_views<double>(grid, sample);
        check_views<std::complex<float>>(grid, sample);
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

TEST(Matmul, TransposedViewsWithEveryOperation) {
  for_each_rank_count([](MPI_Comm comm) {
    using T = std::complex<double>;
    Sample sample(1);
    const ProcessGrid grid(comm);
    for (const Op op_a : ops) {
      for (const Op op_b : ops) {
        for (const Layout layout : {MC_MR, MR_MC, STAR_VC, STAR_STAR}) {
          // Stored transposed: the view is what operand() would have made.
          const auto a = operand<T>(grid, {9, 14}, op_a, 1, layout, sample);
          const auto b = operand<T>(grid, {14, 8}, op_b, 2, layout, sample);
          const auto at = redistribute(a.transposed(), MC_MR, {.block = Block{2, 3}});
          const auto bt = redistribute(b.transposed(), MC_MR, {.block = Block{3, 2}});
          const auto c = matmul(at.transposed(), bt.transposed(),
                                MatmulOptions<T>{.op_a = op_a, .op_b = op_b});
          expect_values(c,
                        [&](Index i, Index j) { return product_entry<T>(op_a, op_b, i, j, 14); });
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  });
}

/// The result lies where the operands do: as if these had been copied first.
TEST(Matmul, TheResultMayShareElementsWithTheOperands) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Layout layout : {MC_MR, VC_STAR, STAR_STAR}) {
      const auto make = [&] {
        return from_function<double>(grid, {9, 9}, layout,
                                     [](Index i, Index j) { return entry<double>(i, j, 1); },
                                     {.block = Block{2, 3}});
      };
      const auto a = make();
      SCOPED_TRACE(to_string(a.distribution()));
      matmul_into(a, a.transposed(), a, MatmulOptions<double>{.alpha = 2, .beta = -1});
      expect_values(a, [](Index i, Index j) {
        double sum = 0;
        for (Index e = 0; e < 9; ++e) sum += entry<double>(i, e, 1) * entry<double>(j, e, 1);
        return 2 * sum - entry<double>(i, j, 1);
      });
      const auto b = make();  // parts that overlap, each from another row and column on
      matmul_into(b.slice(0, 5, 1, 7), b.slice(3, 9, 2, 6), b.slice(2, 7, 3, 7));
      expect_values(b, [](Index i, Index j) {
        if (i < 2 || i >= 7 || j < 3 || j >= 7) return entry<double>(i, j, 1);
        double sum = 0;
        for (Index e = 0; e < 6; ++e) {
          sum += entry<double>(i - 2, e + 1, 1) * entry<double>(e + 3, j - 3 + 2, 1);
        }
        return sum;
      });
    }
  });
}

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

TEST(Matmul, TallMatricesStayInPlace) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(3);
    for (const ProcessGrid& grid : grids(comm)) {
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

TEST(Matmul, ManyPanels) {
  set_time_limit(std::chrono::seconds(240));
  using T = std::complex<double>;
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(4);
    for (const ProcessGrid& grid : grids(comm)) {
      for (const Op op_a : ops) {
        for (const Op op_b : ops) {
          const auto a = operand<T>(grid, {9, 150}, op_a, 1, any_of_all(sample), sample);
          const auto b = operand<T>(grid, {150, 11}, op_b, 2, any_of_all(sample), sample);
          const auto c = operand<T>(grid, {9, 11}, Op::none, 3, MC_MR, sample);
          detail::summa(detail::factor_of(a, op_a), detail::factor_of(b, op_b), c, T{2}, T{-3}, 1);
          expect_values(c, [&](Index i, Index j) {
            return T{2} * product_entry<T>(op_a, op_b, i, j, 150) - T{3} * entry<T>(i, j, 3);
          });
        }
      }
    }
  });
}

TEST(Matmul, WhatWouldMoveMoreIsSpreadOut) {
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

TEST(Matmul, BetaOfZeroForgetsWhatWasThere) {
  const ProcessGrid grid(world());
  for (const Layout layout : {MC_MR, VC_STAR}) {
    const DistMatrix<double> a(grid, {5, 5}, layout);
    const auto c = from_function<double>(grid, {5, 5}, layout, [](Index, Index) {
      return std::numeric_limits<double>::quiet_NaN();
    });
    matmul_into(a, a, c);
    expect_values(c, [](Index, Index) { return 0.0; });
  }
}

TEST(Matmul, EmptyExtents) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape extents : {Shape{0, 4}, Shape{4, 0}, Shape{0, 0}}) {
      const DistMatrix<double> a(grid, {extents.rows, 3}, MC_MR);
      const DistMatrix<double> b(grid, {3, extents.cols}, MC_MR);
      EXPECT_EQ(matmul(a, b).shape(), extents);
    }
    const DistMatrix<double> left(grid, {4, 0}, MC_MR);
    const DistMatrix<double> right(grid, {0, 5}, VC_STAR);
    expect_values(matmul(left, right), [](Index, Index) { return 0.0; });
  });
}

TEST(Matmul, WhatDoesNotFitIsEverybodysError) {
  const ProcessGrid grid(world());
  const ProcessGrid other(world(), {world_size(), 1});
  const DistMatrix<double> a(grid, {4, 5}, MC_MR);
  const DistMatrix<double> b(grid, {4, 5}, MC_MR);
  expect_same_error<ShapeError>(grid, [&] { matmul(a, b); }, {"matmul", "(4, 5)"});
  const DistMatrix<double> c(grid, {4, 5}, VC_STAR);
  expect_same_error<ShapeError>(
      grid, [&] { matmul_into(a, b, c, MatmulOptions<double>{.op_b = Op::transpose}); },
      {"matmul: out", "(4, 4)"});
  if (world_size() >= 4) {
    const DistMatrix<double> elsewhere(other, {5, 4}, MC_MR);
    expect_same_error<InvalidArgument>(grid, [&] { matmul(a, elsewhere); }, {"matmul", "grid"});
  }
  expect_oracle(redistribute(oracle_matrix<double>(grid, {9, 9}, MC_MR), VC_STAR));
}

}  // namespace
}  // namespace matrass
