// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A matrix of any layout and shape as the rows of a tall one, for the routines that want that.
/// Next: algorithm/truncated_svd.hpp
#pragma once

#include <matrass/algorithm/local_rows.hpp>
#include <matrass/algorithm/svd_options.hpp>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <string>
#include <utility>

namespace matrass::detail {

/// A, or A^T if A is wide, in [VC,STAR]: the same handle where A is so already.
template <Scalar T>
struct TallView {
  DistMatrix<T> rows;
  bool transposed = false;

  /// This rank's rows. Shares the elements of `rows`, which it must not outlive.
  LocalRows<T> local() const {
    LocalRows<T> view = local_rows(rows.part());
    view.n = rows.shape().cols;  // a rank outside the grid has no part, but takes part in sums
    return view;
  }

  /// A new matrix with as many columns whose rows lie where those of `rows` do. Local.
  DistMatrix<T> beside(Index columns) const {
    const Distribution all = rows.distribution().slice(0, rows.shape().rows, 0, columns);
    return DistMatrix<T>::allocate(rows.grid(), all, false);
  }
};

/// Collective. Moves elements unless A is tall in [VC,STAR] (or wide in [STAR,VC]).
template <Scalar T>
TallView<T> tall_view(const DistMatrix<T>& a) {
  const bool wide = a.shape().rows < a.shape().cols;
  DistMatrix<T> tall = wide ? DistMatrix<T>(a.transposed()) : a;
  if (tall.layout() == VC_STAR) return {std::move(tall), wide};
  return {redistribute(tall, VC_STAR), wide};
}

/// @throws InvalidArgument on all ranks unless 1 <= k <= min(m, n), and where ranks differ in what
///   they ask for. Collective.
template <Scalar T>
void require_rank(const DistMatrix<T>& a, Index k, const SvdOptions& o,
                  const std::string& routine) {
  const mpi::Call call(routine, a.distribution(), k, o.method, o.tol, o.seed, o.block);
  mpi::throw_together(a.grid().comm(), call, [&] {
    const Index most = std::min(a.shape().rows, a.shape().cols);
    if (k < 1 || k > most) {
      throw InvalidArgument(routine + ": k must be between 1 and min(m, n) = " +
                            std::to_string(most) + ": got " + std::to_string(k));
    }
  });
}

/// A replicated matrix of values that every rank has: [STAR,STAR]. Local.
template <Scalar T>
DistMatrix<T> replicated(const ProcessGrid& grid, const Small<Wide<T>>& values, bool conjugated) {
  const Distribution everywhere(grid.map(), {values.rows, values.cols}, STAR_STAR);
  DistMatrix<T> result = DistMatrix<T>::allocate(grid, everywhere, false);
  for (Index j = 0; j < result.local_shape().cols; ++j) {
    for (Index i = 0; i < result.local_shape().rows; ++i) {
      const T x = static_cast<T>(values(i, j));
      result.part()(i, j) = conjugated ? conjugate(x) : x;
    }
  }
  return result;
}

/// The rows of values that every rank has, dealt to [VC,STAR]. Local.
template <Scalar T>
DistMatrix<T> dealt(const ProcessGrid& grid, const Small<Wide<T>>& values, bool conjugated) {
  const Distribution by_rows(grid.map(), {values.rows, values.cols}, VC_STAR);
  DistMatrix<T> result = DistMatrix<T>::allocate(grid, by_rows, false);
  const std::vector<Index> rows = result.local_rows();
  for (Index j = 0; j < result.local_shape().cols; ++j) {
    for (Index i = 0; i < result.local_shape().rows; ++i) {
      const T x = static_cast<T>(values(rows[static_cast<std::size_t>(i)], j));
      result.part()(i, j) = conjugated ? conjugate(x) : x;
    }
  }
  return result;
}

}  // namespace matrass::detail
