// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Singular values and vectors of matrices of any shape: by R of the rows, or on the whole grid.
/// Next: algorithm/pinv.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/qr.hpp>
#include <matrass/algorithm/singular_values.hpp>
#include <matrass/matrix/create.hpp>
#include <matrass/scalapack/svd.hpp>
#include <string>
#include <vector>

namespace matrass {

namespace detail {

/// Up to so many columns R's SVD is LAPACK's on rank 0: at 1,024 it takes a twentieth of PxGESVD's
/// time on one or four ranks. Beyond, rank 0 would need gigabytes for it.
inline constexpr Index svd_on_root = 2048;

/// The SVD of rank 0's R, whose vectors are U_R and V^H, told to all ranks. Collective.
template <class N>
SmallSvd<N> shared_svd(const mpi::Communicator& comm, Small<N>& r, Index n, bool vectors) {
  SmallSvd<N> f = mpi::throw_together(comm, [&] {
    SmallSvd<N> made;
    if (comm.rank() != 0) {
      made.s.resize(static_cast<std::size_t>(n));
    } else if (vectors) {
      made = gesdd(std::move(r));
    } else {
      made.s = singular_values(std::move(r));
    }
    return made;
  });
  mpi::broadcast<double>(comm, f.s, 0);
  if (!vectors) return f;
  broadcast_small(comm, f.u, n, n);
  broadcast_small(comm, f.vh, n, n);
  return f;
}

/// What every rank has of a matrix, as a new one in [MC,MR]. Collective; nothing moves.
template <Scalar T>
DistMatrix<T> dealt_factor(const ProcessGrid& grid, const Small<Wide<T>>& whole) {
  return from_function<T>(
      grid, Shape{whole.rows, whole.cols}, MC_MR,
      [&](Index i, Index j) { return static_cast<T>(whole(i, j)); },
      LayoutOptions{.block = matrass::Block{64, 64}});
}

/// R's SVD by the way that its order wants; U_R is [STAR,STAR] or [MC,MR]. Collective.
/// @param r  on rank 0, n x n
template <Scalar T>
Svd<T> svd_of_r(const ProcessGrid& grid, Small<Wide<T>>& r, Index n, bool vectors, Index on_root) {
  const mpi::Communicator& comm = grid.comm();
  if (n <= on_root) {
    const SmallSvd<Wide<T>> f = shared_svd(comm, r, n, vectors);
    Svd<T> result;
    mpi::throw_together(comm, [&] {
      for (const double s : f.s) result.s.push_back(static_cast<Real<T>>(s));
      if (vectors) result.u = replicated<T>(grid, f.u, false);
    });
    if (vectors) result.vt = dealt_factor<T>(grid, f.vh);
    return result;
  }
  broadcast_small(comm, r, n, n);
  return gesvd_of(factor_copy(dealt_factor<T>(grid, r)), vectors);
}

/// The SVD of the rows of `tall`: A = Q R, R = U_R S V^H, U = Q U_R. Collective.
/// @param on_root  how many columns R may have for LAPACK on rank 0
template <Scalar T>
Svd<T> svd_by_rows(const TallView<T>& tall, SvdMode mode, Index on_root) {
  const ProcessGrid& grid = tall.rows.grid();
  const mpi::Communicator& comm = grid.comm();
  const Shape shape = tall.rows.shape();
  const bool vectors = mode != SvdMode::values;
  DistMatrix<T> q;
  if (vectors) q = mpi::throw_together(comm, [&] { return tall.beside(shape.cols); });
  TallQrRun<T> run(tall, "svd");
  Small<Wide<T>> r = run.run(TallQrMethod::automatic, vectors ? q.part() : LocalPart<T>{}, vectors);
  Svd<T> result = svd_of_r<T>(grid, r, shape.cols, vectors, on_root);
  if (!vectors) return result;
  q = matmul(q, result.u);
  result.u = redistribute(q, grid, factor_distribution(grid, shape));
  fix_phases(result);
  if (mode == SvdMode::full) result.u = completed(result.u);
  return result;
}

template <Scalar T>
Svd<T> svd_tall(const DistMatrix<T>& a, SvdMode mode, Index on_root) {
  const TallView<T> tall = tall_view(a);
  Svd<T> found = svd_by_rows(tall, mode, on_root);
  return tall.transposed ? transposed_svd(std::move(found), mode) : found;
}

}  // namespace detail

/// The way that svd takes by itself: tall where the shorter extent is at most 512 (and not zero),
/// or the longer one at least max(2, p) times as long, p ranks. Local.
///
/// Measured (double precision, 2 cores; ScaLAPACK's time over that of the tall way, with vectors /
/// values alone):
///
///   n     p   m = n        m = 2 n      m = 4 n      m = 16 n     m = 64 n
///   16    1   3.1 / 2.4    2.6 / 3.5    2.6 / 3.4    2.6 / 3.7    2.8 / 5.0
///   128   1   7.4 / 1.1    7.8 / 2.0    8.2 / 2.0    3.0 / 5.8    3.0 / 5.5
///   512   1   15 / 0.7     18 / 1.4     15 / 1.4     8.2 / 2.3
///   512   2                                          6.9 / 3.2
///
/// PxGESVD's QR iteration turns U and Vt by one rotation after another: divide and conquer on one
/// rank takes a tenth of its time, also on four ranks, for n up to 1,024.
template <DistMatrixLike A>
Way svd_way(const A& a) {
  constexpr Index small = 512;
  const auto [m, n] = a.shape();
  const Shape upright{std::max(m, n), std::min(m, n)};
  if (upright.cols == 0) return Way::scalapack;
  const bool tall = upright.cols <= small || detail::is_tall(upright, a.grid().size(), 2);
  return tall ? Way::tall : Way::scalapack;
}

/// The singular value decomposition.
///
/// Shapes: a m x n in any layout. U and Vt are new, in [MC,MR] with blocks of 64 (for wide matrices
/// transposed views of such). The first one of the largest entries of each row of Vt is real and
/// positive, so that the vectors are the same to rounding on any number of ranks and either way
/// (where singular values are apart).
///
/// Way::tall: A = Q R by tall_qr, whose R has the singular values of A, and U = Q U_R; of A^T where
/// A is wide. Up to 2,048 columns rank 0 does R's SVD by divide and conquer. Way::scalapack:
/// PxGESVD.
///
/// Collective over a's grid. Cost for m >= n: of tall_qr, 22 n^3 flops on rank 0 (3 without
/// vectors) and 2 m n^2 in all; else about 8 m n^2 + 12 n^3 flops in all. Copies of the local parts
/// of A, U and Vt; the tall way has Q, too, and R on every rank.
/// @param way  automatic: svd_way(a)
/// @throws InvalidArgument on all ranks: NaN or infinity in `a`. ScaLAPACKError: no convergence.
/// Source: Chan, "An improved algorithm for computing the SVD" (1982); see tall_qr; LAPACK xGESDD;
///   ScaLAPACK PxGESVD.
template <DistMatrixLike A>
Svd<typename A::value_type> svd(const A& a, SvdMode mode = SvdMode::reduced,
                                Way way = Way::automatic) {
  mpi::throw_together(a.grid().comm(), mpi::Call("svd", a.distribution(), mode, way), [] {});
  if (way == Way::automatic) way = svd_way(a);
  if (way == Way::scalapack) return detail::svd_of(to_dynamic(a), mode);
  return detail::svd_tall(to_dynamic(a), mode, detail::svd_on_root);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T) \
  extern template Svd<T> detail::svd_tall<T>(const DistMatrix<T>&, SvdMode, Index);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
