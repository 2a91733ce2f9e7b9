// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A sparse matrix as a tall one that is stored by rows: itself or its transpose.
/// Next: sparse/operator.hpp, sparse/truncated_svd.hpp
#pragma once

#include <matrass/algorithm/vectors.hpp>
#include <matrass/core/shown.hpp>
#include <matrass/scalapack/run.hpp>
#include <matrass/sparse/convert.hpp>
#include <matrass/sparse/sparse_rows.hpp>
#include <string>

namespace matrass::detail {

/// A, or A^T if A is wide, stored by rows.
template <Scalar T>
struct SparseTallView {
  SparseMatrix<T> rows;
  bool transposed = false;

  SparseRows<T> local() const { return stored_rows(rows); }
  DistMatrix<T> beside(Index columns) const {
    return DistMatrix<T>::allocate(rows.grid(), rows.beside_rows(columns), false);
  }
};

/// Collective. Moves entries only where the stored matrix is wide.
template <Scalar T>
SparseTallView<T> tall_view(const SparseMatrix<T>& a) {
  const Shape stored = a.stored().shape();
  const bool seen_transposed = a.view().transposed;
  // The stored matrix itself, conjugated where the view is.
  const SparseMatrix<T> plain = seen_transposed ? a.transposed() : a;
  if (stored.rows >= stored.cols) return {plain, seen_transposed};
  return {stored_by_rows(plain.transposed()), !seen_transposed};
}

/// As of a dense matrix: @throws InvalidArgument on all ranks if an entry is NaN or infinite.
/// Collective; one pass over the entries.
template <Scalar T>
void require_finite(const SparseMatrix<T>& a, const std::string& routine, const std::string& name) {
  mpi::throw_together(a.grid().comm(), [&] {
    if (all_finite(a.part().values.data(), a.part().nnz())) return;
    const SparseRows<T> rows = stored_rows(a);
    const auto found = extremes(rows).not_finite;
    if (!found) return;
    Index row = a.local_rows()[static_cast<std::size_t>(found->first)];
    Index column = found->second;
    if (a.view().transposed) std::swap(row, column);
    throw InvalidArgument(routine + ": " + name + " must be finite: got NaN or infinity at " +
                          shown(row, column));
  });
}

}  // namespace matrass::detail
