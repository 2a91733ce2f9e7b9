// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What the algorithms for tall matrices see: one rank's rows, and blocks of vectors beside them.
/// Next: algorithm/normal_product.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <matrass/algorithm/lapack.hpp>
#include <matrass/core/types.hpp>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/matrix/storage.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace matrass::detail {

/// This rank's `m` rows of a tall matrix with `n` columns, read only: element (i, j) is
/// data[i * row_stride + j * col_stride] - col_shift[j] - row_shift[i] (a null shift is zero).
/// Owns nothing. PCA's centred matrix is the column means as col_shift.
template <Scalar T>
struct LocalRows {
  Index m = 0;
  Index n = 0;
  const T* data = nullptr;
  Index row_stride = 1;
  Index col_stride = 1;
  const T* col_shift = nullptr;
  const T* row_shift = nullptr;

  bool shifted() const { return col_shift != nullptr || row_shift != nullptr; }
  const T* row(Index i) const { return data + i * row_stride; }
};

template <Scalar T>
LocalRows<T> local_rows(const LocalPart<T>& part) {
  return {part.shape.rows, part.shape.cols, part.data, part.row_stride, part.col_stride};
}

/// to[j] = from[j] - shift[j] of what lies together, which compilers make SIMD of.
template <Scalar T>
void copy_line(const T* __restrict__ from, const T* __restrict__ shift, Index n,
               T* __restrict__ to) {
  if (shift == nullptr) {
    std::copy_n(from, n, to);
    return;
  }
  for (Index j = 0; j < n; ++j) to[j] = from[j] - shift[j];
}

/// Copies rows [begin, begin + count) to out[i * out_row + j * out_col], shifts applied.
template <Scalar T>
void copy_rows(const LocalRows<T>& a, Index begin, Index count, T* out, Index out_row,
               Index out_col) {
  constexpr Index ahead = 16;  // columns: about the latency of memory
  constexpr Index line = 64 / static_cast<Index>(sizeof(T));
  const auto copy_column = [&](Index j) {
    const T* from = a.row(begin) + j * a.col_stride;
    if (a.row_stride == 1 && j + ahead < a.n) {
      for (Index i = 0; i < count; i += line) __builtin_prefetch(from + ahead * a.col_stride + i);
    }
    T* to = out + j * out_col;
    const T shift = a.col_shift != nullptr ? a.col_shift[j] : T{0};
    for (Index i = 0; i < count; ++i) to[i * out_row] = from[i * a.row_stride] - shift;
  };
  const auto copy_row = [&](Index i) {
    const T* from = a.row(begin + i);
    T* to = out + i * out_row;
    if (a.col_stride == 1 && out_col == 1) {
      copy_line(from, a.col_shift, a.n, to);
    } else if (a.col_shift != nullptr) {
      for (Index j = 0; j < a.n; ++j) to[j * out_col] = from[j * a.col_stride] - a.col_shift[j];
    } else {
      for (Index j = 0; j < a.n; ++j) to[j * out_col] = from[j * a.col_stride];
    }
  };
  if (a.row_stride <= a.col_stride) {
    for (Index j = 0; j < a.n; ++j) copy_column(j);
  } else {
    for (Index i = 0; i < count; ++i) copy_row(i);
  }
  if (a.row_shift == nullptr) return;
  for (Index i = 0; i < count; ++i) {
    for (Index j = 0; j < a.n; ++j) out[i * out_row + j * out_col] -= a.row_shift[begin + i];
  }
}

/// The first local element (i, j) that is NaN or infinite, if any, and the largest finite modulus.
/// Local; one pass over the rows.
struct Extremes {
  std::optional<std::pair<Index, Index>> not_finite{};
  double largest = 0;
};

template <Scalar T>
Extremes extremes(const LocalRows<T>& a) {
  Extremes found;
  for (Index i = 0; i < a.m; ++i) {
    for (Index j = 0; j < a.n; ++j) {
      const T x = a.row(i)[j * a.col_stride];
      if (is_finite(x)) {
        found.largest = std::max(found.largest, modulus(x));
      } else if (!found.not_finite) {
        found.not_finite = {i, j};
      }
    }
  }
  return found;
}

/// The largest power of two up to `largest`, between 2^-most and 2^most: what matrices at the ends
/// of the range of numbers are divided by.
inline double power_of_two(double largest, int most) {
  return std::ldexp(1.0, std::clamp(std::ilogb(largest), -most, most));
}

/// Blocks of vectors with this rank's rows, side by side: each row-major, padded with zero columns
/// to whole SIMD vectors, in slabs that several narrow blocks share.
///
/// Memory: m * (sum of padded widths, rounded up to whole slabs) scalars.
template <Scalar T>
class TallBlocks {
 public:
  struct Block {
    T* data;  ///< element (i, c) at data[i * ld + c]
    Index ld;
    Index width;
    Index padded;  ///< a multiple of pad(); columns [width, padded) are zero
  };
  struct Slab {
    Storage<T> storage;
    Index ld = 0;
    Index used = 0;
    Index first_column = 0;      ///< of its first block, counting columns without padding
    std::vector<Index> columns;  ///< for each of [0, used): which column it is, or -1
  };

  explicit TallBlocks(Index m) : m_(m) {}

  /// 64 bytes of scalars: the widest vector register.
  static constexpr Index pad() { return 64 / static_cast<Index>(sizeof(T)); }

  /// Adds a block of `width` columns; whoever asks for it writes all padded columns. @throws
  /// MemoryLimitError
  Block add(Index width) {
    const Index padded = (width + pad() - 1) / pad() * pad();
    if (slabs_.empty() || slabs_.back().used + padded > slabs_.back().ld) {
      const Index ld = std::max(padded, slab_width);
      slabs_.push_back({Storage<T>::allocate(m_ * ld, false), ld, 0, cols_, {}});
    }
    Slab& slab = slabs_.back();
    const Block block{slab.storage.data() + slab.used, slab.ld, width, padded};
    for (Index c = 0; c < padded; ++c) slab.columns.push_back(c < width ? cols_ + c : -1);
    slab.used += padded;
    cols_ += width;
    return block;
  }

  Index rows() const { return m_; }
  /// All columns, padding not counted.
  Index cols() const { return cols_; }
  const std::vector<Slab>& slabs() const { return slabs_; }
  void clear() {
    slabs_.clear();
    cols_ = 0;
  }

 private:
  static constexpr Index slab_width = 64;

  Index m_;
  Index cols_ = 0;
  std::vector<Slab> slabs_;
};

}  // namespace matrass::detail
