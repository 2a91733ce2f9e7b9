// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Uniform random numbers that depend on a seed and on global indices only, not on ranks.
/// Next: algorithm/kmeans_init.hpp, algorithm/random_features.hpp
#pragma once

#include <cstdint>
#include <matrass/algorithm/start_block.hpp>

namespace matrass::detail {

/// The number in (0, 1) with this place in the stream of `seed`; never 0 or 1.
inline double counter_uniform(std::uint64_t seed, Index row, std::uint64_t stream) {
  const std::uint64_t bits = mix(mix(mix(seed) ^ static_cast<std::uint64_t>(row)) ^ mix(stream));
  return (static_cast<double>(bits >> 11U) + 0.5) * 0x1p-53;
}

}  // namespace matrass::detail
