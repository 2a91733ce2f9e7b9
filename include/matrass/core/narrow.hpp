// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The one place where 64-bit extents become the 32-bit integers of ScaLAPACK and MPI.
/// Next: mpi/check.hpp
#pragma once

#include <limits>
#include <matrass/core/error.hpp>
#include <matrass/core/types.hpp>
#include <string>

namespace matrass {

/// `value` as an `int`.
/// @param what names the quantity in the error, for example "matmul: local rows".
/// @throws InvalidArgument if it does not fit.
inline int narrow(Index value, const char* what) {
  if (value < 0 || value > std::numeric_limits<int>::max()) {
    throw InvalidArgument(std::string(what) + " must fit a 32-bit integer: got " +
                          std::to_string(value) + " (use more ranks)");
  }
  return static_cast<int>(value);
}

/// ceil(a / b) for a >= 0, b > 0.
constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

/// a mod b in [0, b), for any sign of a.
constexpr Index floor_mod(Index a, Index b) { return ((a % b) + b) % b; }

/// floor(a / b) for any sign of a, b > 0.
constexpr Index floor_div(Index a, Index b) { return (a - floor_mod(a, b)) / b; }

}  // namespace matrass
