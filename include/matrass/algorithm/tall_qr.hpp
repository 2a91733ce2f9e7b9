// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// QR of a tall matrix: CholeskyQR2 where it is measured to be safe, else TSQR.
/// Next: algorithm/tall_certificate.hpp
#pragma once

#include <matrass/algorithm/cholesky_qr.hpp>
#include <matrass/algorithm/tall_view.hpp>
#include <matrass/algorithm/truncated_svd.hpp>
#include <matrass/algorithm/tsqr.hpp>
#include <matrass/core/shown.hpp>
#include <matrass/scalapack/qr.hpp>
#include <string>
#include <utility>

namespace matrass {

/// automatic: cholesky_qr2, which gives way to tsqr where the columns nearly depend on each other.
/// cholesky_qr, one pass, is what automatic takes for R alone where the columns are nearly
/// orthogonal.
enum class TallQrMethod { automatic, cholesky_qr, cholesky_qr2, tsqr };

template <Scalar T>
struct TallQr {
  DistMatrix<T> q;  ///< m x n in [VC,STAR]; an empty handle where only R was wanted
  DistMatrix<T> r;  ///< n x n in [STAR,STAR], upper triangular, its diagonal real and >= 0
  TallQrMethod method = TallQrMethod::tsqr;  ///< the one that gave the result
};

namespace detail {

/// Makes the diagonal of R real and not negative. @returns the factors that Q's columns take
template <class N>
std::vector<N> make_diagonal_positive(Small<N>& r) {
  std::vector<N> factors;
  for (Index i = 0; i < std::min(r.rows, r.cols); ++i) {
    const double size = std::abs(r(i, i));
    const N phase = size > 0 ? r(i, i) / static_cast<Real<N>>(size) : N{1};
    for (Index j = i; j < r.cols; ++j) r(i, j) *= conjugate(phase);
    r(i, i) = N{static_cast<Real<N>>(size)};
    factors.push_back(phase);
  }
  return factors;
}

/// [A B] as the rows of one matrix in double precision, for Tsqr.
template <Scalar T>
auto copy_of(const LocalRows<T>& a, const LocalRows<T>& b = {}) {
  return [a, b](Index begin, Index rows, Wide<T>* out, Index ld) {
    widen_rows(a, begin, rows, out, ld);
    widen_rows(b, begin, rows, out + a.n * ld, ld);
  };
}

/// What A is divided by so that no sum in Householder's QR overflows.
inline double safe_scale(double largest) {
  constexpr double wide = 1e250;
  return largest > wide ? power_of_two(largest, 1000) : 1.0;
}

/// R of A by Householder's QR in double precision; on rank 0. Collective.
template <Scalar T>
Small<Wide<T>> tsqr_r(const LocalRows<T>& a, const mpi::Communicator& comm, double scale) {
  const Tsqr<Wide<T>> qr(comm, a.m, a.n, false, copy_of(a), scale);
  return mpi::throw_together(comm, [&] {
    Small<Wide<T>> r = qr.r();
    make_diagonal_positive(r);
    for (Wide<T>& x : r.data) x *= scale;
    return r;
  });
}

/// Q into `q`, R on rank 0. Collective.
template <Scalar T>
Small<Wide<T>> tsqr_q(const LocalRows<T>& a, const mpi::Communicator& comm, double scale,
                      const LocalPart<T>& q) {
  const Tsqr<T> qr(a, comm, true, scale);
  Small<T> r;
  const Small<T> signs = mpi::throw_together(comm, [&] {
    r = qr.r();
    const std::vector<T> factors = make_diagonal_positive(r);
    Small<T> diagonal(r.rows, r.rows);
    for (Index i = 0; i < r.rows; ++i) diagonal(i, i) = factors[static_cast<std::size_t>(i)];
    return diagonal;
  });
  qr.apply(signs, a.n, q.data, std::max<Index>(1, q.col_stride));
  return mpi::throw_together(comm, [&] {
    Small<Wide<T>> wide = small_as<Wide<T>>(r);
    for (Wide<T>& x : wide.data) x *= scale;
    return wide;
  });
}

/// One QR: first CholeskyQR2 if it may and can, else TSQR.
template <Scalar T>
class TallQrRun {
 public:
  TallQrRun(const TallView<T>& tall, std::string name)
      : tall_(tall), a_(tall.local()), comm_(tall.rows.grid().comm()), name_(std::move(name)) {}

