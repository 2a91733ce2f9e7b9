// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Matrices whose rows lie where those of a tall one do, and small ones that every rank has whole.
/// Next: algorithm/least_squares.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/cholesky_qr.hpp>
#include <matrass/algorithm/tall_view.hpp>
#include <matrass/core/shown.hpp>
#include <matrass/scalapack/local_product.hpp>
#include <string>

namespace matrass::detail {

/// B with its rows where those of `rows` lie; a view where they do already. Collective.
template <Scalar T>
DistMatrix<T> aligned_with(const DistMatrix<T>& rows, const DistMatrix<T>& b) {
  return redistribute(b, rows.grid(), row_aligned(rows.distribution(), b.shape().cols));
}

/// This rank's rows of an aligned matrix; ranks outside the grid know its columns, too.
template <Scalar T>
LocalRows<T> rows_of(const DistMatrix<T>& aligned) {
  LocalRows<T> view = local_rows(aligned.part());
  view.n = aligned.shape().cols;
  return view;
}

/// The whole of a small matrix of any layout in double precision, on rank 0. Collective.
template <Scalar T>
Small<Wide<T>> whole_on_root(const DistMatrix<T>& b) {
  const mpi::Communicator& comm = b.grid().comm();
  Small<Wide<T>> whole = mpi::throw_together(comm, [&] {
    Small<Wide<T>> mine(b.shape().rows, b.shape().cols);
    if (!b.distribution().is_first_replica(b.grid().rank())) return mine;
    const std::vector<Index> rows = b.local_rows();
    const std::vector<Index> cols = b.local_cols();
    for (std::size_t j = 0; j < cols.size(); ++j) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        mine(rows[i], cols[j]) =
            static_cast<Wide<T>>(b.part()(static_cast<Index>(i), static_cast<Index>(j)));
      }
    }
    return mine;
  });
  sum_on_root(comm, whole.span());
  return whole;
}

/// @throws ShapeError, InvalidArgument unless B has the rows and the grid of an A of this shape
template <Scalar T>
void require_right_side(const ProcessGrid& grid, Shape shape, const DistMatrix<T>& b,
                        const std::string& routine) {
  if (shape.rows != b.shape().rows) {
    throw ShapeError(routine + ": A and B must have as many rows: got shapes " + shown(shape) +
                     " and " + shown(b.shape()));
  }
  if (!(grid == b.grid())) {
    throw InvalidArgument(routine + ": A and B must share one process grid: got " +
                          to_string(grid.shape()) + " and " + to_string(b.grid().shape()) +
                          " (build both on one Grid)");
  }
}

/// The same on all ranks. Collective: the agreement that a routine begins with.
template <Scalar T>
void require_right_side(const DistMatrix<T>& a, const DistMatrix<T>& b, const std::string& routine,
                        const mpi::Call& call) {
  mpi::throw_together(a.grid().comm(), call,
                      [&] { require_right_side(a.grid(), a.shape(), b, routine); });
}

}  // namespace matrass::detail
