// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// How good an answer is, measured on the answer.
/// Next: core/types.hpp
#pragma once

#include <optional>

namespace matrass {

/// Measured, not bounded beforehand, and relative: some unit roundoffs where all is well.
struct Certificate {
  /// How far the product of the factors is from the matrix, or a solution from its equations; each
  /// routine says how.
  double residual = 0;
  /// ||I - Q^H Q||_F, the largest one of all factors that should be orthonormal; if there are any.
  std::optional<double> orthogonality{};
};

}  // namespace matrass
