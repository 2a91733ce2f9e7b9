// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The ScaLAPACK symbols that the factorisations call, as Fortran declares them.
/// Next: scalapack/routines.hpp
#pragma once

#include <complex>

extern "C" {
// A matrix is four arguments: its memory, IA, JA and DESCA.
#define MATRASS_MATRIX(T, a) T *a, const int *i##a, const int *j##a, const int *desc_##a

#define MATRASS_SCALAPACK(p, T)                                                               \
  void p##potrf_(const char* uplo, const int* n, MATRASS_MATRIX(T, a), int* info);            \
  void p##potrs_(const char* uplo, const int* n, const int* nrhs, MATRASS_MATRIX(const T, a), \
                 MATRASS_MATRIX(T, b), int* info);                                            \
  void p##getrf_(const int* m, const int* n, MATRASS_MATRIX(T, a), int* pivots, int* info);   \
  void p##getrs_(const char* op, const int* n, const int* nrhs, MATRASS_MATRIX(const T, a),   \
                 const int* pivots, MATRASS_MATRIX(T, b), int* info);                         \
  void p##geqrf_(const int* m, const int* n, MATRASS_MATRIX(T, a), T* tau, T* work,           \
                 const int* lwork, int* info);                                                \
  void p##gehrd_(const int* n, const int* ilo, const int* ihi, MATRASS_MATRIX(T, a), T* tau,  \
                 T* work, const int* lwork, int* info);
MATRASS_SCALAPACK(ps, float)
MATRASS_SCALAPACK(pd, double)
MATRASS_SCALAPACK(pc, std::complex<float>)
MATRASS_SCALAPACK(pz, std::complex<double>)
#undef MATRASS_SCALAPACK

#define MATRASS_FORM_Q(name, T)                                                                    \
  void name(const int* m, const int* n, const int* k, MATRASS_MATRIX(T, a), const T* tau, T* work, \
            const int* lwork, int* info);
MATRASS_FORM_Q(psorgqr_, float)
MATRASS_FORM_Q(pdorgqr_, double)
MATRASS_FORM_Q(pcungqr_, std::complex<float>)
MATRASS_FORM_Q(pzungqr_, std::complex<double>)
#undef MATRASS_FORM_Q

#define MATRASS_REAL(p, T)                                                                         \
  void p##gesvd_(const char* job_u, const char* job_vt, const int* m, const int* n,                \
                 MATRASS_MATRIX(T, a), T* s, MATRASS_MATRIX(T, u), MATRASS_MATRIX(T, vt), T* work, \
                 const int* lwork, int* info);                                                     \
  void p##syevd_(const char* job, const char* uplo, const int* n, MATRASS_MATRIX(T, a), T* w,      \
                 MATRASS_MATRIX(T, z), T* work, const int* lwork, int* iwork, const int* liwork,   \
                 int* info);                                                                       \
  void p##lahqr_(const int* want_t, const int* want_z, const int* n, const int* ilo,               \
                 const int* ihi, T* a, const int* desc_a, T* wr, T* wi, const int* iloz,           \
                 const int* ihiz, T* z, const int* desc_z, T* work, const int* lwork, int* iwork,  \
                 const int* liwork, int* info);
MATRASS_REAL(ps, float)
MATRASS_REAL(pd, double)
#undef MATRASS_REAL

#define MATRASS_COMPLEX(p, T)                                                                     \
  void p##gesvd_(const char* job_u, const char* job_vt, const int* m, const int* n,               \
                 MATRASS_MATRIX(T, a), T::value_type* s, MATRASS_MATRIX(T, u),                    \
                 MATRASS_MATRIX(T, vt), T* work, const int* lwork, T::value_type* rwork,          \
                 int* info);                                                                      \
  void p##heevd_(const char* job, const char* uplo, const int* n, MATRASS_MATRIX(T, a),           \
                 T::value_type* w, MATRASS_MATRIX(T, z), T* work, const int* lwork,               \
                 T::value_type* rwork, const int* lrwork, int* iwork, const int* liwork,          \
                 int* info);                                                                      \
  void p##lahqr_(const int* want_t, const int* want_z, const int* n, const int* ilo,              \
                 const int* ihi, T* a, const int* desc_a, T* w, const int* iloz, const int* ihiz, \
                 T* z, const int* desc_z, T* work, const int* lwork, int* iwork,                  \
                 const int* liwork, int* info);
MATRASS_COMPLEX(pc, std::complex<float>)
MATRASS_COMPLEX(pz, std::complex<double>)
#undef MATRASS_COMPLEX
#undef MATRASS_MATRIX
}
