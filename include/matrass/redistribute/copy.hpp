// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Copies of regular runs between strided memory: the loops in which redistribution spends its time.
/// Next: redistribute/stream.hpp
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <matrass/core/types.hpp>

namespace matrass::detail {

/// Positions of one axis in memory: element k of repetition r is at r * repeat + k * stride.
/// All in elements of T.
struct Steps {
  Index stride = 1;
  Index repeat = 0;
};

/// One run of an axis on both sides.
struct RunCopy {
  Index length = 0;
  Index count = 1;
  Steps from;
  Steps to;

  /// A run of single elements, or of one repetition, is one plain strided loop.
  RunCopy flattened() const {
    if (length != 1) return *this;
    return {count, 1, {from.repeat, 0}, {to.repeat, 0}};
  }
};

template <class T>
void copy_strided(const T* from, Index from_stride, T* to, Index to_stride, Index length) {
  if (from_stride == 1 && to_stride == 1) {
    if (length >= 8) {
      std::memcpy(to, from, static_cast<std::size_t>(length) * sizeof(T));
    } else {
      for (Index k = 0; k < length; ++k) to[k] = from[k];
    }
  } else if (to_stride == 1) {
    for (Index k = 0; k < length; ++k) to[k] = from[k * from_stride];
  } else if (from_stride == 1) {
    for (Index k = 0; k < length; ++k) to[k * to_stride] = from[k];
  } else {
    for (Index k = 0; k < length; ++k) to[k * to_stride] = from[k * from_stride];
  }
}

/// One run of rows for a tile of columns, columns inside: for memory whose rows are contiguous.
template <class T>
void copy_row_major(const T* from, T* to, const RunCopy& rows, Index cols, Index from_col,
                    Index to_col) {
  for (Index r = 0; r < rows.count; ++r) {
    const T* f = from + r * rows.from.repeat;
    T* t = to + r * rows.to.repeat;
    for (Index k = 0; k < rows.length; ++k) {
      copy_strided(f + k * rows.from.stride, from_col, t + k * rows.to.stride, to_col, cols);
    }
  }
}

/// How many columns are copied together where rows are contiguous on one side: a line of doubles
/// on that side, and few enough write streams on the other.
inline constexpr Index column_tile = 16;

/// Copies rows x cols elements, where `cols` counts columns that are `from_col` and `to_col` apart.
template <class T>
void copy_columns(const T* from, T* to, const RunCopy& run, Index cols, Index from_col,
                  Index to_col) {
  const RunCopy rows = run.flattened();
  const bool rows_contiguous = std::abs(from_col) < std::abs(rows.from.stride) ||
                               std::abs(to_col) < std::abs(rows.to.stride);
  if (rows_contiguous && cols > 1 && rows.length * rows.count > 1) {
    for (Index j = 0; j < cols; j += column_tile) {
      copy_row_major(from + j * from_col, to + j * to_col, rows, std::min(column_tile, cols - j),
                     from_col, to_col);
    }
    return;
  }
  for (Index j = 0; j < cols; ++j) {
    const T* f = from + j * from_col;
    T* t = to + j * to_col;
    for (Index r = 0; r < rows.count; ++r) {
      copy_strided(f + r * rows.from.repeat, rows.from.stride, t + r * rows.to.repeat,
                   rows.to.stride, rows.length);
    }
  }
}

}  // namespace matrass::detail
