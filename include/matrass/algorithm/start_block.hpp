// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Random start vectors that depend on a seed and on global indices only, not on ranks.
/// Next: algorithm/krylov_basis.hpp
#pragma once

#include <cmath>
#include <cstdint>
#include <matrass/algorithm/lapack.hpp>
#include <numbers>

namespace matrass::detail {

/// A well mixed function of 64 bits. Source: Steele, Lea, Flood, "Fast splittable pseudorandom
/// number generators" (SplitMix64's finaliser).
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// The standard normal number with this place in the stream of `seed`. Never zero.
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

/// n x cols random numbers, columns [first, first + cols) of the stream.
template <class N>
Small<N> random_block(Index n, Index cols, std::uint64_t seed, Index first) {
  Small<N> x(n, cols);
  for (Index j = 0; j < cols; ++j) {
    for (Index i = 0; i < n; ++i) x(i, j) = counter_normal_of<N>(seed, i, first + j);
  }
  return x;
}

}  // namespace matrass::detail
