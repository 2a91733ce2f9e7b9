// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Copies of regular runs between strided memory: the loops in which the time is spent.
/// Next: redistribute/stream.hpp
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <matrass/core/types.hpp>
#include <matrass/redistribute/lines.hpp>

namespace matrass::detail {

/// How far ahead of a copy its source is fetched, in bytes: the next run is often close by.
inline constexpr Index fetch_ahead = 1024;

/// The same for copies past the cache, which go from memory to memory.
inline constexpr Index fetch_far_ahead = 4096;

/// The shortest stretch that is worth looking at where its lines begin.
template <class T>
inline constexpr Index worth_past_cache = 4 * cache_line / Index{sizeof(T)};

template <class T>
void copy_contiguous(const T* from, T* to, Index length, Write write) {
  constexpr Index line = line_of<T>;
  Index k = 0;
  if (write == Write::past_cache && length >= worth_past_cache<T>) {
    for (const Index head = to_next_line(to, length); k < head; ++k) to[k] = from[k];
    const bool aligned = starts_line(to + k);
    for (; aligned && k + line <= length; k += line) {
      __builtin_prefetch(from + k + fetch_far_ahead / Index{sizeof(T)});
      write_line_past_cache(from + k, to + k);
    }
  }
  for (; k + line <= length; k += line) {
    __builtin_prefetch(from + k + fetch_ahead / Index{sizeof(T)});
    std::memcpy(to + k, from + k, cache_line);
  }
  for (; k < length; ++k) to[k] = from[k];
}

/// Every from_stride-th element to consecutive places.
template <class T>
void gather(const T* from, Index from_stride, T* to, Index length, Write write) {
  Index k = 0;
  if (write == Write::past_cache && length >= worth_past_cache<T>) {
    for (const Index head = to_next_line(to, length); k < head; ++k) to[k] = from[k * from_stride];
    const bool aligned = starts_line(to + k);
    for (; aligned && k + line_of<T> <= length; k += line_of<T>) {
      const T* const next = from + k * from_stride;
      __builtin_prefetch(next + 16 * line_of<T> * from_stride);
      write_line<Write::past_cache>([&](Index n) { return next + n * from_stride; }, to + k);
    }
  }
  for (; k < length; ++k) to[k] = from[k * from_stride];
}

/// Consecutive elements to every to_stride-th place: lines that are only partly written are read
/// first, so they are asked for ahead of time.
template <class T>
void scatter(const T* from, T* to, Index to_stride, Index length) {
  constexpr Index line = line_of<T>;
  constexpr Index ahead = fetch_ahead / Index{sizeof(T)};
  const Index lines = std::min(to_stride, line);  // that `line` elements touch
  const Index step = std::max(to_stride, line);
  Index k = 0;
  for (; k + line <= length; k += line) {
    __builtin_prefetch(from + k + ahead);
    const T* next = to + (k + ahead) * to_stride;
    for (Index n = 0; n < lines; ++n) __builtin_prefetch(next + n * step, 1);
    for (Index n = 0; n < line; ++n) to[(k + n) * to_stride] = from[k + n];
  }
  for (; k < length; ++k) to[k * to_stride] = from[k];
}

template <class T>
void copy_strided(const T* from, Index from_stride, T* to, Index to_stride, Index length,
                  Write write) {
  if (from_stride == 1 && to_stride == 1) {
    copy_contiguous(from, to, length, write);
  } else if (to_stride == 1) {
    gather(from, from_stride, to, length, write);
  } else if (from_stride == 1) {
    scatter(from, to, to_stride, length);
  } else {
    for (Index k = 0; k < length; ++k) to[k * to_stride] = from[k * from_stride];
  }
}

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

/// How far along its contiguous axis the source is read before the next rows' turn.
inline constexpr Index turn_width = 32;

/// Turns ni x nj elements: the target is contiguous along i, the source along j (or nearly so).
template <class T>
void turn(const T* from, Index from_i, Index from_j, T* to, Index to_i, Index to_j, Index ni,
          Index nj, Write write) {
  constexpr Index line = line_of<T>;
  const auto plain = [&](Index i0, Index i1) {
    for (Index j = 0; j < nj; ++j) {
      for (Index i = i0; i < i1; ++i) to[i * to_i + j * to_j] = from[i * from_i + j * from_j];
    }
  };
  if (to_i != 1) return plain(0, ni);
  const Index head = to_next_line(to, ni);
  const Index end = head + (ni - head) / line * line;
  plain(0, head);
  for (Index j0 = 0; j0 < nj; j0 += turn_width) {
    for (Index i = head; i < end; i += line) {
      for (Index j = j0; j < std::min(nj, j0 + turn_width); ++j) {
        const T* f = from + i * from_i + j * from_j;
        if (j % line == 0) {  // the same columns of the next rows
          for (Index n = line; n < 2 * line; ++n) __builtin_prefetch(f + n * from_i);
        }
        T* const t = to + i + j * to_j;
        const auto at = [&](Index n) { return f + n * from_i; };
        if (!starts_line(t)) {
          for (Index n = 0; n < line; ++n) t[n] = *at(n);
        } else if (write == Write::past_cache) {
          write_line<Write::past_cache>(at, t);
        } else {
          write_line<Write::cached>(at, t);
        }
      }
    }
  }
  plain(end, ni);
}

/// Copies a run of rows in `cols` columns that are `from_col` and `to_col` apart.
template <class T>
void copy_columns(const T* from, T* to, const RunCopy& run, Index cols, Index from_col,
                  Index to_col, Write write) {
  const RunCopy rows = run.flattened();
  if (rows.length * rows.count == 1) return copy_strided(from, from_col, to, to_col, cols, write);
  // Which side has contiguous rows rather than columns.
  const bool from_rows = cols > 1 && std::abs(from_col) < std::abs(rows.from.stride);
  const bool to_rows = cols > 1 && std::abs(to_col) < std::abs(rows.to.stride);
  if (!from_rows && !to_rows) {
    for (Index j = 0; j < cols; ++j) {
      for (Index r = 0; r < rows.count; ++r) {
        copy_strided(from + j * from_col + r * rows.from.repeat, rows.from.stride,
                     to + j * to_col + r * rows.to.repeat, rows.to.stride, rows.length, write);
      }
    }
    return;
  }
  for (Index r = 0; r < rows.count; ++r) {
    const T* f = from + r * rows.from.repeat;
    T* t = to + r * rows.to.repeat;
    if (from_rows && to_rows) {
      for (Index k = 0; k < rows.length; ++k) {
        copy_strided(f + k * rows.from.stride, from_col, t + k * rows.to.stride, to_col, cols,
                     write);
      }
    } else if (from_rows) {
      turn(f, rows.from.stride, from_col, t, rows.to.stride, to_col, rows.length, cols, write);
    } else {
      turn(f, from_col, rows.from.stride, t, to_col, rows.to.stride, cols, rows.length, write);
    }
  }
}

}  // namespace matrass::detail
