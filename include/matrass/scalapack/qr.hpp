// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// QR factors by ScaLAPACK.
/// Next: scalapack/svd.hpp, algorithm/qr.hpp
#pragma once

#include <matrass/scalapack/phases.hpp>
#include <vector>

namespace matrass {

/// NumPy's modes of a QR factorisation.
enum class QrMode {
  reduced,   ///< Q m x min(m, n), R min(m, n) x n
  complete,  ///< Q m x m, R m x n
  r          ///< R alone, min(m, n) x n
};

/// A = Q R.
template <Scalar T>
struct Qr {
  DistMatrix<T> q;  ///< orthonormal columns; an empty handle if R alone was wanted
  DistMatrix<T> r;  ///< upper trapezoidal, its diagonal real and not negative
};

namespace detail {

/// Reflectors below the diagonal, R above it.
template <Scalar T>
struct QrFactor {
  Operand<T> reflectors;
  std::vector<T> tau;
};

/// @param cols of a matrix of which `a` is the first part: room for more columns of Q. Collective.
template <Scalar T>
QrFactor<T> qr_factor(const DistMatrix<T>& a, Index cols, const std::string& routine) {
  const mpi::Communicator& comm = a.grid().comm();
  const auto [m, n] = a.shape();
  mpi::throw_together(comm, mpi::Call(routine, a.distribution()), [&] {
    narrow(a.shape().rows, "qr: rows");
    narrow(std::max(a.shape().cols, cols), "qr: columns");
    require_finite(a, Part::all, routine);
  });
  QrFactor<T> f;
  f.reflectors = factor_matrix<T>(a.grid(), {m, std::max(n, cols)});
  redistribute_into(a, f.reflectors.matrix.slice(0, m, 0, n));
  mpi::throw_together(comm, [&] {
    f.tau.resize(static_cast<std::size_t>(f.reflectors.matrix.local_shape().cols) + 64);
  });
  if (m == 0 || n == 0) return f;
  run_with_workspace(
      routine, 0,
      [&](Workspace<T>& w) {
        return geqrf(static_cast<int>(m), static_cast<int>(n), f.reflectors, f.tau.data(), w);
      },
      f.reflectors);
  return f;
}

/// The first `cols` columns of Q, in place of the reflectors. Collective.
template <Scalar T>
DistMatrix<T> form_q(const QrFactor<T>& f, Index cols, Index reflectors,
                     const std::string& routine) {
  const Index m = f.reflectors.matrix.shape().rows;
  if (m > 0 && cols > 0) {
    run_with_workspace(
        routine, 0,
        [&](Workspace<T>& w) {
          return ungqr(static_cast<int>(m), static_cast<int>(cols), static_cast<int>(reflectors),
                       f.reflectors, f.tau.data(), w);
        },
        f.reflectors);
  }
  const DistMatrix<T>& q = f.reflectors.matrix;
  return cols == q.shape().cols ? q : q.slice(0, m, 0, cols).copy();
}

/// QR by Householder reflectors of a matrix of any shape in any layout: what qr calls where rows
/// are not many more than columns. Q and R in [MC,MR] with blocks of 64. Collective over a's grid.
/// Cost: 2 m n^2 - 2 n^3 / 3 flops in all for m >= n, as much again for Q; a copy of the local
/// part.
/// @throws InvalidArgument on all ranks: NaN or infinity in `a`.
/// Source: ScaLAPACK PxGEQRF, PxORGQR, PxUNGQR.
template <Scalar T>
Qr<T> qr_of(const DistMatrix<T>& a, QrMode mode) {
  const auto [m, n] = a.shape();
  mpi::throw_together(a.grid().comm(), mpi::Call("qr", a.distribution(), mode), [] {});
  const Index k = std::min(m, n);
  const Index q_cols = mode == QrMode::complete ? m : k;
  const QrFactor<T> f = qr_factor(a, q_cols, "qr");
  const Index r_rows = mode == QrMode::complete ? m : k;
  Qr<T> result{{}, triangle(f.reflectors.matrix.slice(0, r_rows, 0, n), Part::upper)};
  const std::vector<T> phases = diagonal_phases(result.r);
  scale_rows(result.r, phases);
  if (mode == QrMode::r) return result;
  result.q = form_q(f, q_cols, k, "qr");
  scale_columns(result.q, conjugated(phases));
  return result;
}

}  // namespace detail

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                               \
  extern template detail::QrFactor<T> detail::qr_factor<T>(const DistMatrix<T>&, Index, \
                                                           const std::string&);         \
  extern template Qr<T> detail::qr_of<T>(const DistMatrix<T>&, QrMode);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
