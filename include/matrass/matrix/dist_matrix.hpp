// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The distributed matrix: a handle to one rank's local part, and to how the whole is dealt out.
/// Next: matrix/create.hpp (ways to make one), redistribute/redistribute.hpp (ways to move one)
#pragma once

#include <algorithm>
#include <concepts>
#include <functional>
#include <limits>
#include <matrass/core/error.hpp>
#include <matrass/core/types.hpp>
#include <matrass/grid/process_grid.hpp>
#include <matrass/layout/distribution.hpp>
#include <matrass/matrix/storage.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

/// Which distribution it is, for mpi::Call.
inline std::uint64_t call_hash(const Distribution& d) {
  const auto axis = [](const BlockCyclicAxis& a) {
    return mpi::Call("axis", a.extent, a.block, a.nprocs, a.source, a.first).hash();
  };
  return mpi::Call("distribution", d.grid(), d.layout().col, d.layout().row, axis(d.rows()),
                   axis(d.cols()), d.anchor().diagonal, d.anchor().root)
      .hash();
}

/// One rank's rectangle of memory: element (i, j) is at data[i * row_stride + j * col_stride].
/// Strides count elements; column-major storage has row_stride 1.
template <class T>
struct LocalPart {
  T* data = nullptr;
  Shape shape{};
  Index row_stride = 1;
  Index col_stride = 1;

  T& operator()(Index i, Index j) const { return data[i * row_stride + j * col_stride]; }
  LocalPart transposed() const { return {data, {shape.cols, shape.rows}, col_stride, row_stride}; }
  operator LocalPart<const T>() const { return {data, shape, row_stride, col_stride}; }
};

/// Whether two parts lie in the same stretch of memory, so that writing one may change the other.
template <class T>
bool may_overlap(const LocalPart<T>& a, const LocalPart<T>& b) {
  const auto last = [](const LocalPart<T>& part) {
    return part.data + (part.shape.rows - 1) * part.row_stride +
           (part.shape.cols - 1) * part.col_stride;
  };
  if (a.shape.size() == 0 || b.shape.size() == 0) return false;
  return !std::less<>()(last(a), b.data) && !std::less<>()(last(b), a.data);
}

/// How local parts are stored, on every rank alike (strides of an empty part do not tell).
/// Transposed views are row-major.
enum class StorageOrder { column_major, row_major };

/// How `layout` deals out a matrix of `shape` over `grid`. Collective: arguments that do not fit,
/// or differ, on some rank are every rank's error.
/// @throws InvalidArgument, LayoutError
inline Distribution distribute(const ProcessGrid& grid, Shape shape, Layout layout,
                               const LayoutOptions& options = {}) {
  const mpi::Call call("layout", shape, layout.col, layout.row, grid.map());
  return mpi::throw_together(grid.comm(), call,
                             [&] { return Distribution(grid.map(), shape, layout, options); });
}

/// A matrix of `T` over a process grid.
///
/// Like std::span's extent, the layout is a template argument where it is known at compile time
/// (`DistMatrix<double, VC_STAR>`) and a run-time value where it is not (`DistMatrix<double>`). The
/// static form converts to the dynamic one for free, the other way is checked.
///
/// A handle: copies share the elements, and freeing is local, never collective. New matrices store
/// their local part column-major; a transposed view has the strides swapped.
template <Scalar T, Layout L = any_layout>
class DistMatrix {
  static_assert(L == any_layout || is_legal(L), "this pair of distributions is not a layout");

 public:
  using value_type = T;
  static constexpr Layout static_layout = L;

  DistMatrix() = default;

  /// A matrix of zeros. Collective over `grid`, with the same arguments on every rank.
  /// @throws InvalidArgument, LayoutError for arguments that do not fit; MemoryLimitError.
  DistMatrix(const ProcessGrid& grid, Shape shape, Layout layout, const LayoutOptions& options = {})
    requires(L == any_layout)
      : DistMatrix(grid, distribute(grid, shape, layout, options), true) {}

  DistMatrix(const ProcessGrid& grid, Shape shape, const LayoutOptions& options = {})
    requires(L != any_layout)
      : DistMatrix(grid, distribute(grid, shape, L, options), true) {}

  /// A matrix of this distribution, of zeros or with arbitrary content. Collective over `grid`.
  DistMatrix(const ProcessGrid& grid, const Distribution& distribution, bool zero)
      : DistMatrix(mpi::throw_together(grid.comm(), mpi::Call("DistMatrix", distribution), [&] {
          require_layout(distribution.layout());
          return allocate(grid, distribution, zero);
        })) {}

  /// The matrix whose local part is `part`, kept alive by `storage`. Local; nothing is copied.
  /// @param order of the parts of all ranks
  DistMatrix(const ProcessGrid& grid, const Distribution& distribution, Storage<T> storage,
             const LocalPart<T>& part, StorageOrder order = StorageOrder::column_major)
      : grid_(grid),
        distribution_(distribution),
        storage_(std::move(storage)),
        part_(part),
        order_(order) {
    require_layout(distribution.layout());
  }

  /// Static to dynamic: free. Dynamic to static: checked.
  /// @throws LayoutError if `other` has another layout.
  template <Layout M>
    requires(M != L && (L == any_layout || M == any_layout))
  explicit(L != any_layout) DistMatrix(const DistMatrix<T, M>& other)
      : DistMatrix(other.grid(), other.distribution(), other.storage(), other.part(),
                   other.order()) {}

