// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What iterative methods ask of a matrix: its two products with a few vectors.
/// Next: algorithm/vectors.hpp (the vectors), algorithm/cg.hpp and algorithm/lsqr.hpp (the methods)
#pragma once

#include <algorithm>
#include <concepts>
#include <matrass/algorithm/normal_product.hpp>
#include <matrass/algorithm/tall_view.hpp>
#include <matrass/mpi/communicator.hpp>
#include <span>
#include <utility>
#include <vector>

namespace matrass::detail {

/// Vectors with an entry for each of this rank's rows, side by side: entry (i, c) is
/// data[i * ld + c]. Columns [width, padded) are memory that products may write.
template <Scalar T>
using RowBlock = typename TallBlocks<T>::Block;

/// An m x n matrix A whose rows are dealt to ranks, known by its products alone. Dense matrices
/// (DenseRows) are so, and sparse ones: cg_of() and lsqr_of() take any class with
///
///     using value_type = T;                     // one of the four scalars
///     const mpi::Communicator& comm() const;
///     Shape shape() const;                      // m x n, of the whole matrix
///     std::span<const Index> row_indices() const;
///         // The global indices of this rank's rows, in the order of its local rows. Every row
///         // of A is on exactly one rank; a rank may have none.
///     void apply(const Small<Wide<T>>& x, const RowBlock<T>& y) const;
///         // y = A x for this rank's rows. x is n x k, the same on every rank. Writes the entries
///         // (i, c) of y with i < local rows, c < k = x.cols = y.width.
///     void apply_adjoint(const RowBlock<T>& y, Small<Wide<T>>& x) const;
///         // x = A^H y, this rank's contribution: the caller sums it over ranks. x becomes n x k.
///
/// All of it is local: the methods do the messages, so that an exception on one rank (memory) can
/// be agreed on. k may be 0, as may m and n. Vectors on the side of n are in double precision, as
/// are the sums of apply_adjoint.
///
/// Optional, for matrices that need to be read only once for both products (see FusedOperator):
///
///     void update(const Small<Wide<T>>& v, std::span<const double> alpha, const RowBlock<T>& u,
///                 Small<Wide<T>>& w) const;
///         // u = A v - u diag(alpha), then w = A^H u, this rank's contribution.
///
/// And for matrices whose products are made for other blocks than those of whole vector registers
/// (see padded_columns):
///
///     Index padded(Index k) const;  // at least k
///
/// A wide matrix is given by its transpose's rows: see lsqr_of().
template <class Op>
concept RowOperator =
    requires(const Op& op, const Small<Wide<typename Op::value_type>>& x,
             Small<Wide<typename Op::value_type>>& w, const RowBlock<typename Op::value_type>& y) {
      requires Scalar<typename Op::value_type>;
      { op.comm() } -> std::convertible_to<const mpi::Communicator&>;
      { op.shape() } -> std::convertible_to<Shape>;
      { op.row_indices() } -> std::convertible_to<std::span<const Index>>;
      op.apply(x, y);
      op.apply_adjoint(y, w);
    };

/// With the fused step of bidiagonalisation.
template <class Op>
concept FusedOperator =
    RowOperator<Op> &&
    requires(const Op& op, const Small<Wide<typename Op::value_type>>& v,
             std::span<const double> alpha, const RowBlock<typename Op::value_type>& u,
             Small<Wide<typename Op::value_type>>& w) { op.update(v, alpha, u, w); };

/// How many columns of memory a block of k vectors has.
template <RowOperator Op>
Index padded_columns(const Op& op, Index k) {
  if constexpr (requires { op.padded(k); }) {
    return op.padded(k);
  } else {
    constexpr Index pad = TallBlocks<typename Op::value_type>::pad();
    return (k + pad - 1) / pad * pad;
  }
}

/// A dense matrix in [VC,STAR].
template <Scalar T>
class DenseRows {
 public:
  using value_type = T;

  /// Shares the elements of `rows`. Local.
  explicit DenseRows(const DistMatrix<T>& rows)
      : view_{rows, false}, local_(view_.local()), row_indices_(rows.local_rows()) {}

  const mpi::Communicator& comm() const { return view_.rows.grid().comm(); }
  Shape shape() const { return view_.rows.shape(); }
  std::span<const Index> row_indices() const { return row_indices_; }
  const LocalRows<T>& local() const { return local_; }

  void apply(const Small<Wide<T>>& x, const RowBlock<T>& y) const {
    if (y.width == 0) return;
    if (local_.n == 0) return fill_zero(y);
    Small<Wide<T>> unused;
    normal_product(local_, Pass::forward, x, y, unused);
  }

  void apply_adjoint(const RowBlock<T>& y, Small<Wide<T>>& x) const {
    x = Small<Wide<T>>(local_.n, y.width);
    if (y.width == 0 || local_.n == 0) return;
    normal_product(local_, Pass::adjoint, {}, y, x);
  }

  /// In pieces of rows that stay in cache from the first product to the second: A is read from
  /// memory once.
  void update(const Small<Wide<T>>& v, std::span<const double> alpha, const RowBlock<T>& u,
              Small<Wide<T>>& w) const {
    w = Small<Wide<T>>(local_.n, u.width);
    if (u.width == 0) return;
    const Index piece = piece_rows();
    const Storage<T> kept = Storage<T>::allocate(piece * u.padded, true);
    Small<Wide<T>> part;
    for (Index begin = 0; begin < local_.m; begin += piece) {
      const DenseRows rows = of_piece(begin, std::min(piece, local_.m - begin));
      const RowBlock<T> mine{u.data + begin * u.ld, u.ld, u.width, u.padded};
      const RowBlock<T> product{kept.data(), u.padded, u.width, u.padded};
      rows.apply(v, product);
      for (Index i = 0; i < rows.local_.m; ++i) {
        for (Index c = 0; c < u.width; ++c) {
          T& entry = mine.data[i * u.ld + c];
          entry = product.data[i * u.padded + c] -
                  static_cast<Real<T>>(alpha[static_cast<std::size_t>(c)]) * entry;
        }
      }
      rows.apply_adjoint(mine, part);
      for (std::size_t at = 0; at < w.data.size(); ++at) w.data[at] += part.data[at];
    }
  }

 private:
  DenseRows(const LocalRows<T>& local) : local_(local) {}

  void fill_zero(const RowBlock<T>& y) const {
    for (Index i = 0; i < local_.m; ++i) std::fill_n(y.data + i * y.ld, y.padded, T{});
  }

  /// 1.5 MB of A: each piece costs a conversion of v and w, about 32 n numbers.
  Index piece_rows() const {
    constexpr Index bytes = 3 << 19;
    constexpr Index panel = 48;
    const Index row = std::max<Index>(1, local_.n) * static_cast<Index>(sizeof(T));
    return std::clamp(bytes / row / panel, Index{2}, Index{1} << 12) * panel;
  }

  DenseRows of_piece(Index begin, Index rows) const {
    LocalRows<T> part = local_;
    part.m = rows;
    part.data = local_.row(begin);
    return DenseRows(part);
  }

  TallView<T> view_;
  LocalRows<T> local_;
  std::vector<Index> row_indices_;
};

}  // namespace matrass::detail
