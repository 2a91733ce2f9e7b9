// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Sums that do not depend on the order of their terms, nor on how these are dealt to ranks.
/// Next: algorithm/cluster_kernel.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <matrass/core/types.hpp>
#include <matrass/mpi/collectives.hpp>
#include <span>

namespace matrass::detail {

/// Each term is cut at two fixed binary places: t1 = (x + high) - high is x to a multiple of q1,
/// t2 = ((x - t1) + low) - low is the rest to a multiple of q2. The sums of all t1 and of all t2
/// are then exact: whole multiples of q1 and q2 that 53 bits hold. So any order gives the same
/// bits, and taking a term off again leaves no trace.
///
/// With at most m terms of modulus at most `bound`, q1 = 4 m bound 2^-52 and q2 = 2 m q1 2^-52
/// (each rounded up to powers of two): a term is cut off at 2^-62 bound for a million terms, 2^-42
/// for a thousand million.
/// Source: Demmel and Nguyen, "Fast reproducible floating-point summation" (2013).
struct SumBins {
  double high = 0;
  double low = 0;

  SumBins() = default;
  SumBins(double bound, Index terms) {
    constexpr int digits = 52;
    const int count = std::ilogb(static_cast<double>(std::max<Index>(terms, 1))) + 1;
    const int size = bound > 0 ? std::ilogb(bound) + 1 : 0;
    const int first = size + count + 2 - digits;
    const int second = first - 1 + count + 2 - digits;
    high = std::ldexp(1.5, first + digits);
    low = std::ldexp(1.5, second + digits);
  }
};

/// One such sum.
struct ExactSum {
  double high = 0;
  double low = 0;

  void add(double x, const SumBins& bins) {
    const double t = (x + bins.high) - bins.high;
    high += t;
    low += ((x - t) + bins.low) - bins.low;
  }
  double value() const { return high + low; }
};

/// Of all ranks. Collective.
inline double total(const mpi::Communicator& comm, ExactSum sum) {
  double parts[2] = {sum.high, sum.low};
  mpi::allreduce(comm, std::span<double>(parts));
  return parts[0] + parts[1];
}

}  // namespace matrass::detail
