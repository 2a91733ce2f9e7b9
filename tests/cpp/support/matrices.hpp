// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Distributed matrices with known entries: a(i, j) = i + m * j, made and compared bit by bit.
/// Next: tests/cpp/redistribute/test_redistribute.cpp
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <matrass/matrix/create.hpp>
#include <numeric>

#include "support/campaign.hpp"
#include "support/grids.hpp"
#include "support/mpi_test.hpp"
#include "support/reference.hpp"

namespace matrass::test {

/// The test matrix of `shape`. Collective over `grid`.
template <Scalar T>
DistMatrix<T> oracle_matrix(const ProcessGrid& grid, Shape shape, Layout layout,
                            const LayoutOptions& options = {}) {
  return from_function<T>(
      grid, shape, layout, [&](Index i, Index j) { return oracle<T>(i, j, shape.rows); }, options);
}

/// Compares this rank's part of `a` with entries f(i, j) by `same(found, expected)`.
template <class M, class F, class Same>
void expect_entries(const M& a, F&& f, Same&& same) {
  using T = typename M::value_type;
  const std::vector<Index> rows = a.local_rows();
  const std::vector<Index> cols = a.local_cols();
  ASSERT_EQ(a.local_shape(),
            (Shape{static_cast<Index>(rows.size()), static_cast<Index>(cols.size())}));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < cols.size(); ++j) {
      const T expected = f(rows[i], cols[j]);
      const T found = a.part()(static_cast<Index>(i), static_cast<Index>(j));
      ASSERT_TRUE(same(found, expected))
          << "element (" << rows[i] << ", " << cols[j] << ") of " << to_string(a.distribution())
          << " is " << found << ", not " << expected;
    }
  }
}

/// Compares bit by bit: what was only moved.
template <class M, class F>
void expect_entries(const M& a, F&& f) {
  using T = typename M::value_type;
  expect_entries(a, f, [](const T& x, const T& y) { return std::memcmp(&x, &y, sizeof(T)) == 0; });
}

/// Compares values: what was computed (0 and -0 are equal).
template <class M, class F>
void expect_values(const M& a, F&& f) {
  using T = typename M::value_type;
  expect_entries(a, f, [](const T& x, const T& y) { return x == y; });
}

/// Compares with the test matrix.
template <class M>
void expect_oracle(const M& a) {
  using T = typename M::value_type;
  const Index m = a.shape().rows;
  expect_entries(a, [&](Index i, Index j) { return oracle<T>(i, j, m); });
}

/// Calls f(T{}) for each of the four scalars.
template <class F>
void for_each_scalar(F&& f) {
  f(float{});
  f(double{});
  f(std::complex<float>{});
  f(std::complex<double>{});
}

/// Options with sources, diagonal and root drawn for this grid.
inline LayoutOptions any_options(const GridMap& grid, Layout layout, Block block, Sample& sample) {
  LayoutOptions options;
  options.block = block;
  options.row_source = sample.choose(place_count(layout.col, grid));
  options.col_source = sample.choose(place_count(layout.row, grid));
  options.anchor.diagonal = sample.choose(std::gcd(grid.shape.rows, grid.shape.cols));
  options.anchor.root = sample.choose(grid.comm_size);
  return options;
}

/// A grid of any shape and kind on at most all ranks of `comm`. Collective.
inline ProcessGrid any_grid(MPI_Comm comm, Sample& sample) {
  int ranks = 0;
  MPI_Comm_size(comm, &ranks);
  return {comm, any_grid_map(ranks, sample)};
}

inline constexpr std::array<Block, 5> test_blocks{Block{1, 1}, Block{2, 2}, Block{3, 3},
                                                  Block{64, 64}, Block{300, 300}};

inline Block any_block(Sample& sample) {
  return test_blocks[static_cast<std::size_t>(sample.choose(5))];
}

}  // namespace matrass::test
