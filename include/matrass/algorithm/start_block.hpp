// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Random start vectors that depend on a seed and on global indices only, not on ranks.
/// Next: algorithm/krylov_basis.hpp
#pragma once

#include <cstdint>
#include <matrass/algorithm/lapack.hpp>
#include <matrass/core/counter_random.hpp>

namespace matrass::detail {

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
