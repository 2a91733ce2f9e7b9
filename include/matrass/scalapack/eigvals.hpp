// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Eigenvalues of general matrices.
/// Next: algorithm/norm.hpp
#pragma once

#include <matrass/scalapack/svd.hpp>
#include <numeric>
#include <vector>

namespace matrass {

namespace detail {

/// 0 below the first subdiagonal, where reflectors are.
template <Scalar T>
void keep_hessenberg(const DistMatrix<T>& h) {
  const std::vector<Index> rows = h.local_rows();
  const std::vector<Index> cols = h.local_cols();
  for (std::size_t j = 0; j < cols.size(); ++j) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] > cols[j] + 1) h.part()(static_cast<Index>(i), static_cast<Index>(j)) = T{0};
    }
  }
}

/// Of WORK: the sum of what the texts of the real and of the complex routine ask for.
template <Scalar T>
Index hessenberg_workspace(const Operand<T>& h) {
  const Index n = h.matrix.shape().rows;
  const Distribution& d = h.matrix.distribution();
  const Index shifts = 8 * std::lcm(d.rows().nprocs, d.cols().nprocs) + 2;
  return 5 * n + 2 * Index{h.desc[8]} + 2 * d.cols().largest_local_extent() +
         7 * (n / h.desc[5] + 1) + shifts * shifts;
}

template <Scalar T>
std::vector<std::complex<Real<T>>> eigvals_of(const DistMatrix<T>& a) {
  const mpi::Communicator& comm = a.grid().comm();
  mpi::throw_together(comm, mpi::Call("eigvals", a.distribution()), [&] {
    require_square(a.shape(), "eigvals");
    narrow(a.shape().rows, "eigvals: rows");
    require_finite(a, Part::all, "eigvals");
  });
  const Operand<T> h = factor_copy(a);
  const int n = static_cast<int>(a.shape().rows);
  std::vector<T> tau;
  std::vector<std::complex<Real<T>>> values;
  std::vector<Real<T>> re;
  std::vector<Real<T>> im;
  mpi::throw_together(comm, [&] {
    tau.resize(static_cast<std::size_t>(h.matrix.local_shape().cols) + 64);
    values.resize(static_cast<std::size_t>(n));
    re.resize(values.size());
    im.resize(values.size());
  });
  if (n == 0) return values;
  run_with_workspace("eigvals", 0, [&](Workspace<T>& w) { return gehrd(n, h, tau.data(), w); }, h);
  keep_hessenberg(h.matrix);
  Workspace<T> w;  // the real routine does not tell its size
  mpi::throw_together(comm, [&] { w.allocate("eigvals", hessenberg_workspace(h)); });
  const int info = run(
      "eigvals",
      [&] {
        if constexpr (is_complex<T>) {
          return lahqr(n, h, values.data(), w);
        } else {
          return lahqr(n, h, re.data(), im.data(), w);
        }
      },
      h);
  mpi::throw_together(comm, [&] {
    if (info != 0) {
      throw ScaLAPACKError(
          "eigvals: the QR iteration did not converge (pxlahqr info=" + std::to_string(info) + ")");
    }
  });
  if constexpr (!is_complex<T>) {
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = {re[k], im[k]};
  }
  share_from_first(h.matrix, values);
  return values;
}

}  // namespace detail

/// The eigenvalues of a square matrix, on every rank, in no particular order; conjugate pairs of
/// real matrices are neighbours.
///
/// Collective over a's grid. Cost: about 10 n^3 / 3 flops for the reduction to Hessenberg form and
/// some 8 n^3 for the QR iteration, in all; a copy of the local part.
/// @throws ShapeError, InvalidArgument (NaN, infinity) on all ranks; ScaLAPACKError.
/// Source: ScaLAPACK PxGEHRD, PxLAHQR.
template <DistMatrixLike A>
std::vector<std::complex<Real<typename A::value_type>>> eigvals(const A& a) {
  return detail::eigvals_of(to_dynamic(a));
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T) \
  extern template std::vector<std::complex<Real<T>>> detail::eigvals_of<T>(const DistMatrix<T>&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
