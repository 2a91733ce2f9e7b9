// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// BLAS and LAPACK by value, and the small replicated matrices that they work on.
/// Next: algorithm/local_rows.hpp
#pragma once

#include <algorithm>
#include <complex>
#include <matrass/algorithm/lapack_symbols.hpp>
#include <matrass/core/error.hpp>
#include <matrass/core/narrow.hpp>
#include <matrass/core/types.hpp>
#include <matrass/scalapack/blas.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace matrass::detail {

/// The type in which small problems are solved and long sums are kept: double precision.
template <Scalar T>
using Wide = std::conditional_t<is_complex<T>, std::complex<double>, double>;

/// A small matrix of one rank, column-major with ld = rows.
template <class N>
struct Small {
  Index rows = 0;
  Index cols = 0;
  std::vector<N> data;

  Small() = default;
  Small(Index m, Index n) : rows(m), cols(n), data(static_cast<std::size_t>(m * n)) {}

  N* col(Index j) { return data.data() + j * rows; }
  const N* col(Index j) const { return data.data() + j * rows; }
  N& operator()(Index i, Index j) { return data[static_cast<std::size_t>(i + j * rows)]; }
  const N& operator()(Index i, Index j) const {
    return data[static_cast<std::size_t>(i + j * rows)];
  }
  std::span<N> span() { return data; }
  int ld() const { return static_cast<int>(std::max<Index>(rows, 1)); }

  /// Columns [begin, end) as a copy.
  Small columns(Index begin, Index end) const {
    Small part(rows, end - begin);
    std::copy(col(begin), col(begin) + part.rows * part.cols, part.data.begin());
    return part;
  }

  /// Appends the columns of `more`, which has the same number of rows.
  void append(const Small& more) {
    rows = more.rows;
    data.insert(data.end(), more.data.begin(), more.data.end());
    cols += more.cols;
  }
};

/// `x` in another precision.
template <class To, class From>
Small<To> small_as(const Small<From>& x) {
  Small<To> y(x.rows, x.cols);
  std::transform(x.data.begin(), x.data.end(), y.data.begin(),
                 [](From value) { return static_cast<To>(value); });
  return y;
}

inline void require_info(int info, const char* routine) {
  if (info != 0) {
    throw ScaLAPACKError(std::string(routine) + " failed: info=" + std::to_string(info));
  }
}

/// LAPACK's iterations for values may never end where a number is not finite. Callers refuse what
/// is given as such, so that here it is the outcome of an overflow.
/// @throws InvalidArgument
template <class N>
void require_no_overflow(const Small<N>& a, const char* routine) {
  if (std::all_of(a.data.begin(), a.data.end(), [](const N& x) { return is_finite(x); })) return;
  throw InvalidArgument(
      std::string(routine) +
      ": intermediate numbers must not overflow: got infinity (scale the matrix)");
}

using blas::gemm;

