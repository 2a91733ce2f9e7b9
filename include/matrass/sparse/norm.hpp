// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Norms and the sum of a sparse matrix.
/// Next: sparse/truncated_svd.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <matrass/algorithm/lapack.hpp>
#include <matrass/algorithm/norm.hpp>
#include <matrass/sparse/sparse_matrix.hpp>
#include <span>
#include <vector>

namespace matrass {

namespace detail {

/// Calls f(local row, global column, modulus) for each of this rank's entries.
template <Scalar T, class F>
void for_each_modulus(const SparseMatrix<T>& a, F&& f) {
  const CsrPart<T>& part = a.part();
  for (Index i = 0; i < part.rows; ++i) {
    const Index end = part.starts[static_cast<std::size_t>(i + 1)];
    for (Index e = part.starts[static_cast<std::size_t>(i)]; e < end; ++e) {
      f(i, part.global_column(part.columns[static_cast<std::size_t>(e)]),
        modulus(part.values.data()[e]));
    }
  }
}

}  // namespace detail

/// As norm() of a dense matrix. Collective. Cost: a pass over the entries and one allreduce, of m
/// or n numbers for the sums of rows and columns.
template <Scalar T>
double norm(const SparseMatrix<T>& a, Norm kind = Norm::frobenius) {
  const bool flipped = a.view().transposed;
  const mpi::Communicator& comm = a.grid().comm();
  const std::vector<Index> rows = mpi::throw_together(
      comm, mpi::Call("norm", a.stored(), flipped, kind), [&] { return a.local_rows(); });
  const auto walk = [&](auto&& f) { detail::for_each_modulus(a, f); };
  if (kind == Norm::frobenius) return detail::frobenius(comm, walk);
  if (kind == Norm::max) return detail::max_modulus(comm, walk);
  const bool of_columns = kind == Norm::one || kind == Norm::minus_one;
  const bool largest = kind == Norm::one || kind == Norm::infinity;
  const bool of_stored_columns = of_columns != flipped;
  const Shape stored = a.stored().shape();
  return detail::extreme_sum(
      comm, of_stored_columns ? stored.cols : stored.rows, largest, walk,
      [&](Index i, Index j) { return of_stored_columns ? j : rows[static_cast<std::size_t>(i)]; });
}

/// The sum of all entries, in double precision. Collective.
template <Scalar T>
detail::Wide<T> sum(const SparseMatrix<T>& a) {
  mpi::throw_together(a.grid().comm(), mpi::Call("sum", a.stored()), [] {});
  detail::Wide<T> total{0};
  for (Index e = 0; e < a.part().nnz(); ++e) {
    total += static_cast<detail::Wide<T>>(a.part().values.data()[e]);
  }
  total = mpi::allreduce(a.grid().comm(), total);
  return a.view().conjugated ? conjugate(total) : total;
}

}  // namespace matrass
