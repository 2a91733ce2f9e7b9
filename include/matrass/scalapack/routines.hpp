// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// ScaLAPACK by value: one overload for each scalar, matrices as operands. Each returns `info`.
///
/// What takes workspaces is called twice, first for their sizes: scalapack/run.hpp.
/// Next: scalapack/run.hpp
#pragma once

#include <matrass/scalapack/operand.hpp>
#include <matrass/scalapack/symbols.hpp>
#include <matrass/scalapack/workspace.hpp>

namespace matrass::detail {

#define MATRASS_ARGUMENT(a) a.data, &a.i, &a.j, a.desc.data()

#define MATRASS_SCALAPACK(p, T, form_q)                                                       \
  inline int potrf(char uplo, int n, const Operand<T>& a) {                                   \
    int info = 0;                                                                             \
    p##potrf_(&uplo, &n, MATRASS_ARGUMENT(a), &info);                                         \
    return info;                                                                              \
  }                                                                                           \
  inline int potrs(char uplo, int n, int nrhs, const Operand<T>& a, const Operand<T>& b) {    \
    int info = 0;                                                                             \
    p##potrs_(&uplo, &n, &nrhs, MATRASS_ARGUMENT(a), MATRASS_ARGUMENT(b), &info);             \
    return info;                                                                              \
  }                                                                                           \
  inline int getrf(int m, int n, const Operand<T>& a, int* pivots) {                          \
    int info = 0;                                                                             \
    p##getrf_(&m, &n, MATRASS_ARGUMENT(a), pivots, &info);                                    \
    return info;                                                                              \
  }                                                                                           \
  inline int getrs(char op, int n, int nrhs, const Operand<T>& a, const int* pivots,          \
                   const Operand<T>& b) {                                                     \
    int info = 0;                                                                             \
    p##getrs_(&op, &n, &nrhs, MATRASS_ARGUMENT(a), pivots, MATRASS_ARGUMENT(b), &info);       \
    return info;                                                                              \
  }                                                                                           \
  inline int geqrf(int m, int n, const Operand<T>& a, T* tau, Workspace<T>& w) {              \
    int info = 0;                                                                             \
    p##geqrf_(&m, &n, MATRASS_ARGUMENT(a), tau, w.work.data(), &w.lwork, &info);              \
    return info;                                                                              \
  }                                                                                           \
  inline int ungqr(int m, int n, int k, const Operand<T>& a, const T* tau, Workspace<T>& w) { \
    int info = 0;                                                                             \
    form_q(&m, &n, &k, MATRASS_ARGUMENT(a), tau, w.work.data(), &w.lwork, &info);             \
    return info;                                                                              \
  }                                                                                           \
  inline int gehrd(int n, const Operand<T>& a, T* tau, Workspace<T>& w) {                     \
    int info = 0;                                                                             \
    const int first = 1;                                                                      \
    p##gehrd_(&n, &first, &n, MATRASS_ARGUMENT(a), tau, w.work.data(), &w.lwork, &info);      \
    return info;                                                                              \
  }
MATRASS_SCALAPACK(ps, float, psorgqr_)
MATRASS_SCALAPACK(pd, double, pdorgqr_)
MATRASS_SCALAPACK(pc, std::complex<float>, pcungqr_)
MATRASS_SCALAPACK(pz, std::complex<double>, pzungqr_)
#undef MATRASS_SCALAPACK

#define MATRASS_REAL(p, T)                                                                     \
  inline int gesvd(char job, int m, int n, const Operand<T>& a, T* s, const Operand<T>& u,     \
                   const Operand<T>& vt, Workspace<T>& w) {                                    \
    int info = 0;                                                                              \
    p##gesvd_(&job, &job, &m, &n, MATRASS_ARGUMENT(a), s, MATRASS_ARGUMENT(u),                 \
              MATRASS_ARGUMENT(vt), w.work.data(), &w.lwork, &info);                           \
    return info;                                                                               \
  }                                                                                            \
  inline int heevd(char uplo, int n, const Operand<T>& a, T* values, const Operand<T>& z,      \
                   Workspace<T>& w) {                                                          \
    int info = 0;                                                                              \
    p##syevd_("V", &uplo, &n, MATRASS_ARGUMENT(a), values, MATRASS_ARGUMENT(z), w.work.data(), \
              &w.lwork, w.iwork.data(), &w.liwork, &info);                                     \
    return info;                                                                               \
  }                                                                                            \
  /* The eigenvalues of an upper Hessenberg matrix: real and imaginary parts. */               \
  inline int lahqr(int n, const Operand<T>& h, T* re, T* im, Workspace<T>& w) {                \
    int info = 0;                                                                              \
    const int no = 0;                                                                          \
    const int first = 1;                                                                       \
    p##lahqr_(&no, &no, &n, &first, &n, h.data, h.desc.data(), re, im, &first, &n, h.data,     \
              h.desc.data(), w.work.data(), &w.lwork, w.iwork.data(), &w.liwork, &info);       \
    return info;                                                                               \
  }
MATRASS_REAL(ps, float)
MATRASS_REAL(pd, double)
#undef MATRASS_REAL

#define MATRASS_COMPLEX(p, T)                                                                    \
  inline int gesvd(char job, int m, int n, const Operand<T>& a, Real<T>* s, const Operand<T>& u, \
                   const Operand<T>& vt, Workspace<T>& w) {                                      \
    int info = 0;                                                                                \
    p##gesvd_(&job, &job, &m, &n, MATRASS_ARGUMENT(a), s, MATRASS_ARGUMENT(u),                   \
              MATRASS_ARGUMENT(vt), w.work.data(), &w.lwork, w.rwork.data(), &info);             \
    return info;                                                                                 \
  }                                                                                              \
  inline int heevd(char uplo, int n, const Operand<T>& a, Real<T>* values, const Operand<T>& z,  \
                   Workspace<T>& w) {                                                            \
    int info = 0;                                                                                \
    p##heevd_("V", &uplo, &n, MATRASS_ARGUMENT(a), values, MATRASS_ARGUMENT(z), w.work.data(),   \
              &w.lwork, w.rwork.data(), &w.lrwork, w.iwork.data(), &w.liwork, &info);            \
    return info;                                                                                 \
  }                                                                                              \
  inline int lahqr(int n, const Operand<T>& h, T* values, Workspace<T>& w) {                     \
    int info = 0;                                                                                \
    const int no = 0;                                                                            \
    const int first = 1;                                                                         \
    p##lahqr_(&no, &no, &n, &first, &n, h.data, h.desc.data(), values, &first, &n, h.data,       \
              h.desc.data(), w.work.data(), &w.lwork, w.iwork.data(), &w.liwork, &info);         \
    return info;                                                                                 \
  }
MATRASS_COMPLEX(pc, std::complex<float>)
MATRASS_COMPLEX(pz, std::complex<double>)
#undef MATRASS_COMPLEX
#undef MATRASS_ARGUMENT

}  // namespace matrass::detail
