// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Random numbers without a state: each is a function of a seed and of its place, so that any rank
/// can make any of them.
/// Next: core/normal_quantile.hpp, matrix/random.hpp
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstdint>
#include <matrass/core/types.hpp>
#include <numbers>

namespace matrass {

/// Philox4x64-10: a keyed bijection of 256 bits whose outputs pass BigCrush for counters 0, 1, 2...
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
/// The numbers of NumPy's `Philox` and of Random123.
class Philox {
 public:
  using Counter = std::array<std::uint64_t, 4>;
  using Key = std::array<std::uint64_t, 2>;

  explicit constexpr Philox(Key key) : key_(key) {}

  constexpr Counter operator()(Counter c) const {
    Key k = key_;
    for (int round = 0; round < 10; ++round) {
      const Wide first = Wide{0xD2E7470EE14C6C93U} * c[0];
      const Wide second = Wide{0xCA5A826395121157U} * c[2];
      c = {high(second) ^ c[1] ^ k[0], static_cast<std::uint64_t>(second),
           high(first) ^ c[3] ^ k[1], static_cast<std::uint64_t>(first)};
      k[0] += 0x9E3779B97F4A7C15U;
      k[1] += 0xBB67AE8584CAA73BU;
    }
    return c;
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr std::uint64_t high(Wide x) { return static_cast<std::uint64_t>(x >> 64U); }

  Key key_;
};

/// What numbers are wanted for: other uses of one seed get other numbers.
enum class RandomUse : std::uint64_t { uniform = 0, normal = 1, sign = 2 };

/// 64 random bits for each element (i, j) of a matrix without bounds, and for each of its parts
/// (1: imaginary). Four rows share one call of Philox: element (i, j) is number i % 4 of counter
/// (i / 4, j, part, 0), under the key (seed, use).
class ElementBits {
 public:
  constexpr ElementBits(std::uint64_t seed, RandomUse use)
      : philox_({seed, static_cast<std::uint64_t>(use)}) {}

  /// Elements [i, i + count) of column j to out[0], out[1], ...
  constexpr void fill(Index i, Index count, Index j, int part, std::uint64_t* out) const {
    const Index end = i + count;
    while (i < end) {
      const Philox::Counter four =
          philox_({static_cast<std::uint64_t>(i) >> 2U, static_cast<std::uint64_t>(j),
                   static_cast<std::uint64_t>(part), 0});
      const Index stop = std::min(end, i - i % 4 + 4);
      for (; i < stop; ++i) *out++ = four[static_cast<std::uint64_t>(i) & 3U];
    }
  }

 private:
  Philox philox_;
};

namespace detail {

/// A well mixed function of 64 bits. Source: Steele, Lea, Flood, "Fast splittable pseudorandom
/// number generators" (SplitMix64's finaliser).
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// The standard normal number with this place in the stream of `seed`. For start vectors, whose
/// numbers must stay what they are; matrices have ElementBits.
inline double counter_normal(std::uint64_t seed, Index row, Index col, std::uint64_t part = 0) {
  const std::uint64_t key = mix(mix(mix(seed) ^ static_cast<std::uint64_t>(row)) ^
                                (static_cast<std::uint64_t>(col) * 2 + part));
  const auto uniform = [](std::uint64_t bits) {
    return (static_cast<double>(bits >> 11U) + 0.5) * 0x1p-53;
  };
  return std::sqrt(-2 * std::log(uniform(mix(key)))) *
         std::cos(2 * std::numbers::pi * uniform(mix(key + 1)));
}

template <class N>
N counter_normal_of(std::uint64_t seed, Index row, Index col) {
  if constexpr (is_complex<N>) {
    return {counter_normal(seed, row, col, 0), counter_normal(seed, row, col, 1)};
  } else {
    return counter_normal(seed, row, col);
  }
}

}  // namespace detail

}  // namespace matrass
