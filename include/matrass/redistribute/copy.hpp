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
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace matrass::detail {

/// How a copy writes. `past_cache` writes whole cache lines straight to memory: they need not be
/// read first, and do not push anything out of the cache. For results larger than the cache.
enum class Write { cached, past_cache };

inline constexpr Index cache_line = 64;  ///< bytes

/// How far ahead of a copy its source is fetched, in bytes: the next run is often close by.
inline constexpr Index fetch_ahead = 1024;

#if defined(__SSE2__)
inline void write_line_past_cache(const std::byte* from, std::byte* to) {
  for (Index k = 0; k < cache_line; k += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + k),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + k)));
  }
}
template <class T>
void write_past_cache(const T& from, T* to) {
  if constexpr (sizeof(T) == 4) {
    int bits = 0;
    std::memcpy(&bits, &from, sizeof bits);
    _mm_stream_si32(reinterpret_cast<int*>(to), bits);
  } else if constexpr (sizeof(T) == 8 && sizeof(void*) == 8) {
    long long bits = 0;
    std::memcpy(&bits, &from, sizeof bits);
    _mm_stream_si64(reinterpret_cast<long long*>(to), bits);
  } else {
    *to = from;
  }
}
/// Until this returns, other threads may not see what was written past the cache.
inline void finish_writing() { _mm_sfence(); }
#else
inline void write_line_past_cache(const std::byte* from, std::byte* to) {
  std::memcpy(to, from, cache_line);
}
template <class T>
void write_past_cache(const T& from, T* to) {
  *to = from;
}
inline void finish_writing() {}
#endif

/// How many elements of T from `to` on lie before the next cache line begins.
template <class T>
Index to_next_line(const T* to, Index length) {
  const auto over = static_cast<Index>(reinterpret_cast<std::uintptr_t>(to) % cache_line);
  const Index bytes = over == 0 ? 0 : cache_line - over;
  return std::min(length, (bytes + Index{sizeof(T)} - 1) / Index{sizeof(T)});
}

/// The shortest stretch that is worth looking at where its lines begin.
template <class T>
inline constexpr Index worth_past_cache = 4 * cache_line / Index{sizeof(T)};

template <class T>
void copy_contiguous(const T* from, T* to, Index length, Write write) {
  constexpr Index line = cache_line / Index{sizeof(T)};
  Index k = 0;
  if (write == Write::past_cache && length >= worth_past_cache<T>) {
    for (const Index head = to_next_line(to, length); k < head; ++k) to[k] = from[k];
    const bool aligned = reinterpret_cast<std::uintptr_t>(to + k) % cache_line == 0;
    for (; aligned && k + line <= length; k += line) {
      __builtin_prefetch(from + k + fetch_ahead / Index{sizeof(T)});
      write_line_past_cache(reinterpret_cast<const std::byte*>(from + k),
                            reinterpret_cast<std::byte*>(to + k));
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
    const Index lines = (length - k) * Index{sizeof(T)} / cache_line * cache_line;
    const Index end = k + lines / Index{sizeof(T)};
    for (; k < end; ++k) write_past_cache(from[k * from_stride], to + k);
  }
  for (; k < length; ++k) to[k] = from[k * from_stride];
}

/// Consecutive elements to every to_stride-th place: lines that are only partly written are read
/// first, so they are asked for ahead of time.
template <class T>
void scatter(const T* from, T* to, Index to_stride, Index length) {
  constexpr Index line = cache_line / Index{sizeof(T)};
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

/// One run of rows for a tile of columns, columns inside: for memory whose rows are contiguous.
template <class T>
void copy_row_major(const T* from, T* to, const RunCopy& rows, Index cols, Index from_col,
                    Index to_col) {
  for (Index r = 0; r < rows.count; ++r) {
    const T* f = from + r * rows.from.repeat;
    T* t = to + r * rows.to.repeat;
    for (Index k = 0; k < rows.length; ++k) {
      copy_strided(f + k * rows.from.stride, from_col, t + k * rows.to.stride, to_col, cols,
                   Write::cached);
    }
  }
}

/// How many columns are copied together where rows are contiguous on one side: a line of doubles
/// on that side, and few enough write streams on the other.
inline constexpr Index column_tile = 16;

/// Copies rows x cols elements, where `cols` counts columns that are `from_col` and `to_col` apart.
template <class T>
void copy_columns(const T* from, T* to, const RunCopy& run, Index cols, Index from_col,
                  Index to_col, Write write) {
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
                   rows.to.stride, rows.length, write);
    }
  }
}

}  // namespace matrass::detail
