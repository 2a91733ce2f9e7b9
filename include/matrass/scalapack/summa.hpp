// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Products of matrices that are spread over a grid: panels of both factors go to where c is.
/// Next: scalapack/matmul.hpp
#pragma once

#include <algorithm>
#include <matrass/scalapack/blas.hpp>
#include <matrass/scalapack/factor_panels.hpp>
#include <utility>

namespace matrass::detail {

/// Bytes of the panels of both factors that a rank has at a time. Wide panels keep BLAS at its
/// speed: of 6,000 x 6,000 on 2 ranks PBLAS, with 64 columns, reaches 0.87 of what 400 do.
inline constexpr Index product_panel_bytes = Index{32} << 20;

/// c = alpha x y + beta c, of a c that each rank has its own, column-major part of (in [MC,MR],
/// say), which stays where it is.
///
/// Panels of columns of x go to all ranks of a row of the grid, those of rows of y to all of a
/// column, from whatever layout they are in. Collective. Cost: of x m x k and y k x n,
/// (m / r + n / c) k elements go to a rank of an r x c grid, less what is there;
/// `bytes` of memory, or panels of 64.
/// @throws MemoryLimitError, ScaLAPACKError (an extent beyond 32 bits) on all ranks, before c is
///   changed.
/// Source: van de Geijn, Watts, SUMMA (1997).
template <Scalar T>
void summa(const Factor<T>& x, const Factor<T>& y, const DistMatrix<T>& c, T alpha, T beta,
           Index bytes = product_panel_bytes) {
  const Index k = x.matrix.shape().cols;
  const BlockCyclicAxis& rows = c.distribution().rows();
  const BlockCyclicAxis& cols = c.distribution().cols();
  const Index lines = ceil_div(rows.extent, rows.nprocs) + ceil_div(cols.extent, cols.nprocs);
  const Index most = std::max<Index>(64, bytes / (Index{sizeof(T)} * std::max<Index>(lines, 1)));
  const Index count = std::max<Index>(1, ceil_div(k, most));
  const Index width = ceil_div(k, count);
  const Shape mine = c.local_shape();
  auto [left, right] = mpi::throw_together(c.grid().comm(), mpi::Call("matmul"), [&] {
    narrow(mine.rows, "matmul: local rows");
    narrow(mine.cols, "matmul: local columns");
    narrow(width, "matmul: columns of a panel");
    return std::pair(FactorPanels<T>(x, c.distribution(), width),
                     FactorPanels<T>(y.transposed(), c.distribution().transposed(), width, true));
  });
  for (Index panel = 0; panel < count; ++panel) {
    const Index k0 = std::min(k, panel * width);
    const Index k1 = std::min(k, k0 + width);
    const BlasFactor<T> l = left.fetch(k0, k1);
    const BlasFactor<T> r = right.fetch(k0, k1);
    if (mine.size() == 0) continue;
    blas::gemm(l.op, r.op, static_cast<int>(mine.rows), static_cast<int>(mine.cols),
               static_cast<int>(k1 - k0), alpha, l.data, l.ld, r.data, r.ld,
               panel == 0 ? beta : T{1}, c.data(), blas_factor(c).ld);
  }
}

}  // namespace matrass::detail
