// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// How ScaLAPACK addresses a distribution: the map of a BLACS context and the nine integers.
/// Next: grid/process_grid.hpp
#pragma once

#include <algorithm>
#include <array>
#include <matrass/core/narrow.hpp>
#include <matrass/layout/distribution.hpp>
#include <vector>

namespace matrass {

/// ScaLAPACK's array descriptor: DTYPE_, CTXT_, M_, N_, MB_, NB_, RSRC_, CSRC_, LLD_.
using Descriptor = std::array<int, 9>;

/// Which rank stands where on a BLACS context: `ranks[row + col * shape.rows]`.
struct ContextMap {
  GridShape shape;
  std::vector<int> ranks;

  friend bool operator==(const ContextMap&, const ContextMap&) = default;
  friend bool operator<(const ContextMap& a, const ContextMap& b) {
    if (a.shape.rows != b.shape.rows) return a.shape.rows < b.shape.rows;
    return a.ranks < b.ranks;
  }
};

namespace detail {

/// Where the pair of places of `rank`, which holds a part, is in a ContextMap.
inline std::size_t position_on_context(const Distribution& d, int rank) {
  const auto row = static_cast<std::size_t>(*d.row_place(rank));
  const auto col = static_cast<std::size_t>(*d.col_place(rank));
  return row + col * static_cast<std::size_t>(d.rows().nprocs);
}

}  // namespace detail

/// Whether each pair of places is one rank's: no replicas, and no hole where nobody stands.
inline bool scalapack_can_address(const Distribution& d) {
  std::vector<int> count(static_cast<std::size_t>(d.rows().nprocs) * d.cols().nprocs, 0);
  for (int rank = 0; rank < d.grid().comm_size; ++rank) {
    if (d.holds(rank)) ++count[detail::position_on_context(d, rank)];
  }
  return std::all_of(count.begin(), count.end(), [](int n) { return n == 1; });
}

/// The map of the BLACS context on which ScaLAPACK addresses `d`.
/// @throws LayoutError if it cannot (the layout has replicas).
inline ContextMap context_map(const Distribution& d) {
  if (!scalapack_can_address(d)) {
    throw LayoutError("descriptor: ScaLAPACK cannot address " + to_string(d) +
                      " (parts are replicated; redistribute to [MC,MR] first)");
  }
  ContextMap map{{d.rows().nprocs, d.cols().nprocs},
                 std::vector<int>(static_cast<std::size_t>(d.rows().nprocs) * d.cols().nprocs)};
  for (int rank = 0; rank < d.grid().comm_size; ++rank) {
    if (d.holds(rank)) map.ranks[detail::position_on_context(d, rank)] = rank;
  }
  return map;
}

/// The nine integers for `d` on BLACS context `context` (-1 on ranks outside) with local leading
/// dimension `ld`.
///
/// A view that starts inside a block is described by the whole of its first block: M_ and N_ count
/// the missing head too, and the view starts at (IA, JA) = (rows().first + 1, cols().first + 1).
/// @throws InvalidArgument if an extent or the leading dimension does not fit 32 bits.
inline Descriptor make_descriptor(const Distribution& d, int context, Index ld) {
  return {1,
          context,
          narrow(d.rows().first + d.rows().extent, "descriptor: rows"),
          narrow(d.cols().first + d.cols().extent, "descriptor: columns"),
          narrow(d.rows().block, "descriptor: row block"),
          narrow(d.cols().block, "descriptor: column block"),
          d.rows().source,
          d.cols().source,
          narrow(std::max<Index>(1, ld), "descriptor: local leading dimension")};
}

}  // namespace matrass
