// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The distributed sparse matrix: compressed rows, whole rows on each rank.
/// Next: sparse/from_triplets.hpp (ways to make one), sparse/product.hpp (what it is for)
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/core/error.hpp>
#include <matrass/core/types.hpp>
#include <matrass/grid/process_grid.hpp>
#include <matrass/layout/distribution.hpp>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/matrix/storage.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/mpi/collectives.hpp>
#include <matrass/sparse/column_exchange.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

/// One rank's rows: the entries of local row i are starts[i] to starts[i + 1], by ascending column,
/// no column twice.
///
/// Columns have a local number of 32 bits. Where `touched` is empty that is the global column; else
/// local column c is global column touched[c], ascending: the columns that this rank's rows have
/// entries in. So vectors of this rank are as long as what it touches, and indices half as wide.
template <Scalar T>
struct CsrPart {
  Index rows = 0;
  Index cols = 0;  ///< local column numbers: touched.size(), or all columns
  std::vector<Index> starts{0};
  std::vector<std::int32_t> columns;
  std::vector<Index> touched;
  Storage<T> values;

  Index nnz() const { return starts.back(); }
  Index global_column(std::int32_t c) const {
    return touched.empty() ? Index{c} : touched[static_cast<std::size_t>(c)];
  }
};

/// How a stored matrix is to be seen.
struct SparseView {
  bool transposed = false;
  bool conjugated = false;
  friend bool operator==(const SparseView&, const SparseView&) = default;
};

/// A sparse matrix whose rows are dealt to the ranks as those of a [VC,STAR] matrix: by default
/// contiguous rows, or in turn in blocks of fewer rows, which spreads heavy rows.
///
/// A handle, not changed after it was made: copies share the entries, and freeing is local.
/// `transposed()` and `conjugated()` are views: a flag that products look at. Explicit zeros stay.
///
/// Memory: 4 bytes and a scalar for each entry, 8 bytes for each row.
template <Scalar T>
class SparseMatrix {
 public:
  using value_type = T;

  SparseMatrix() = default;

  /// The matrix with this rank's rows. Collective: counts entries, and finds out who needs which
  /// rows of a factor. For makers, which have put `part` in order.
  /// @param stored how the rows are dealt: [VC,STAR]
  SparseMatrix(const ProcessGrid& grid, const Distribution& stored, CsrPart<T> part)
      : grid_(grid), rows_(stored) {
    const mpi::Communicator& comm = grid.comm();
    auto made = mpi::throw_together(comm, mpi::Call("SparseMatrix", stored), [&] {
      return std::make_shared<Shared>(Shared{std::move(part), {}, 0});
    });
    made->nnz = mpi::allreduce(comm, made->part.nnz());
    const Shape shape = stored.shape();
    made->exchange =
        detail::ColumnExchange(comm, Distribution(grid.map(), {shape.cols, 1}, VC_STAR),
                               made->part.touched, made->part.cols);
    shared_ = std::move(made);
  }

  bool empty_handle() const { return !grid_.has_value(); }
  const ProcessGrid& grid() const { return *grid_; }
  SparseView view() const { return view_; }

  /// Of the matrix as it is seen.
  Shape shape() const {
    const Shape s = rows_.shape();
    return view_.transposed ? Shape{s.cols, s.rows} : s;
  }
  /// Entries of the whole matrix, explicit zeros among them.
  Index nnz() const { return shared_->nnz; }

  /// How the rows of the stored matrix are dealt (columns of a transposed view).
  const Distribution& stored() const { return rows_; }
  /// This rank's rows of the stored matrix.
  const CsrPart<T>& part() const { return shared_->part; }
  /// The global indices of these rows, ascending.
  std::vector<Index> local_rows() const { return rows_.local_rows(grid_->rank()); }
  const detail::ColumnExchange& exchange() const { return shared_->exchange; }
  /// What keeps part() alive.
  std::shared_ptr<void> owner() const { return std::const_pointer_cast<Shared>(shared_); }

  /// How the rows of a product with the stored matrix (of its transpose) are dealt. Local.
  Distribution beside_rows(Index k) const {
    LayoutOptions options;
    options.block = Block{rows_.block().rows, std::max<Index>(1, k)};
    return Distribution(grid_->map(), {rows_.shape().rows, k}, VC_STAR, options);
  }
  Distribution beside_columns(Index k) const {
    return Distribution(grid_->map(), {rows_.shape().cols, k}, VC_STAR);
  }

  /// Views; nothing moves.
  SparseMatrix transposed() const {
    SparseMatrix a = *this;
    a.view_.transposed = !a.view_.transposed;
    return a;
  }
  SparseMatrix conjugated() const {
    SparseMatrix a = *this;
    if (is_complex<T>) a.view_.conjugated = !a.view_.conjugated;
    return a;
  }

  /// A matrix with the same pattern and f(value, local row) for each entry. Collective.
  template <class U = T, class F>
  SparseMatrix<U> with_values(const std::string& name, F&& f) const {
    CsrPart<U> made = mpi::throw_together(grid_->comm(), mpi::Call(name, rows_), [&] {
      const CsrPart<T>& old = part();
      CsrPart<U> p{old.rows,    old.cols,    old.starts,
                   old.columns, old.touched, Storage<U>::allocate(old.nnz(), false)};
      for (Index i = 0; i < old.rows; ++i) {
        const Index end = old.starts[static_cast<std::size_t>(i + 1)];
        for (Index e = old.starts[static_cast<std::size_t>(i)]; e < end; ++e) {
          p.values.data()[e] = f(old.values.data()[e], i);
        }
      }
      return p;
    });
    return SparseMatrix<U>(*grid_, rows_, std::move(made), shared_->exchange, nnz(), view_);
  }

  /// The same pattern with other values: nothing is counted anew. Local.
  SparseMatrix(const ProcessGrid& grid, const Distribution& stored, CsrPart<T> part,
               detail::ColumnExchange exchange, Index nnz, SparseView view)
      : grid_(grid),
        rows_(stored),
        shared_(std::make_shared<Shared>(Shared{std::move(part), std::move(exchange), nnz})),
        view_(view) {}

 private:
  struct Shared {
    CsrPart<T> part;
    detail::ColumnExchange exchange;
    Index nnz = 0;
  };

  std::optional<ProcessGrid> grid_;
  Distribution rows_;
  std::shared_ptr<const Shared> shared_;
  SparseView view_;
};

/// How the rows of an m x n sparse matrix are dealt: contiguous, or in blocks of `block` rows.
/// @throws InvalidArgument
inline Distribution sparse_rows(const ProcessGrid& grid, Shape shape,
                                std::optional<Index> block = std::nullopt) {
  LayoutOptions options;
  if (block) options.block = Block{*block, std::max<Index>(1, shape.cols)};
  return {grid.map(), shape, VC_STAR, options};
}

}  // namespace matrass
