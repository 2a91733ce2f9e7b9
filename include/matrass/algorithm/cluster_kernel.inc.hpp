// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The loops of k-means over one panel, which cluster_kernel.hpp includes once for each instruction
/// set. Next: algorithm/kmeans_rows.hpp
//
// Included several times, so without an include guard, inside a namespace and a target region, with
//   MATRASS_VECTOR_BYTES  bytes of a vector register

/// best[i] = the first r that has the least scores[r * packed_rows + i]. NaN is never the least.
template <class T>
void nearest(const T* scores, Index k, std::int32_t* best) {
  using Integer = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
  using V [[gnu::vector_size(MATRASS_VECTOR_BYTES), gnu::may_alias]] = T;
  using I [[gnu::vector_size(MATRASS_VECTOR_BYTES)]] = Integer;
  constexpr int lanes = MATRASS_VECTOR_BYTES / static_cast<int>(sizeof(T));
  for (int i = 0; i < packed_rows; i += lanes) {
    V least = V{} + std::numeric_limits<T>::infinity();
    I index{};
    I at{};
    for (Index r = 0; r < k; ++r) {
      const V score = *reinterpret_cast<const V*>(scores + r * packed_rows + i);
      const I less = score < least;
      least = less ? score : least;
      index = less ? at : index;
      at += 1;
    }
    for (int lane = 0; lane < lanes; ++lane)
      best[i + lane] = static_cast<std::int32_t>(index[lane]);
  }
}

/// squares[i] = ||row i - centre||^2, differences first; each row by the same operations in the
/// same order.
template <class T>
void distances(const T* panel, Index n, const double* centre, double* squares) {
  for (int i = 0; i < packed_rows; ++i) squares[i] = 0;
  for (Index j = 0; j < n; ++j) {
    const T* column = panel + j * packed_rows;
    const double c = centre[j];
    for (int i = 0; i < packed_rows; ++i) {
      const double d = static_cast<double>(column[i]) - c;
      squares[i] += d * d;
    }
  }
}

/// Adds `sign` (1 or -1) times n numbers to exact sums, bins by columns.
inline void add_exactly(const double* x, Index n, double sign, const double* high,
                        const double* low, double* high_sums, double* low_sums) {
  for (Index j = 0; j < n; ++j) {
    const double t = (x[j] + high[j]) - high[j];
    const double rest = ((x[j] - t) + low[j]) - low[j];
    high_sums[j] += sign * t;
    low_sums[j] += sign * rest;
  }
}