  /// @param q where this rank's rows of Q go; without data: R only
  /// R on rank 0. Collective.
  Small<Wide<T>> run(TallQrMethod wanted, const LocalPart<T>& q, bool keep) {
    const bool one_pass = !keep && wanted != TallQrMethod::cholesky_qr2;
    if (wanted != TallQrMethod::tsqr) {
      CholeskyQr<T> cholesky(a_, LocalRows<T>{a_.m, 0}, comm_);
      const Fitness first = cholesky.first();
      if (first == Fitness::fit && one_pass && cholesky.condition() <= harmless) {
        used_ = TallQrMethod::cholesky_qr;
        return cholesky.r1();
      }
      if (first == Fitness::fit && cholesky.second(q)) {
        if (keep && cholesky.distance() > orthonormal_enough()) cholesky.third(q);
        used_ = TallQrMethod::cholesky_qr2;
        return cholesky.r();
      }
      if (first == Fitness::overflow) check();
    } else {
      check();
    }
    used_ = TallQrMethod::tsqr;
    return keep ? tsqr_q(a_, comm_, scale_, q) : tsqr_r(a_, comm_, scale_);
  }

  TallQrMethod used() const { return used_; }

 private:
  /// Refuses NaN and infinity, and chooses the scale. Collective; one pass.
  void check() {
    const std::vector<Index> rows =
        mpi::throw_together(comm_, [&] { return tall_.rows.local_rows(); });
    scale_ = safe_scale(require_finite(comm_, a_, rows, tall_.transposed, name_, "A"));
  }

  /// R of A^H A alone has a backward error of condition times eps: a few eps up to here.
  static constexpr double harmless = 8;

  /// X is as close to orthonormal as Householder's Q: the last pass would gain nothing.
  double orthonormal_enough() const {
    const double eps = std::numeric_limits<Real<T>>::epsilon();
    return 8 * eps * std::sqrt(static_cast<double>(a_.n));
  }

  const TallView<T>& tall_;
  LocalRows<T> a_;
  mpi::Communicator comm_;
  std::string name_;
  double scale_ = 1;
  TallQrMethod used_ = TallQrMethod::tsqr;
};

/// @param name of the routine, for messages
template <Scalar T>
TallQr<T> tall_qr_of(const DistMatrix<T>& a, QrMode mode, TallQrMethod method,
                     const std::string& name) {
  const ProcessGrid& grid = a.grid();
  mpi::throw_together(grid.comm(), mpi::Call(name, a.distribution(), mode, method), [&] {
    if (a.shape().rows < a.shape().cols) {
      throw ShapeError(name + ": A must have at least as many rows as columns: got shape " +
                       shown(a.shape()));
    }
    if (mode == QrMode::complete)
      throw InvalidArgument(name + ": mode must be reduced or r for tall: got complete");
  });
  const TallView<T> tall = tall_view(a);
  const bool keep = mode == QrMode::reduced;
  TallQr<T> result;
  if (keep) {
    result.q = mpi::throw_together(grid.comm(), [&] { return tall.beside(a.shape().cols); });
  }
  TallQrRun<T> run(tall, name);
  Small<Wide<T>> r = run.run(method, keep ? result.q.part() : LocalPart<T>{}, keep);
  broadcast_small(grid.comm(), r, a.shape().cols, a.shape().cols);
  result.r = mpi::throw_together(grid.comm(), [&] { return replicated<T>(grid, r, false); });
  result.method = run.used();
  return result;
}

}  // namespace detail

/// QR of a tall matrix: A = Q R with Q^H Q = I.
///
/// Shapes: a m x n with m >= n in any layout (used where it is in [VC,STAR], with any number of
/// rows on a rank, else brought there), q m x n with a's rows where a is so dealt, r n x n. R's
/// diagonal is real and not negative, so that the result is the same, to rounding, for any number
/// of ranks and either method (where A has full rank).
///
/// CholeskyQR2 reads A twice and needs no messages but sums of n x n. It is used where the Gram
/// matrix of X = A R1^-1 is measured to be within 5/64 of I, which holds for cond(A) up to some
/// 1e7; a last pass over Q is left out where X is orthonormal to rounding already. Else TSQR, which
/// is orthonormal to rounding for every A, also without full rank. R alone takes one pass, its A^H
/// A, where that is harmless: condition number (with columns of length 1) up to 8, by estimate.
///
/// `method` is a wish: what is measured to be unfit gives way to tsqr.
///
/// Collective over a's grid. Cost a rank: 1 or 3 m n^2 / p flops and one or two passes for R; 3 or
/// 4 for Q; TSQR about 2.2 and 4.4, and a copy of the local part. n^2 numbers to and from rank 0.
/// @throws ShapeError on all ranks if m < n; InvalidArgument for NaN or infinity in `a`.
/// Source: Yamamoto et al. (2015); Demmel, Grigori, Hoemmen, Langou (2012).
template <DistMatrixLike A>
TallQr<typename A::value_type> tall_qr(const A& a, QrMode mode = QrMode::reduced,
                                       TallQrMethod method = TallQrMethod::automatic) {
  return detail::tall_qr_of(to_dynamic(a), mode, method, "tall_qr");
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                     \
  extern template class detail::CholeskyQr<T>;                                                \
  extern template TallQr<T> detail::tall_qr_of<T>(const DistMatrix<T>&, QrMode, TallQrMethod, \
                                                  const std::string&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