  /// A new matrix of this distribution; local. For use inside an agreement (mpi/agree.hpp).
  static DistMatrix allocate(const ProcessGrid& grid, const Distribution& distribution, bool zero) {
    const Shape local = distribution.local_shape(grid.rank());
    const Index ld = distribution.leading_dimension(grid.rank());
    constexpr Index most = std::numeric_limits<Index>::max();
    const bool empty = local.rows == 0 || local.cols == 0;
    const bool countable = empty || ld <= most / local.cols;
    const Index count = empty ? 0 : countable ? ld * local.cols : most;
    Storage<T> storage = Storage<T>::allocate(count, zero);
    T* data = storage.data() + (empty ? 0 : ld - local.rows);  // a view's missing head comes first
    return {grid, distribution, std::move(storage), {data, local, 1, ld}};
  }

  bool empty_handle() const { return !grid_.has_value(); }
  const ProcessGrid& grid() const { return *grid_; }
  const Distribution& distribution() const { return distribution_; }
  Shape shape() const { return distribution_.shape(); }
  Layout layout() const { return distribution_.layout(); }
  Block block() const { return distribution_.block(); }

  /// This rank's part; owned by the matrix.
  const LocalPart<T>& part() const { return part_; }
  T* data() const { return part_.data; }
  Shape local_shape() const { return part_.shape; }
  const Storage<T>& storage() const { return storage_; }
  StorageOrder order() const { return order_; }

  /// The global row and column indices of this rank, ascending.
  std::vector<Index> local_rows() const { return distribution_.local_rows(grid_->rank()); }
  std::vector<Index> local_cols() const { return distribution_.local_cols(grid_->rank()); }

  /// This rank's part as an xtensor view, column-major, without a copy.
  /// Defined by matrix/local_view.hpp, which is apart because it is slow to compile.
  auto local() const { return local_view(part_); }

  /// ScaLAPACK's nine integers. Defined by scalapack/operand.hpp, which see.
  auto descriptor() const { return descriptor_of(DistMatrix<T>(*this)); }

  /// The transposed matrix: a view, nothing moves. (Not conjugated.)
  DistMatrix<T, L == any_layout ? any_layout : matrass::transposed(L)> transposed() const {
    return {*grid_, distribution_.transposed(), storage_, part_.transposed(),
            order_ == StorageOrder::column_major ? StorageOrder::row_major
                                                 : StorageOrder::column_major};
  }

  /// Rows [i0, i1) and columns [j0, j1): a view, nothing moves. Local, the same on every rank.
  /// @throws InvalidArgument unless the ranges lie within the shape.
  DistMatrix slice(Index i0, Index i1, Index j0, Index j1) const;

  /// A deep copy in the same distribution, column-major. Collective.
  DistMatrix copy() const {
    return mpi::throw_together(grid_->comm(), mpi::Call("copy", distribution_),
                               [&] { return local_copy(); });
  }

  /// The same elements, in other memory if writing `target` might change them here. Local, for use
  /// inside an agreement.
  DistMatrix apart_from(const DistMatrix& target) const {
    if (!may_overlap(part_, target.part_)) return *this;
    if (order_ == StorageOrder::column_major) return local_copy();
    return DistMatrix(transposed().local_copy().transposed());
  }

  /// copy() without the agreement. Local, for use inside one.
  DistMatrix local_copy() const {
    DistMatrix result = allocate(*grid_, distribution_, false);
    for (Index j = 0; j < part_.shape.cols; ++j) {
      for (Index i = 0; i < part_.shape.rows; ++i) result.part_(i, j) = part_(i, j);
    }
    return result;
  }

 private:
  static void require_layout(Layout layout) {
    if (L != any_layout && layout != L) {
      throw LayoutError("DistMatrix: layout must be " + to_string(L) + ": got " +
                        to_string(layout) + " (redistribute it)");
    }
  }

  std::optional<ProcessGrid> grid_;
  Distribution distribution_;
  Storage<T> storage_;
  LocalPart<T> part_;
  StorageOrder order_ = StorageOrder::column_major;
};

template <Scalar T, Layout L>
DistMatrix<T, L> DistMatrix<T, L>::slice(Index i0, Index i1, Index j0, Index j1) const {
  const Distribution view = distribution_.slice(i0, i1, j0, j1);
  const int rank = grid_->rank();
  LocalPart<T> part = part_;
  part.shape = view.local_shape(rank);
  if (view.holds(rank)) {
    // The view's first local row is the first one at or after i0 that this rank owns.
    const int p = *view.row_place(rank);
    const int q = *view.col_place(rank);
    const Index rows_before = distribution_.slice(0, i0, 0, 0).rows().local_extent(p);
    const Index cols_before = distribution_.slice(0, 0, 0, j0).cols().local_extent(q);
    if (part.shape.size() > 0) {
      part.data += rows_before * part.row_stride + cols_before * part.col_stride;
    }
  }
  return {*grid_, view, storage_, part, order_};
}

/// What routines take: a DistMatrix of any static or dynamic layout.
template <class M>
concept DistMatrixLike = std::derived_from<M, DistMatrix<typename M::value_type, M::static_layout>>;

/// The same matrix with its layout known at run time only. Free.
template <DistMatrixLike M>
DistMatrix<typename M::value_type> to_dynamic(const M& a) {
  return DistMatrix<typename M::value_type>(a);
}

}  // namespace matrass
