// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The products of BLAS by value, for one rank's share of a distributed product.
/// Next: scalapack/factor_panels.hpp
#pragma once

#include <complex>
#include <matrass/core/types.hpp>

extern "C" {
#define MATRASS_BLAS(p, T)                                                                    \
  void p##gemm_(const char* op_a, const char* op_b, const int* m, const int* n, const int* k, \
                const T* alpha, const T* a, const int* lda, const T* b, const int* ldb,       \
                const T* beta, T* c, const int* ldc);                                         \
  void p##syrk_(const char* uplo, const char* op, const int* n, const int* k, const T* alpha, \
                const T* a, const int* lda, const T* beta, T* c, const int* ldc);             \
  void p##trmm_(const char* side, const char* uplo, const char* op, const char* diag,         \
                const int* m, const int* n, const T* alpha, const T* a, const int* lda, T* b, \
                const int* ldb);
MATRASS_BLAS(s, float)
MATRASS_BLAS(d, double)
MATRASS_BLAS(c, std::complex<float>)
MATRASS_BLAS(z, std::complex<double>)
#undef MATRASS_BLAS
void cherk_(const char* uplo, const char* op, const int* n, const int* k, const float* alpha,
            const std::complex<float>* a, const int* lda, const float* beta, std::complex<float>* c,
            const int* ldc);
void zherk_(const char* uplo, const char* op, const int* n, const int* k, const double* alpha,
            const std::complex<double>* a, const int* lda, const double* beta,
            std::complex<double>* c, const int* ldc);
}

namespace matrass::detail::blas {

#define MATRASS_BLAS(p, T)                                                                       \
  inline void gemm(char op_a, char op_b, int m, int n, int k, T alpha, const T* a, int lda,      \
                   const T* b, int ldb, T beta, T* c, int ldc) {                                 \
    p##gemm_(&op_a, &op_b, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc);                \
  }                                                                                              \
  inline void syrk(char uplo, char op, int n, int k, T alpha, const T* a, int lda, T beta, T* c, \
                   int ldc) {                                                                    \
    p##syrk_(&uplo, &op, &n, &k, &alpha, a, &lda, &beta, c, &ldc);                               \
  }                                                                                              \
  inline void trmm(char side, char uplo, char op, int m, int n, const T* a, int lda, T* b,       \
                   int ldb) {                                                                    \
    const char diag = 'N';                                                                       \
    const T one{1};                                                                              \
    p##trmm_(&side, &uplo, &op, &diag, &m, &n, &one, a, &lda, b, &ldb);                          \
  }
MATRASS_BLAS(s, float)
MATRASS_BLAS(d, double)
MATRASS_BLAS(c, std::complex<float>)
MATRASS_BLAS(z, std::complex<double>)
#undef MATRASS_BLAS

/// c = a^H a + beta c (op 'C'), or a a^H + beta c (op 'N'): one triangle. Real: syrk.
template <Scalar T>
void herk(char uplo, char op, int n, int k, const T* a, int lda, Real<T> beta, T* c, int ldc) {
  if constexpr (is_complex<T>) {
    const Real<T> one{1};
    if constexpr (std::same_as<T, std::complex<float>>) {
      cherk_(&uplo, &op, &n, &k, &one, a, &lda, &beta, c, &ldc);
    } else {
      zherk_(&uplo, &op, &n, &k, &one, a, &lda, &beta, c, &ldc);
    }
  } else {
    syrk(uplo, op == 'C' ? 'T' : op, n, k, T{1}, a, lda, beta, c, ldc);
  }
}

}  // namespace matrass::detail::blas
