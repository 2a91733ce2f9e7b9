// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// QR factors of matrices of any shape: where the rows are, or on the whole grid.
/// Next: algorithm/svd.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/tall_qr.hpp>
#include <matrass/scalapack/qr.hpp>
#include <utility>

namespace matrass {

/// The ways of qr and svd. automatic: by the shape and the number of ranks. scalapack: on the whole
/// grid. tall: by tall_qr, where the rows are.
enum class Way { automatic, scalapack, tall };

namespace detail {

/// Whether there are `least` rows a column, and at least as many rows a rank as columns: then R,
/// which every rank gets, is no larger than a rank's part of A, and the n^3 flops of rank 0 are no
/// more than those of the rows.
inline bool is_tall(Shape shape, int ranks, Index least) {
  return shape.rows >= std::max<Index>(least, ranks) * std::max<Index>(1, shape.cols);
}

}  // namespace detail

/// The way that qr takes by itself: tall from max(4, p) n rows on, p ranks, unless Q is to be m x
/// m. Local.
///
/// Measured (double precision, 2 cores; ScaLAPACK's time over that of tall_qr, with Q / R alone):
///
///   n     p   m = n        m = 2 n      m = 4 n      m = 16 n     m = 64 n
///   128   1   1.0 / 0.7    1.5 / 2.0    1.9 / 2.5    2.5 / 4      2.9 / 5.5
///   512   1   0.5 / 0.4    0.9 / 1.5    1.3 / 2.0    1.8 / 2.9    1.9 / 3.2
///   512   2   0.4 / 0.3    0.8 / 1.4    1.4 / 2.7    2.6 / 4.5    3.1 / 5.7
///   1024  2   0.3 / 0.2    0.8 / 1.4    1.2 / 2.2
///
/// Where columns nearly depend on each other tall_qr goes on by TSQR, which is as fast as ScaLAPACK
/// for n = 128 or two ranks with m >= 16 n, and takes up to twice its time elsewhere. A's layout
/// changes these figures by less than a tenth, so that it does not count.
template <DistMatrixLike A>
Way qr_way(const A& a, QrMode mode = QrMode::reduced) {
  const bool tall = mode != QrMode::complete && detail::is_tall(a.shape(), a.grid().size(), 4);
  return tall ? Way::tall : Way::scalapack;
}

/// QR factors: A = Q R with Q^H Q = I.
///
/// Shapes: a m x n in any layout. R's diagonal is real and not negative, so that the factors are
/// the same to rounding on any number of ranks and either way (where A has full rank).
/// Way::scalapack: Q and R are new, in [MC,MR] with blocks of 64. Way::tall: Q is in [VC,STAR],
/// with a's rows where a is so dealt, R in [STAR,STAR].
///
/// Collective over a's grid. Cost: as tall_qr; else 2 m n^2 - 2 n^3 / 3 flops in all for m >= n, as
/// much again for Q, and a copy of the local part.
/// @param way  automatic: qr_way(a, mode)
/// @throws InvalidArgument on all ranks: NaN or infinity in `a`; Way::tall for a complete Q.
///   ShapeError: Way::tall with m < n.
/// Source: see tall_qr; ScaLAPACK PxGEQRF, PxORGQR, PxUNGQR.
template <DistMatrixLike A>
Qr<typename A::value_type> qr(const A& a, QrMode mode = QrMode::reduced, Way way = Way::automatic) {
  mpi::throw_together(a.grid().comm(), mpi::Call("qr", a.distribution(), mode, way), [] {});
  if (way == Way::automatic) way = qr_way(a, mode);
  if (way == Way::scalapack) return detail::qr_of(to_dynamic(a), mode);
  auto f = detail::tall_qr_of(to_dynamic(a), mode, TallQrMethod::automatic, "qr");
  return {std::move(f.q), std::move(f.r)};
}

}  // namespace matrass
