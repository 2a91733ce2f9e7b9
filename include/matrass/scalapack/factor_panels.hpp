// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Factors of a product as BLAS takes them, brought to where the other factor or the result is.
/// Next: scalapack/local_product.hpp
#pragma once

#include <algorithm>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <matrass/scalapack/operand.hpp>
#include <optional>
#include <utility>

namespace matrass::detail {

/// A factor X of a product: a matrix (perhaps a transposed view), conjugated or not. BLAS letters
/// become this: op(A) is A, or a view on its transpose.
template <Scalar T>
struct Factor {
  DistMatrix<T> matrix;
  bool conjugated = false;

  Factor transposed() const { return {DistMatrix<T>(matrix.transposed()), conjugated}; }
};

/// op(A)
template <Scalar T>
Factor<T> factor_of(const DistMatrix<T>& a, Op op) {
  const Factor<T> plain{a, is_complex<T> && op == Op::adjoint};
  return op == Op::none ? plain : plain.transposed();
}

/// A local part as BLAS takes it: op(data).
template <Scalar T>
struct BlasFactor {
  char op = 'N';
  const T* data = nullptr;
  int ld = 1;
};

/// This rank's part of x itself, or of its transpose.
template <Scalar T>
BlasFactor<T> blas_factor(const DistMatrix<T>& x, bool transposed = false) {
  const bool by_columns = x.order() == StorageOrder::column_major;
  const LocalPart<T>& part = x.part();
  // One column (or row) has any stride.
  const Index ld = by_columns ? std::max(part.col_stride, part.shape.rows)
                              : std::max(part.row_stride, part.shape.cols);
  return {by_columns == transposed ? 'T' : 'N', part.data,
          narrow(std::max<Index>(ld, 1), "matmul: leading dimension")};
}

template <Scalar T>
void conjugate_part(const LocalPart<T>& part) {
  for (Index j = 0; j < part.shape.cols; ++j) {
    for (Index i = 0; i < part.shape.rows; ++i) part(i, j) = conjugate(part(i, j));
  }
}

/// A distribution of as many rows as `rows` has, each at the same place of the same axis, and of
/// any number of columns, which are not dealt. Local.
inline Distribution row_aligned(const Distribution& rows, Index columns) {
  const BlockCyclicAxis& axis = rows.rows();
  LayoutOptions options;
  options.block = matrass::Block{axis.block, std::max<Index>(1, columns)};
  options.row_source = axis.source;
  options.anchor = rows.anchor();
  const Shape shape{axis.first + axis.extent, columns};
  const Distribution whole(rows.grid(), shape, {rows.layout().col, Dist::STAR}, options);
  return axis.first == 0 ? whole : whole.slice(axis.first, shape.rows, 0, columns);
}

/// A factor X (extent x k), of which panels of columns are brought to where certain rows are.
template <Scalar T>
class FactorPanels {
 public:
  /// `rows`: its rows are those that X is to have. `width`: the most columns of a panel.
  /// `transposed`: BLAS will be given X^T. Local, for use inside an agreement.
  FactorPanels(const Factor<T>& x, const Distribution& rows, Index width, bool transposed = false)
      : x_(x), transposed_(transposed) {
    const bool by_rows = x.matrix.order() == StorageOrder::row_major;
    conjugates_ = x.conjugated && by_rows == transposed;
    const ProcessGrid& grid = x.matrix.grid();
    const Distribution whole = row_aligned(rows, x.matrix.shape().cols);
    if (!conjugates_ && nothing_moves(x.matrix, grid, whole)) return;
    // Stored in X's order, so that lines stay lines.
    const Distribution panel = row_aligned(rows, width);
    if (by_rows) {
      buffer_.emplace(DistMatrix<T>::allocate(grid, panel.transposed(), false).transposed());
    } else {
      buffer_.emplace(DistMatrix<T>::allocate(grid, panel, false));
    }
  }

  /// This rank's rows of columns [k0, k1). Collective.
  BlasFactor<T> fetch(Index k0, Index k1) {
    DistMatrix<T> panel = x_.matrix.slice(0, x_.matrix.shape().rows, k0, k1);
    if (buffer_) {
      const DistMatrix<T> to = buffer_->slice(0, panel.shape().rows, 0, k1 - k0);
      redistribute_into(panel, to);
      panel = to;
    }
    if (conjugates_) conjugate_part(panel.part());
    BlasFactor<T> factor = blas_factor(panel, transposed_);
    if (x_.conjugated && !conjugates_) factor.op = 'C';
    return factor;
  }

 private:
  Factor<T> x_;
  bool transposed_ = false;
  bool conjugates_ = false;  ///< BLAS has no conjugate without a transpose
  std::optional<DistMatrix<T>> buffer_;
};

}  // namespace matrass::detail
