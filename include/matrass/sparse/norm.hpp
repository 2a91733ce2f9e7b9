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

/// Sums of moduli of the stored rows or columns, of which the extreme one is asked for. Collective.
template <Scalar T>
double extreme_sum(const SparseMatrix<T>& a, bool of_columns, bool largest) {
  const Shape stored = a.stored().shape();
  std::vector<double> sums = mpi::throw_together(a.grid().comm(), [&] {
    const std::vector<Index> rows = a.local_rows();
    std::vector<double> mine(static_cast<std::size_t>(of_columns ? stored.cols : stored.rows));
    for_each_modulus(a, [&](Index i, Index j, double x) {
      mine[static_cast<std::size_t>(of_columns ? j : rows[static_cast<std::size_t>(i)])] += x;
    });
    return mine;
  });
  mpi::allreduce(a.grid().comm(), std::span<double>(sums));
  return extreme(sums, largest);
}

}  // namespace detail

/// As norm() of a dense matrix. Collective. Cost: a pass over the entries and one allreduce, of m
/// or n numbers for the sums of rows and columns.
template <Scalar T>
double norm(const SparseMatrix<T>& a, Norm kind = Norm::frobenius) {
  const bool flipped = a.view().transposed;
  const mpi::Communicator& comm = a.grid().comm();
  mpi::throw_together(comm, mpi::Call("norm", a.stored(), flipped, kind), [] {});
  const auto walk = [&](auto&& f) { detail::for_each_modulus(a, f); };
  if (kind == Norm::frobenius) return detail::frobenius(comm, walk);
  if (kind == Norm::max) return detail::max_modulus(comm, walk);
  const bool of_columns = kind == Norm::one || kind == Norm::minus_one;
  const bool largest = kind == Norm::one || kind == Norm::infinity;
  return detail::extreme_sum(a, of_columns != flipped, largest);
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
