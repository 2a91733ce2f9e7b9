// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Products of a sparse matrix with dense ones, and with its own adjoint in one pass.
/// Next: sparse/convert.hpp
#pragma once

#include <algorithm>
#include <matrass/core/shown.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <matrass/sparse/sparse_rows.hpp>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

namespace detail {

/// Columns of a dense factor that a product takes at a time: two lines of memory.
template <Scalar T>
inline constexpr Index panel_columns = 2 * TallBlocks<T>::pad();

/// @throws ShapeError, InvalidArgument unless a b is a product
template <Scalar T>
void require_factors(const SparseMatrix<T>& a, const DistMatrix<T>& b) {
  if (a.shape().cols != b.shape().rows) {
    throw ShapeError("matmul: columns of op(A) must equal rows of op(B): got " + shown(a.shape()) +
                     " and " + shown(b.shape()));
  }
  if (!(a.grid() == b.grid())) {
    throw InvalidArgument("matmul: A and B must share one process grid: got " +
                          to_string(a.grid().shape()) + " and " + to_string(b.grid().shape()) +
                          " (build both on one Grid)");
  }
}

/// The rows of columns [j0, j0 + width) of X that this rank touches, row-major and padded.
/// Collective.
template <Scalar T>
void gather_rows(const ColumnExchange& exchange, const DistMatrix<T>& x, Index j0, Index width,
                 T* rows, Index ld) {
  const LocalPart<T>& part = x.part();
  exchange.gather<T>(
      width,
      [&](Index row, T* buffer) {
        for (Index j = 0; j < width; ++j) buffer[j] = part(row, j0 + j);
      },
      [&](Index c, const T* buffer) { std::copy(buffer, buffer + width, rows + c * ld); });
}

/// Adds this rank's rows of W, in double precision, to columns [j0, j0 + width) of their owners'
/// result. Collective.
template <Scalar T>
void scatter_rows(const ColumnExchange& exchange, const Wide<T>* w, Index ld, Index width,
                  std::vector<Wide<T>>& sums) {
  exchange.scatter<Wide<T>>(
      width, [&](Index c, Wide<T>* buffer) { std::copy(w + c * ld, w + c * ld + width, buffer); },
      [&](Index row, const Wide<T>* buffer) {
        for (Index j = 0; j < width; ++j) {
          sums[static_cast<std::size_t>(row * width + j)] += buffer[j];
        }
      });
}

/// What a product works with: rows of V, Y and W for some columns.
template <Scalar T>
struct ProductWork {
  static constexpr Index rows = 256;  ///< of Y at a time

  ProductWork(const SparseMatrix<T>& a, bool forward, bool adjoint)
      : v(forward ? a.part().cols * panel_columns<T> : 0),
        w(adjoint ? a.part().cols * panel_columns<T> : 0),
        y(rows * panel_columns<T>) {}

