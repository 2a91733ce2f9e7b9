// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The LAPACK symbols, and a solve of BLAS, that the algorithms call, as Fortran declares them.
/// Next: algorithm/lapack.hpp
#pragma once

#include <complex>

extern "C" {
#define MATRASS_LAPACK(name, suffix, T)                                                           \
  void name##trsm##suffix(const char* side, const char* uplo, const char* op, const char* diag,   \
                          const int* m, const int* n, const T* alpha, const T* a, const int* lda, \
                          T* b, const int* ldb);                                                  \
  void name##geqrt##suffix(const int* m, const int* n, const int* nb, T* a, const int* lda, T* t, \
                           const int* ldt, T* work, int* info);                                   \
  void name##gemqrt##suffix(const char* side, const char* op, const int* m, const int* n,         \
                            const int* k, const int* nb, const T* v, const int* ldv, const T* t,  \
                            const int* ldt, T* c, const int* ldc, T* work, int* info);            \
  void name##potrf##suffix(const char* uplo, const int* n, T* a, const int* lda, int* info);
MATRASS_LAPACK(s, _, float)
MATRASS_LAPACK(d, _, double)
MATRASS_LAPACK(c, _, std::complex<float>)
MATRASS_LAPACK(z, _, std::complex<double>)
#undef MATRASS_LAPACK

// The small dense problems are solved in double precision for every scalar.
void dsyevd_(const char* job, const char* uplo, const int* n, double* a, const int* lda, double* w,
             double* work, const int* lwork, int* iwork, const int* liwork, int* info);
void zheevd_(const char* job, const char* uplo, const int* n, std::complex<double>* a,
             const int* lda, double* w, std::complex<double>* work, const int* lwork, double* rwork,
             const int* lrwork, int* iwork, const int* liwork, int* info);
void dgesdd_(const char* job, const int* m, const int* n, double* a, const int* lda, double* s,
             double* u, const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork,
             int* iwork, int* info);
void zgesdd_(const char* job, const int* m, const int* n, std::complex<double>* a, const int* lda,
             double* s, std::complex<double>* u, const int* ldu, std::complex<double>* vt,
             const int* ldvt, std::complex<double>* work, const int* lwork, double* rwork,
             int* iwork, int* info);
void dgeqp3_(const int* m, const int* n, double* a, const int* lda, int* jpvt, double* tau,
             double* work, const int* lwork, int* info);
void zgeqp3_(const int* m, const int* n, std::complex<double>* a, const int* lda, int* jpvt,
             std::complex<double>* tau, std::complex<double>* work, const int* lwork, double* rwork,
             int* info);
void dorgqr_(const int* m, const int* n, const int* k, double* a, const int* lda, const double* tau,
             double* work, const int* lwork, int* info);
void zungqr_(const int* m, const int* n, const int* k, std::complex<double>* a, const int* lda,
             const std::complex<double>* tau, std::complex<double>* work, const int* lwork,
             int* info);
}
