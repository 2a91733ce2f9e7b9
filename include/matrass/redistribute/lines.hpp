// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Cache lines: putting one together, and writing it past the cache.
/// Next: redistribute/copy.hpp
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

/// Elements of T in a cache line.
template <class T>
inline constexpr Index line_of = cache_line / Index{sizeof(T)};

/// How many elements of T from `to` on lie before the next cache line begins.
template <class T>
Index to_next_line(const T* to, Index length) {
  const auto over = static_cast<Index>(reinterpret_cast<std::uintptr_t>(to) % cache_line);
  const Index bytes = over == 0 ? 0 : cache_line - over;
  return std::min(length, (bytes + Index{sizeof(T)} - 1) / Index{sizeof(T)});
}

template <class T>
bool starts_line(const T* to) {
  return reinterpret_cast<std::uintptr_t>(to) % cache_line == 0;
}

#if defined(__SSE2__)

/// 16 bytes, element k of which is *at(k).
template <class T, class At>
__m128i load_pack(const At& at) {
  if constexpr (sizeof(T) == 16) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at(0)));
  } else if constexpr (sizeof(T) == 8) {
    const __m128d first = _mm_load_sd(reinterpret_cast<const double*>(at(0)));
    return _mm_castpd_si128(_mm_loadh_pd(first, reinterpret_cast<const double*>(at(1))));
  } else {
    const auto one = [&](Index k) { return _mm_load_ss(reinterpret_cast<const float*>(at(k))); };
    const __m128 first = _mm_unpacklo_ps(one(0), one(1));
    return _mm_castps_si128(_mm_movelh_ps(first, _mm_unpacklo_ps(one(2), one(3))));
  }
}

/// Writes the line at `to`, which starts one: element k is *at(k).
template <Write write, class T, class At>
void write_line(const At& at, T* to) {
  constexpr Index pack = 16 / Index{sizeof(T)};
  for (Index k = 0; k < line_of<T>; k += pack) {
    const __m128i elements = load_pack<T>([&](Index i) { return at(k + i); });
    auto* const place = reinterpret_cast<__m128i*>(to + k);
    if constexpr (write == Write::past_cache) {
      _mm_stream_si128(place, elements);
    } else {
      _mm_store_si128(place, elements);
    }
  }
}

/// The same from consecutive elements.
template <class T>
void write_line_past_cache(const T* from, T* to) {
  for (Index k = 0; k < cache_line / 16; ++k) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to) + k,
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + k));
  }
}

/// Until this returns, other threads may not see what was written past the cache.
inline void finish_writing() { _mm_sfence(); }

#else

template <Write write, class T, class At>
void write_line(const At& at, T* to) {
  for (Index k = 0; k < line_of<T>; ++k) to[k] = *at(k);
}

template <class T>
void write_line_past_cache(const T* from, T* to) {
  std::memcpy(to, from, cache_line);
}

inline void finish_writing() {}

#endif

}  // namespace matrass::detail