  Aligned<T> v;
  Aligned<Wide<T>> w;
  Aligned<T> y;
};

/// One sweep over this rank's rows for columns [j0, j0 + width): from V to `result` (Y), from
/// `given` (Y) to W, or from V to W. Local.
template <Scalar T>
void sweep_rows_of(const SparseMatrix<T>& a, const ProductWork<T>& work, Index j0, Index width,
                   const LocalPart<T>* result, const LocalPart<T>* given) {
  const CsrPart<T>& part = a.part();
  constexpr Index ld = panel_columns<T>;
  const SparseKernel<Real<T>>& kernel = sparse_kernel<Real<T>>();
  const Index padded = ceil_div(width, TallBlocks<T>::pad()) * TallBlocks<T>::pad();
  for (Index begin = 0; begin < part.rows; begin += ProductWork<T>::rows) {
    const Index rows = std::min(ProductWork<T>::rows, part.rows - begin);
    T* y = work.y.get();
    for (Index i = 0; given != nullptr && i < rows; ++i) {
      for (Index j = 0; j < ld; ++j) {
        y[i * ld + j] = j < width ? (*given)(begin + i, j0 + j) : T{0};
      }
    }
    auto p = sweep_over(part, a.view().conjugated, begin, rows, padded);
    p.ld = ld * reals<T>;
    p.forward = given == nullptr;
    p.adjoint = result == nullptr;
    p.v = reinterpret_cast<const Real<T>*>(work.v.get());
    p.w = reinterpret_cast<double*>(work.w.get());
    p.y = reinterpret_cast<Real<T>*>(y);
    p.ldy = ld * reals<T>;
    // W takes the conjugate of the entries; a plain transpose is the adjoint of the conjugate.
    if (given != nullptr) p.sign = -p.sign;
    kernel.run(p);
    for (Index j = 0; result != nullptr && j < width; ++j) {
      for (Index i = 0; i < rows; ++i) (*result)(begin + i, j0 + j) = y[i * ld + j];
    }
  }
}

/// Columns [j0, j0 + width) of a new matrix from sums in double precision. Local.
template <Scalar T>
void put_sums(const std::vector<Wide<T>>& sums, const LocalPart<T>& part, Index j0, Index width) {
  for (Index j = 0; j < width; ++j) {
    for (Index i = 0; i < part.shape.rows; ++i) {
      part(i, j0 + j) = static_cast<T>(sums[static_cast<std::size_t>(i * width + j)]);
    }
  }
}

/// A X where A's rows are stored. Collective.
template <Scalar T>
DistMatrix<T> product_by_rows(const SparseMatrix<T>& a, const DistMatrix<T>& x) {
  const Index k = x.shape().cols;
  const DistMatrix<T> given = redistribute(x, a.grid(), a.beside_columns(k));
  DistMatrix<T> y = mpi::throw_together(
      a.grid().comm(), [&] { return DistMatrix<T>::allocate(a.grid(), a.beside_rows(k), false); });
  const ProductWork<T> work =
      mpi::throw_together(a.grid().comm(), [&] { return ProductWork<T>(a, true, false); });
  for (Index j0 = 0; j0 < k; j0 += panel_columns<T>) {
    const Index width = std::min(panel_columns<T>, k - j0);
    gather_rows(a.exchange(), given, j0, width, work.v.get(), panel_columns<T>);
    sweep_rows_of<T>(a, work, j0, width, &y.part(), nullptr);
  }
  return y;
}

/// A^T Y where A's rows are stored, or A^H A X = W (`fused`): then `y` is X. Collective.
template <Scalar T>
DistMatrix<T> product_by_columns(const SparseMatrix<T>& a, const DistMatrix<T>& y, bool fused) {
  const Index k = y.shape().cols;
  const DistMatrix<T> given =
      redistribute(y, a.grid(), fused ? a.beside_columns(k) : a.beside_rows(k));
  DistMatrix<T> w = mpi::throw_together(a.grid().comm(), [&] {
    return DistMatrix<T>::allocate(a.grid(), a.beside_columns(k), false);
  });
  std::vector<Wide<T>> sums;
  const ProductWork<T> work =
      mpi::throw_together(a.grid().comm(), [&] { return ProductWork<T>(a, fused, true); });
  for (Index j0 = 0; j0 < k; j0 += panel_columns<T>) {
    const Index width = std::min(panel_columns<T>, k - j0);
    mpi::throw_together(a.grid().comm(), [&] {
      sums.assign(static_cast<std::size_t>(w.local_shape().rows * width), Wide<T>{0});
    });
    std::fill_n(work.w.get(), a.part().cols * panel_columns<T>, Wide<T>{0});
    if (fused) gather_rows(a.exchange(), given, j0, width, work.v.get(), panel_columns<T>);
    sweep_rows_of<T>(a, work, j0, width, nullptr, fused ? nullptr : &given.part());
    scatter_rows<T>(a.exchange(), work.w.get(), panel_columns<T>, width, sums);
    put_sums<T>(sums, w.part(), j0, width);
  }
  return w;
}

template <Scalar T>
DistMatrix<T> sparse_product(const SparseMatrix<T>& a, const DistMatrix<T>& b) {
  const mpi::Call call("matmul", a.stored(), a.view().transposed, a.view().conjugated,
                       b.distribution());
  mpi::throw_together(a.grid().comm(), call, [&] { require_factors(a, b); });
  return a.view().transposed ? product_by_columns(a, b, false) : product_by_rows(a, b);
}

template <Scalar T>
DistMatrix<T> sparse_normal_product(const SparseMatrix<T>& a, const DistMatrix<T>& x) {
  const mpi::Call call("normal_product", a.stored(), a.view().transposed, a.view().conjugated,
                       x.distribution());
  mpi::throw_together(a.grid().comm(), call, [&] { require_factors(a, x); });
  if (a.view().transposed) {
    return sparse_product(a.transposed().conjugated(), sparse_product(a, x));
  }
  return product_by_columns(a, x, true);
}

}  // namespace detail

/// A B for sparse A.
///
/// Shapes: A m x n, B n x k in any layout; the result m x k in [VC,STAR], its rows where A's are
/// (for a transposed view: contiguous). Views of A cost no copy.
///
/// Collective over the grid. Cost: 2 nnz k flops; A is read once for each 16 columns (in double
/// precision). Sent by a rank: the rows of B that others touch, or for a transposed view the sums
/// for the rows that it touches: at most n k numbers, fewer where fewer columns have entries. So
/// never more than a reduction of dense sums. Memory: 16 numbers for each column that is touched.
///
/// Sums over entries are in the order of columns; for a transposed view in double precision.
/// @throws ShapeError, InvalidArgument, MemoryLimitError on all ranks
template <Scalar T, DistMatrixLike B>
DistMatrix<T> matmul(const SparseMatrix<T>& a, const B& b) {
  return detail::sparse_product(a, to_dynamic(b));
}

/// A B for sparse B: the transpose of B^T A^T, so the result is a view in [STAR,VC]. Collective.
template <DistMatrixLike A, Scalar T>
DistMatrix<T> matmul(const A& a, const SparseMatrix<T>& b) {
  const DistMatrix<T> left = to_dynamic(a).transposed();
  return DistMatrix<T>(detail::sparse_product(b.transposed(), left).transposed());
}

/// A^H A X. Where A's rows are stored (no transposed view), each row is read once, for both
/// products. The result is n x k in [VC,STAR]. Collective; see matmul.
template <Scalar T, DistMatrixLike X>
DistMatrix<T> normal_product(const SparseMatrix<T>& a, const X& x) {
  return detail::sparse_normal_product(a, to_dynamic(x));
}

/// A as an operator on blocks of vectors that are dealt by rows: A X and A^H Y. Collective. (Plain
/// `apply` would be std::apply where the scalar is std::complex.)
template <Scalar T>
DistMatrix<T> apply_to(const SparseMatrix<T>& a, const DistMatrix<T>& x) {
  return matmul(a, x);
}
template <Scalar T>
DistMatrix<T> apply_adjoint_to(const SparseMatrix<T>& a, const DistMatrix<T>& y) {
  return matmul(a.transposed().conjugated(), y);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                \
  extern template DistMatrix<T> detail::sparse_product<T>(const SparseMatrix<T>&,        \
                                                          const DistMatrix<T>&);         \
  extern template DistMatrix<T> detail::sparse_normal_product<T>(const SparseMatrix<T>&, \
                                                                 const DistMatrix<T>&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
