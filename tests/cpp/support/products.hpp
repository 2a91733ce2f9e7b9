// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Factors with small integers as entries (every product is exact), in any layout, and what their
/// products must be. Next: tests/cpp/scalapack/test_matmul.cpp
#pragma once

#include <array>
#include <complex>
#include <matrass/scalapack/matmul.hpp>
#include <vector>

#include "support/matrices.hpp"

namespace matrass::test {

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

inline Layout any_of_all(Sample& sample) {
  return all_layouts[static_cast<std::size_t>(sample.choose(14))];
}

inline constexpr std::array ops{Op::none, Op::transpose, Op::adjoint};

/// The grids of a rank count: few, because each map of ranks takes a BLACS context for good.
inline std::vector<ProcessGrid> product_grids(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  std::vector<ProcessGrid> all{ProcessGrid(comm), ProcessGrid(comm, {size, 1})};
  if (size == 6) all.emplace_back(comm, GridShape{3, 2}, GridOrder::row_major);
  if (size == 5) all.emplace_back(comm, GridShape{2, 2});
  return all;
}

}  // namespace matrass::test