#define MATRASS_LAPACK(p, T)                                                                      \
  inline void trsm(char side, char uplo, char op, char diag, int m, int n, const T* a, int lda,   \
                   T* b, int ldb) {                                                               \
    const T one{1};                                                                               \
    p##trsm_(&side, &uplo, &op, &diag, &m, &n, &one, a, &lda, b, &ldb);                           \
  }                                                                                               \
  inline void geqrt(int m, int n, int nb, T* a, int lda, T* t, int ldt, T* work) {                \
    int info = 0;                                                                                 \
    p##geqrt_(&m, &n, &nb, a, &lda, t, &ldt, work, &info);                                        \
    require_info(info, #p "geqrt");                                                               \
  }                                                                                               \
  inline void gemqrt(int m, int n, int k, int nb, const T* v, int ldv, const T* t, int ldt, T* c, \
                     int ldc, T* work) {                                                          \
    const char side = 'L';                                                                        \
    const char op = 'N';                                                                          \
    int info = 0;                                                                                 \
    p##gemqrt_(&side, &op, &m, &n, &k, &nb, v, &ldv, t, &ldt, c, &ldc, work, &info);              \
    require_info(info, #p "gemqrt");                                                              \
  }                                                                                               \
  inline int potrf(char uplo, int n, T* a, int lda) {                                             \
    int info = 0;                                                                                 \
    p##potrf_(&uplo, &n, a, &lda, &info);                                                         \
    return info;                                                                                  \
  }
MATRASS_LAPACK(s, float)
MATRASS_LAPACK(d, double)
MATRASS_LAPACK(c, std::complex<float>)
MATRASS_LAPACK(z, std::complex<double>)
#undef MATRASS_LAPACK

/// op(a) op(b); ops are 'N', 'T' or 'C'.
template <class N>
Small<N> multiply(char op_a, const Small<N>& a, char op_b, const Small<N>& b) {
  const Index m = op_a == 'N' ? a.rows : a.cols;
  const Index k = op_a == 'N' ? a.cols : a.rows;
  const Index n = op_b == 'N' ? b.cols : b.rows;
  Small<N> c(m, n);
  if (m * n > 0 && k > 0) {
    gemm(op_a, op_b, narrow(m, "product: rows"), narrow(n, "product: columns"),
         narrow(k, "product: depth"), N{1}, a.data.data(), a.ld(), b.data.data(), b.ld(), N{0},
         c.data.data(), c.ld());
  }
  return c;
}

/// c -= a b
template <class N>
void subtract_product(Small<N>& c, const Small<N>& a, const Small<N>& b) {
  if (c.rows * c.cols == 0 || a.cols == 0) return;
  gemm('N', 'N', narrow(c.rows, "product: rows"), narrow(c.cols, "product: columns"),
       narrow(a.cols, "product: depth"), N{-1}, a.data.data(), a.ld(), b.data.data(), b.ld(), N{1},
       c.data.data(), c.ld());
}

/// Eigenvalues, ascending; the Hermitian matrix `a` is replaced by its eigenvectors.
inline std::vector<double> eigh(Small<double>& a) {
  const int n = static_cast<int>(a.cols);
  std::vector<double> w(static_cast<std::size_t>(n));
  if (n == 0) return w;
  require_no_overflow(a, "eigenvalues");
  int info = 0;
  int ask = -1;
  double work_size = 0;
  int iwork_size = 0;
  const int ld = a.ld();
  dsyevd_("V", "U", &n, a.data.data(), &ld, w.data(), &work_size, &ask, &iwork_size, &ask, &info);
  int lwork = static_cast<int>(work_size);
  std::vector<double> work(static_cast<std::size_t>(lwork));
  std::vector<int> iwork(static_cast<std::size_t>(iwork_size));
  dsyevd_("V", "U", &n, a.data.data(), &ld, w.data(), work.data(), &lwork, iwork.data(),
          &iwork_size, &info);
  require_info(info, "dsyevd");
  return w;
}

inline std::vector<double> eigh(Small<std::complex<double>>& a) {
  const int n = static_cast<int>(a.cols);
  std::vector<double> w(static_cast<std::size_t>(n));
  if (n == 0) return w;
  require_no_overflow(a, "eigenvalues");
  int info = 0;
  int ask = -1;
  std::complex<double> work_size = 0;
  double rwork_size = 0;
  int iwork_size = 0;
  const int ld = a.ld();
  zheevd_("V", "U", &n, a.data.data(), &ld, w.data(), &work_size, &ask, &rwork_size, &ask,
          &iwork_size, &ask, &info);
  int lwork = static_cast<int>(work_size.real());
  int lrwork = static_cast<int>(rwork_size);
  std::vector<std::complex<double>> work(static_cast<std::size_t>(lwork));
  std::vector<double> rwork(static_cast<std::size_t>(lrwork));
  std::vector<int> iwork(static_cast<std::size_t>(iwork_size));
  zheevd_("V", "U", &n, a.data.data(), &ld, w.data(), work.data(), &lwork, rwork.data(), &lrwork,
          iwork.data(), &iwork_size, &info);
  require_info(info, "zheevd");
  return w;
}

/// a = u diag(s) vh with p = min(m, n) singular values, descending.
template <class N>
struct SmallSvd {
  Small<N> u;  ///< m x p, or m x m
  std::vector<double> s;
  Small<N> vh;  ///< p x n
};

/// @param full whether u is square (its last m - p columns complete the basis); needs m >= n
template <class N>
SmallSvd<N> gesdd(Small<N> a, bool full = false) {
  const int m = narrow(a.rows, "SVD: rows");
  const int n = narrow(a.cols, "SVD: columns");
  const Index p = std::min(a.rows, a.cols);
  SmallSvd<N> result{Small<N>(m, full ? m : p), std::vector<double>(static_cast<std::size_t>(p)),
                     Small<N>(p, n)};
  if (p == 0) {
    for (Index j = 0; j < result.u.cols; ++j) result.u(j, j) = N{1};
    return result;
  }
  require_no_overflow(a, "SVD");
  const char* job = full ? "A" : "S";
  std::vector<int> iwork(static_cast<std::size_t>(8 * p));
  const int ld = a.ld();
  const int ldu = result.u.ld();
  const int ldvt = result.vh.ld();
  int info = 0;
  int lwork = -1;
  N work_size{};
  const auto call = [&](N* work) {
    if constexpr (std::same_as<N, double>) {
      dgesdd_(job, &m, &n, a.data.data(), &ld, result.s.data(), result.u.data.data(), &ldu,
              result.vh.data.data(), &ldvt, work, &lwork, iwork.data(), &info);
    } else {
      const Index q = std::max(a.rows, a.cols);
      std::vector<double> rwork(
          static_cast<std::size_t>(p * std::max(5 * p + 7, 2 * q + 2 * p + 1)));
      zgesdd_(job, &m, &n, a.data.data(), &ld, result.s.data(), result.u.data.data(), &ldu,
              result.vh.data.data(), &ldvt, work, &lwork, rwork.data(), iwork.data(), &info);
    }
    require_info(info, "gesdd");
  };
  call(&work_size);
  lwork = static_cast<int>(std::real(work_size));
  std::vector<N> work(static_cast<std::size_t>(lwork));
  call(work.data());
  return result;
}

/// Pivoted QR of `a` (m >= n): q = the first `rank` columns of Q, where |R_ii| > threshold for
/// i < rank. @returns q; `a` is destroyed.
template <class N>
Small<N> orthonormal_range(Small<N>& a, double threshold) {
  const int m = narrow(a.rows, "QR: rows");
  const int n = narrow(a.cols, "QR: columns");
  const int steps = std::min(m, n);
  if (steps == 0) return Small<N>(a.rows, 0);
  const int ld = a.ld();
  std::vector<int> pivots(static_cast<std::size_t>(n));
  std::vector<N> tau(static_cast<std::size_t>(steps));
  int lwork = 64 * (n + 1);
  std::vector<N> work(static_cast<std::size_t>(lwork));
  int info = 0;
  if constexpr (std::same_as<N, double>) {
    dgeqp3_(&m, &n, a.data.data(), &ld, pivots.data(), tau.data(), work.data(), &lwork, &info);
  } else {
    std::vector<double> rwork(static_cast<std::size_t>(2 * n));
    zgeqp3_(&m, &n, a.data.data(), &ld, pivots.data(), tau.data(), work.data(), &lwork,
            rwork.data(), &info);
  }
  require_info(info, "geqp3");
  int rank = 0;
  while (rank < steps && std::abs(a(rank, rank)) > threshold) ++rank;
  if (rank == 0) return Small<N>(a.rows, 0);
  Small<N> q = a.columns(0, rank);
  if constexpr (std::same_as<N, double>) {
    dorgqr_(&m, &rank, &rank, q.data.data(), &ld, tau.data(), work.data(), &lwork, &info);
  } else {
    zungqr_(&m, &rank, &rank, q.data.data(), &ld, tau.data(), work.data(), &lwork, &info);
  }
  require_info(info, "ungqr");
  return q;
}

}  // namespace matrass::detail
