// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A sparse matrix as iterative methods see one: its products with vectors, one pass over the
/// entries for both. Next: sparse/solvers.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/operator.hpp>
#include <matrass/sparse/sparse_rows.hpp>
#include <span>
#include <vector>

namespace matrass::detail {

/// The stored matrix (conjugated where the view is). Shares the entries. See RowOperator.
template <Scalar T>
class SparseOperator {
 public:
  using value_type = T;

  /// Local. @param a no transposed view
  explicit SparseOperator(const SparseMatrix<T>& a)
      : matrix_(a), rows_(stored_rows(matrix_)), row_indices_(matrix_.local_rows()) {}

  const mpi::Communicator& comm() const { return matrix_.grid().comm(); }
  Shape shape() const { return matrix_.stored().shape(); }
  std::span<const Index> row_indices() const { return row_indices_; }

  /// Single vectors are as wide as they are: memory is what bounds a product.
  static Index padded(Index k) {
    constexpr Index line = TallBlocks<T>::pad();
    if (k >= line) return (k + line - 1) / line * line;
    Index width = k > 0 ? 1 : 0;
    while (width < k) width *= 2;
    return width;
  }

  void apply(const Small<Wide<T>>& x, const RowBlock<T>& y) const {
    if (y.width == 0) return;
    Small<Wide<T>> unused;
    normal_product(rows_, Pass::forward, x, y, unused);
  }

  void apply_adjoint(const RowBlock<T>& y, Small<Wide<T>>& x) const {
    x = Small<Wide<T>>(rows_.n, y.width);
    if (y.width > 0) normal_product(rows_, Pass::adjoint, {}, y, x);
  }

  /// In pieces of rows whose entries stay in cache from the first product to the second.
  void update(const Small<Wide<T>>& v, std::span<const double> alpha, const RowBlock<T>& u,
              Small<Wide<T>>& w) const {
    w = Small<Wide<T>>(rows_.n, u.width);
    if (u.width == 0) return;
    constexpr Index piece = 512;
    SparseSweeps<T> sweeps(rows_, u.padded, Pass::both);
    sweeps.set(v);
    const Aligned<T> kept(piece * u.padded);
    const RowBlock<T> product{kept.get(), u.padded, u.width, u.padded};
    for (Index begin = 0; begin < rows_.m; begin += piece) {
      const Index rows = std::min(piece, rows_.m - begin);
      const RowBlock<T> mine{u.data + begin * u.ld, u.ld, u.width, u.padded};
      sweeps.run(Pass::forward, begin, rows, product);
      for (Index c = 0; c < u.width; ++c) {
        const auto factor = static_cast<Real<T>>(alpha[static_cast<std::size_t>(c)]);
        for (Index i = 0; i < rows; ++i) {
          T& entry = mine.data[i * u.ld + c];
          entry = product.data[i * u.padded + c] - factor * entry;
        }
      }
      sweeps.run(Pass::adjoint, begin, rows, mine);
    }
    w = sweeps.sum(u.width);
  }

 private:
  SparseMatrix<T> matrix_;
  SparseRows<T> rows_;
  std::vector<Index> row_indices_;
};

}  // namespace matrass::detail
