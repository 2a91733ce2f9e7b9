// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The loops of k-means for the instruction sets of this processor, chosen at run time.
/// Next: algorithm/cluster_kernel.inc.hpp (the loops), algorithm/kmeans_rows.hpp (their use)
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <matrass/core/types.hpp>
#include <type_traits>

namespace matrass::detail {

/// Rows of a panel of k-means: element (i, j) of a packed one is panel[j * packed_rows + i].
inline constexpr int packed_rows = 64;

namespace portable {
#define MATRASS_VECTOR_BYTES 16
#include <matrass/algorithm/cluster_kernel.inc.hpp>
#undef MATRASS_VECTOR_BYTES
}  // namespace portable

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MATRASS_X86_CLUSTER_KERNELS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#define MATRASS_VECTOR_BYTES 32
#include <matrass/algorithm/cluster_kernel.inc.hpp>
#undef MATRASS_VECTOR_BYTES
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,prefer-vector-width=512")
namespace avx512 {
#define MATRASS_VECTOR_BYTES 64
#include <matrass/algorithm/cluster_kernel.inc.hpp>
#undef MATRASS_VECTOR_BYTES
}  // namespace avx512
#pragma GCC pop_options
#endif

template <std::floating_point T>
struct ClusterKernel {
  void (*nearest)(const T*, Index, std::int32_t*);
  void (*distances)(const T*, Index, const double*, double*);
  void (*add_exactly)(const double*, Index, double, const double*, const double*, double*, double*);
};

/// The best one of this processor.
template <std::floating_point T>
const ClusterKernel<T>& cluster_kernel() {
  static const ClusterKernel<T> best = [] {
#ifdef MATRASS_X86_CLUSTER_KERNELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
      return ClusterKernel<T>{avx512::nearest<T>, avx512::distances<T>, avx512::add_exactly};
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      return ClusterKernel<T>{avx2::nearest<T>, avx2::distances<T>, avx2::add_exactly};
    }
#endif
    return ClusterKernel<T>{portable::nearest<T>, portable::distances<T>, portable::add_exactly};
  }();
  return best;
}

}  // namespace matrass::detail
