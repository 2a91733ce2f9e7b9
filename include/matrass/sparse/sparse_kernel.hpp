// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The products of sparse rows with narrow row-major blocks, for the instruction sets of this
/// processor, chosen at run time.
/// Next: sparse/sparse_kernel.inc.hpp (the kernel), sparse/sparse_rows.hpp (its use)
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <matrass/core/types.hpp>
#include <string_view>
#include <type_traits>
#include <vector>

namespace matrass::detail {

/// For rows i: y_i = sum of a_ic v_c (`forward`), then w_c += conj(a_ic) y_i for each entry
/// (`adjoint`): each row's entries are read once, and are in the nearest cache for the second.
///
/// Rows of v, y and w are of real numbers (complex ones are `pairs`). `width` is a multiple of 64
/// bytes, and so aligned, or 1, 2, 4, ... numbers in less than 64 bytes, aligned to their size. W
/// is in double precision, whatever R is: a column may have any number of entries.
template <std::floating_point R>
struct SparseSweep {
  Index rows = 0;
  const Index* starts = nullptr;  ///< rows + 1 of them; entries [starts[i], starts[i + 1])
  const std::int32_t* columns = nullptr;
  const R* values = nullptr;
  bool pairs = false;
  R sign = 1;  ///< -1: of the conjugated matrix
  bool forward = true;
  bool adjoint = true;
  Index width = 0;
  const R* v = nullptr;
  double* w = nullptr;
  Index ld = 0;  ///< of v and w
  R* y = nullptr;
  Index ldy = 0;
};

namespace sparse_portable {
#define MATRASS_VECTOR_BYTES 16
#include <matrass/sparse/sparse_kernel.inc.hpp>
#undef MATRASS_VECTOR_BYTES
}  // namespace sparse_portable

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MATRASS_X86_SPARSE
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace sparse_avx2 {
#define MATRASS_VECTOR_BYTES 32
#include <matrass/sparse/sparse_kernel.inc.hpp>
#undef MATRASS_VECTOR_BYTES
}  // namespace sparse_avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
namespace sparse_avx512 {
#define MATRASS_VECTOR_BYTES 64
#include <matrass/sparse/sparse_kernel.inc.hpp>
#undef MATRASS_VECTOR_BYTES
}  // namespace sparse_avx512
#pragma GCC pop_options
#endif

template <std::floating_point R>
struct SparseKernel {
  std::string_view name;
  void (*run)(const SparseSweep<R>&);
  void (*nearest)(const R*, Index, Index, const R*, std::int32_t*);  ///< nearest_in_rows
};

/// The kernels that this processor can run, the best one first.
template <std::floating_point R>
std::vector<SparseKernel<R>> sparse_kernels() {
  std::vector<SparseKernel<R>> usable;
#ifdef MATRASS_X86_SPARSE
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
    usable.push_back({"avx512", sparse_avx512::run<R>, sparse_avx512::nearest_in_rows<R>});
  }
  if (has_avx2) usable.push_back({"avx2", sparse_avx2::run<R>, sparse_avx2::nearest_in_rows<R>});
#endif
  usable.push_back({"portable", sparse_portable::run<R>, sparse_portable::nearest_in_rows<R>});
  return usable;
}

/// The best kernel of this processor.
template <std::floating_point R>
const SparseKernel<R>& sparse_kernel() {
  static const SparseKernel<R> best = sparse_kernels<R>().front();
  return best;
}

#ifdef MATRASS_LINKED
extern template std::vector<SparseKernel<float>> sparse_kernels<float>();
extern template std::vector<SparseKernel<double>> sparse_kernels<double>();
#endif

}  // namespace matrass::detail
