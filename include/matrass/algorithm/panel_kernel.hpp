// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The register-tiled product of a panel with a narrow block, for the instruction sets of this
/// processor, chosen at run time.
/// Next: algorithm/panel_kernel.inc.hpp (the kernel), algorithm/normal_product.hpp (its use)
#pragma once

#include <algorithm>
#include <concepts>
#include <matrass/core/types.hpp>
#include <string_view>
#include <vector>

namespace matrass::detail {

/// Which part of the next panel a product fetches while it computes: where two products share the
/// panel, each takes one half.
enum class Share { all, first_half, second_half };

/// c(r, 0:width) += sum over k < depth of a[r * sr + k * sk] * b(k, 0:width), or = without
/// `accumulate`, for r < rows. b(k, j) is b[k * ldb + j], c alike; both are aligned to 64 bytes,
/// their leading dimensions are whole vectors, and they have columns up to the next multiple of 64
/// bytes.
template <std::floating_point T>
struct PanelProduct {
  Index rows = 0;
  Index depth = 0;
  Index width = 0;
  const T* a = nullptr;
  Index sr = 1;
  Index sk = 1;
  const T* b = nullptr;
  Index ldb = 0;
  T* c = nullptr;
  Index ldc = 0;
  bool accumulate = false;
  const T* next = nullptr;  ///< a(0, 0) of the next panel, of the same shape and strides; or null
  Share share = Share::all;
};

namespace portable {
#define MATRASS_VECTOR_BYTES 16
#define MATRASS_ACCUMULATORS 12
#include <matrass/algorithm/panel_kernel.inc.hpp>
#undef MATRASS_ACCUMULATORS
#undef MATRASS_VECTOR_BYTES
}  // namespace portable

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MATRASS_X86_KERNELS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#define MATRASS_VECTOR_BYTES 32
#define MATRASS_ACCUMULATORS 12
#include <matrass/algorithm/panel_kernel.inc.hpp>
#undef MATRASS_ACCUMULATORS
#undef MATRASS_VECTOR_BYTES
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
namespace avx512 {
#define MATRASS_VECTOR_BYTES 64
#define MATRASS_ACCUMULATORS 24
#include <matrass/algorithm/panel_kernel.inc.hpp>
#undef MATRASS_ACCUMULATORS
#undef MATRASS_VECTOR_BYTES
}  // namespace avx512
#pragma GCC pop_options
#endif

template <std::floating_point T>
struct PanelKernel {
  std::string_view name;
  void (*product)(const PanelProduct<T>&);
};

/// The kernels that this processor can run, the best one first.
template <std::floating_point T>
std::vector<PanelKernel<T>> panel_kernels() {
  std::vector<PanelKernel<T>> usable;
#ifdef MATRASS_X86_KERNELS
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
    usable.push_back({"avx512", avx512::product<T>});
  }
  if (has_avx2) usable.push_back({"avx2", avx2::product<T>});
#endif
  usable.push_back({"portable", portable::product<T>});
  return usable;
}

/// The best kernel of this processor.
template <std::floating_point T>
const PanelKernel<T>& panel_kernel() {
  static const PanelKernel<T> best = panel_kernels<T>().front();
  return best;
}

}  // namespace matrass::detail
