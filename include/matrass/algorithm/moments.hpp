// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Means and sums of squared deviations of columns, without loss of digits where |mean| >>
/// deviation. Next: algorithm/pca.hpp
#pragma once

#include <algorithm>
#include <array>
#include <matrass/algorithm/local_rows.hpp>
#include <vector>

namespace matrass::detail {

/// For each column (or row) of A: sums of a - r and of |a - r|^2 over what this rank has, where r
/// is a reference of about the column's size. Then mean = r + sum / m, and the sum of squared
/// deviations is squares - |sum|^2 / m: both lose no more digits than the data have. Squares are of
/// deviations times `inverse`, a power of two that keeps them in the range of doubles.
template <class N>
struct DeviationSums {
  std::vector<N> sum;
  std::vector<double> squares;
};

/// sums[j] += over i of a_ij - reference; eight sums at a time, so that the additions do not wait
/// for each other. `count` elements at distance `stride`.
template <Scalar T>
void add_deviations(const T* a, Index count, Index stride, T reference, double inverse,
                    Wide<T>& sum, double& squares) {
  constexpr Index lanes = 8;
  std::array<Wide<T>, lanes> sums{};
  std::array<double, lanes> norms{};
  const auto add = [&](Index i, Index lane) {
    const auto deviation = static_cast<Wide<T>>(a[i * stride] - reference);
    sums[static_cast<std::size_t>(lane)] += deviation;
    norms[static_cast<std::size_t>(lane)] += std::norm(deviation * inverse);
  };
  Index i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (Index lane = 0; lane < lanes; ++lane) add(i + lane, lane);
  }
  for (; i < count; ++i) add(i, 0);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    sum += sums[lane];
    squares += norms[lane];
  }
}

/// Adds one row, whose elements lie together: compilers make SIMD of it.
template <Scalar T>
void add_row_deviations(const T* __restrict__ row, const T* __restrict__ reference, Index n,
                        double inverse, Wide<T>* __restrict__ sum, double* __restrict__ squares) {
  for (Index j = 0; j < n; ++j) {
    const auto deviation = static_cast<Wide<T>>(row[j] - reference[j]);
    sum[j] += deviation;
    squares[j] += std::norm(deviation * inverse);
  }
}

/// Of the columns. Local; one pass. @param reference n numbers, the same on every rank
template <Scalar T>
DeviationSums<Wide<T>> column_deviations(const LocalRows<T>& a, const std::vector<T>& reference,
                                         double inverse) {
  const auto n = static_cast<std::size_t>(a.n);
  DeviationSums<Wide<T>> all{std::vector<Wide<T>>(n), std::vector<double>(n)};
  if (a.row_stride <= a.col_stride) {
    for (std::size_t j = 0; j < n; ++j) {
      add_deviations(a.data + static_cast<Index>(j) * a.col_stride, a.m, a.row_stride, reference[j],
                     inverse, all.sum[j], all.squares[j]);
    }
    return all;
  }
  for (Index i = 0; i < a.m; ++i) {
    const T* row = a.row(i);
    if (a.col_stride == 1) {
      add_row_deviations(row, reference.data(), a.n, inverse, all.sum.data(), all.squares.data());
      continue;
    }
    for (std::size_t j = 0; j < n; ++j) {
      const auto deviation =
          static_cast<Wide<T>>(row[static_cast<Index>(j) * a.col_stride] - reference[j]);
      all.sum[j] += deviation;
      all.squares[j] += std::norm(deviation * inverse);
    }
  }
  return all;
}

/// Of the rows, each against its own first element. Local; one pass.
template <Scalar T>
DeviationSums<Wide<T>> row_deviations(const LocalRows<T>& a, double inverse) {
  const auto m = static_cast<std::size_t>(a.m);
  DeviationSums<Wide<T>> all{std::vector<Wide<T>>(m), std::vector<double>(m)};
  for (std::size_t i = 0; i < m; ++i) {
    const T* row = a.row(static_cast<Index>(i));
    add_deviations(row, a.n, a.col_stride, row[0], inverse, all.sum[i], all.squares[i]);
  }
  return all;
}

}  // namespace matrass::detail
