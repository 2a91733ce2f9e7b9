// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Making matrices where they are needed: from a function of (i, j), from local memory.
/// Next: redistribute/runs.hpp (from here on, elements move)
#pragma once

#include <matrass/core/shown.hpp>
#include <matrass/matrix/dist_matrix.hpp>
#include <memory>
#include <string>
#include <utility>

namespace matrass {

namespace detail {
template <Scalar T, class F>
void fill_from_function(const DistMatrix<T>& a, F&& f) {
  const std::vector<Index> rows = a.local_rows();
  const std::vector<Index> cols = a.local_cols();
  for (Index j = 0; j < a.local_shape().cols; ++j) {
    for (Index i = 0; i < a.local_shape().rows; ++i) {
      a.part()(i, j) =
          static_cast<T>(f(rows[static_cast<std::size_t>(i)], cols[static_cast<std::size_t>(j)]));
    }
  }
}
}  // namespace detail

/// The matrix with elements f(i, j); each rank computes its own. Collective over `grid`: if `f`
/// throws on some rank, all ranks throw.
template <Scalar T, class F>
DistMatrix<T> from_function(const ProcessGrid& grid, Shape shape, Layout layout, F&& f,
                            const LayoutOptions& options = {}) {
  const mpi::Call call("from_function", shape, to_string(layout), grid.map());
  return mpi::throw_together(grid.comm(), call, [&] {
    auto a = DistMatrix<T>::allocate(grid, Distribution(grid.map(), shape, layout, options), false);
    detail::fill_from_function(a, f);
    return a;
  });
}

/// The same with the layout known at compile time: `from_function<double, VC_STAR>(grid, {m, n},
/// f)`.
template <Scalar T, Layout L, class F>
DistMatrix<T, L> from_function(const ProcessGrid& grid, Shape shape, F&& f,
                               const LayoutOptions& options = {}) {
  return DistMatrix<T, L>(from_function<T>(grid, shape, L, std::forward<F>(f), options));
}

/// The matrix whose local parts are where they are: `part` is adopted without a copy, and kept
/// alive by `owner` (null: the caller keeps it). Collective over `grid`.
/// @throws ShapeError on all ranks if some rank's part has not the shape of its share; LayoutError
///   if it is not column-major (adopt the transpose of a row-major one).
template <Scalar T>
DistMatrix<T> from_local(const ProcessGrid& grid, const Distribution& distribution,
                         const LocalPart<T>& part, std::shared_ptr<void> owner = nullptr) {
  return mpi::throw_together(grid.comm(), mpi::Call("from_local", distribution), [&] {
    const Shape share = distribution.local_shape(grid.rank());
    if (!(part.shape == share)) {
      throw ShapeError("from_local: local part must have shape " + shown(share) + " in " +
                       to_string(distribution) + ": got " + shown(part.shape));
    }
    const bool column_major = (share.rows <= 1 || part.row_stride == 1) &&
                              part.col_stride >= distribution.leading_dimension(grid.rank());
    if (share.size() > 0 && !column_major) {
      throw LayoutError(
          "from_local: local part must be column-major with a leading dimension of at least " +
          std::to_string(distribution.leading_dimension(grid.rank())) + ": got strides " +
          std::to_string(part.row_stride) + ", " + std::to_string(part.col_stride) +
          " (adopt the transpose of a row-major part, and transpose the matrix)");
    }
    return DistMatrix<T>(grid, distribution,
                         Storage<T>::adopt(std::move(owner), part.data, share.size()), part);
  });
}

}  // namespace matrass
