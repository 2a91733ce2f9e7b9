// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Between sparse and dense matrices, and a sparse matrix with its transpose stored.
/// Next: sparse/gather.hpp
#pragma once

#include <matrass/redistribute/redistribute.hpp>
#include <matrass/sparse/from_triplets.hpp>
#include <vector>

namespace matrass {

namespace detail {

/// This rank's entries as triplets with global indices, of the matrix as it is seen.
template <Scalar T>
struct OwnTriplets {
  std::vector<Index> rows;
  std::vector<Index> columns;
  std::vector<T> values;

  OwnTriplets() = default;
  explicit OwnTriplets(const SparseMatrix<T>& a) {
    const CsrPart<T>& part = a.part();
    const std::vector<Index> global = a.local_rows();
    rows.reserve(static_cast<std::size_t>(part.nnz()));
    columns.reserve(rows.capacity());
    values.reserve(rows.capacity());
    for (Index i = 0; i < part.rows; ++i) {
      const Index end = part.starts[static_cast<std::size_t>(i + 1)];
      for (Index e = part.starts[static_cast<std::size_t>(i)]; e < end; ++e) {
        rows.push_back(global[static_cast<std::size_t>(i)]);
        columns.push_back(part.global_column(part.columns[static_cast<std::size_t>(e)]));
        const T x = part.values.data()[e];
        values.push_back(a.view().conjugated ? conjugate(x) : x);
      }
    }
    if (a.view().transposed) std::swap(rows, columns);
  }

  Triplets<T> triplets() const {
    return {static_cast<Index>(rows.size()), rows.data(), columns.data(), values.data()};
  }
};

/// The matrix as it is seen, stored by its own rows: itself where it is no view. Collective; a
/// transposed view's entries move to the owners of its rows.
template <Scalar T>
SparseMatrix<T> stored_by_rows(const SparseMatrix<T>& a) {
  if (!a.view().transposed) {
    if (!a.view().conjugated) return a;
    // The values are conjugated, and the flag of the view is taken off again.
    return a.template with_values<T>("conjugate", [](T x, Index) { return conjugate(x); })
        .conjugated();
  }
  const OwnTriplets<T> own = mpi::throw_together(
      a.grid().comm(), mpi::Call("transpose", a.stored()), [&] { return OwnTriplets<T>(a); });
  return from_triplets_of(a.grid(), sparse_rows(a.grid(), a.shape()), own.triplets(), "transpose");
}

template <Scalar T>
DistMatrix<T> dense_of(const SparseMatrix<T>& a) {
  if (a.view().transposed) return DistMatrix<T>(dense_of(a.transposed()).transposed());
  DistMatrix<T> result(a.grid(), a.beside_rows(a.shape().cols), true);
  const CsrPart<T>& part = a.part();
  for (Index i = 0; i < part.rows; ++i) {
    const Index end = part.starts[static_cast<std::size_t>(i + 1)];
    for (Index e = part.starts[static_cast<std::size_t>(i)]; e < end; ++e) {
      const T x = part.values.data()[e];
      result.part()(i, part.global_column(part.columns[static_cast<std::size_t>(e)])) =
          a.view().conjugated ? conjugate(x) : x;
    }
  }
  return result;
}

template <Scalar T>
SparseMatrix<T> sparse_of(const DistMatrix<T>& a, double threshold) {
  const mpi::Call call("from_dense", a.distribution(), threshold);
  OwnTriplets<T> own = mpi::throw_together(a.grid().comm(), call, [&] {
    OwnTriplets<T> found;
    if (!a.distribution().is_first_replica(a.grid().rank())) return found;
    const std::vector<Index> rows = a.local_rows();
    const std::vector<Index> columns = a.local_cols();
    for (Index i = 0; i < a.local_shape().rows; ++i) {
      for (Index j = 0; j < a.local_shape().cols; ++j) {
        const T x = a.part()(i, j);
        if (modulus(x) <= threshold) continue;  // a NaN stays
        found.rows.push_back(rows[static_cast<std::size_t>(i)]);
        found.columns.push_back(columns[static_cast<std::size_t>(j)]);
        found.values.push_back(x);
      }
    }
    return found;
  });
  return from_triplets_of(a.grid(), sparse_rows(a.grid(), a.shape()), own.triplets(), "from_dense");
}

}  // namespace detail

/// The same matrix with its zeros: in [VC,STAR] with A's rows ([STAR,VC] for a transposed view).
/// Collective; nothing is sent.
template <Scalar T>
DistMatrix<T> to_dense(const SparseMatrix<T>& a) {
  return detail::dense_of(a);
}

/// The entries of a dense matrix in any layout whose modulus is above `threshold`, and NaN.
/// Collective; each entry is sent once.
template <DistMatrixLike A, class T = typename A::value_type>
SparseMatrix<T> from_dense(const A& a, double threshold = 0) {
  return detail::sparse_of(to_dynamic(a), threshold);
}

}  // namespace matrass
