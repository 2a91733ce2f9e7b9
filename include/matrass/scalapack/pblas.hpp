// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The PBLAS routines that the library calls, one overload for each scalar.
/// Next: scalapack/matmul.hpp
#pragma once

#include <complex>
#include <matrass/core/types.hpp>

extern "C" {
#define MATRASS_PGEMM(name, T)                                                                \
  void name(const char* op_a, const char* op_b, const int* m, const int* n, const int* k,     \
            const T* alpha, const T* a, const int* ia, const int* ja, const int* desc_a,      \
            const T* b, const int* ib, const int* jb, const int* desc_b, const T* beta, T* c, \
            const int* ic, const int* jc, const int* desc_c);
MATRASS_PGEMM(psgemm_, float)
MATRASS_PGEMM(pdgemm_, double)
MATRASS_PGEMM(pcgemm_, std::complex<float>)
MATRASS_PGEMM(pzgemm_, std::complex<double>)
#undef MATRASS_PGEMM
}

namespace matrass::detail {

/// PxGEMM of the scalar T.
template <Scalar T>
constexpr auto pgemm() {
  if constexpr (std::same_as<T, float>) return psgemm_;
  if constexpr (std::same_as<T, double>) return pdgemm_;
  if constexpr (std::same_as<T, std::complex<float>>) return pcgemm_;
  if constexpr (std::same_as<T, std::complex<double>>) return pzgemm_;
}

}  // namespace matrass::detail
