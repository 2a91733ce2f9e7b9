// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Products of which every rank computes its share from the rows that it has: tall matrices are not
/// spread out for them. Next: scalapack/matmul.hpp
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/mpi/collectives.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <matrass/scalapack/blas.hpp>
#include <matrass/scalapack/operand.hpp>
#include <span>
#include <utility>
#include <vector>

namespace matrass::detail {

/// How alpha op(A) op(B) is computed, of op(A) m x k and op(B) k x n on p ranks.
///
/// inner: both share the index k, dealt alike to all ranks: each multiplies what it has, and the
///   m x n results are summed on all: 2 m n elements sent and received a rank.
/// left: op(A)'s rows are dealt, and B, k n elements, goes to all ranks. right: its mirror image.
///   Nothing moves where that is in [STAR,STAR] already.
/// spread: both go to [MC,MR], which moves (m + n) k / p elements a rank, then PBLAS.
/// What moves least is taken.
enum class ProductWay { spread, inner, left, right };

/// A factor seen so that its rows are dealt: op(A) is (L, or conj(L), or the transpose of these).
template <Scalar T>
struct RowsView {
  DistMatrix<T> matrix;
  bool conjugated = false;
};

/// L = op(A)
template <Scalar T>
RowsView<T> as_rows(const DistMatrix<T>& a, Op op) {
  const bool conjugated = is_complex<T> && op == Op::adjoint;
  return {op == Op::none ? a : DistMatrix<T>(a.transposed()), conjugated};
}

/// L = op(A)^T
template <Scalar T>
RowsView<T> as_columns(const DistMatrix<T>& a, Op op) {
  const bool conjugated = is_complex<T> && op == Op::adjoint;
  return {op == Op::none ? DistMatrix<T>(a.transposed()) : a, conjugated};
}

/// Whether each rank of the grid has some rows as a whole.
inline bool is_row_dealt(const Distribution& d) {
  return d.layout() == VC_STAR || d.layout() == VR_STAR;
}

/// The same rows at the same places on the same ranks.
inline bool same_rows(const Distribution& a, const Distribution& b) {
  return a.layout() == b.layout() && a.rows() == b.rows() && a.grid() == b.grid();
}

/// The same on every rank.
template <Scalar T>
ProductWay product_way(const DistMatrix<T>& a, const DistMatrix<T>& b, Op op_a, Op op_b) {
  const Distribution rows_a = as_rows(a, op_a).matrix.distribution();
  const Distribution inner_a = as_columns(a, op_a).matrix.distribution();
  const Distribution inner_b = as_rows(b, op_b).matrix.distribution();
  const Distribution cols_b = as_columns(b, op_b).matrix.distribution();
  const auto m = static_cast<double>(rows_a.shape().rows);
  const auto k = static_cast<double>(rows_a.shape().cols);
  const auto n = static_cast<double>(cols_b.shape().rows);
  const double spread = (m + n) * k / static_cast<double>(a.grid().size());
  const bool sums = is_row_dealt(inner_a) && same_rows(inner_a, inner_b);
  constexpr double never = std::numeric_limits<double>::infinity();
  const double inner = sums ? 2 * m * n : never;
  const double left = !is_row_dealt(rows_a) ? never : b.layout() == STAR_STAR ? 0 : k * n;
  const double right = !is_row_dealt(cols_b) ? never : a.layout() == STAR_STAR ? 0 : m * k;
  const double least = std::min({inner, left, right});
  if (least > spread || least == never) return ProductWay::spread;
  if (least == inner) return ProductWay::inner;
  return least == left ? ProductWay::left : ProductWay::right;
}

/// A local part as BLAS takes it: op(data).
template <Scalar T>
struct BlasFactor {
  char op = 'N';
  const T* data = nullptr;
  int ld = 1;
};

/// `part` itself or its transpose, as a factor. One of its strides is 1.
template <Scalar T>
BlasFactor<T> blas_factor(const LocalPart<T>& part, bool transposed) {
  const bool by_columns = part.row_stride == 1;
  // One column (or row) has any stride.
  const Index ld = by_columns ? std::max(part.col_stride, part.shape.rows)
                              : std::max(part.row_stride, part.shape.cols);
  return {by_columns == transposed ? 'T' : 'N', part.data,
          narrow(std::max<Index>(ld, 1), "matmul: leading dimension")};
}

template <Scalar T>
bool is_same_part(const LocalPart<T>& a, const LocalPart<T>& b) {
  return a.data == b.data && a.shape == b.shape && a.row_stride == b.row_stride &&
         a.col_stride == b.col_stride;
}

/// c (m x n, dense, column-major, zero before) = L^T R or L^H R of this rank's rows: one triangle
/// of it, mirrored, where R is L.
template <Scalar T>
void multiply_inner(const LocalPart<T>& l, const LocalPart<T>& r, bool adjoint, T* c) {
  const int m = narrow(l.shape.cols, "matmul: rows");
  const int n = narrow(r.shape.cols, "matmul: columns");
  const int k = narrow(l.shape.rows, "matmul: local rows");
  if (m == 0 || n == 0 || k == 0) return;
  BlasFactor<T> left = blas_factor(l, true);
  const auto at = [&](Index i, Index j) -> T& { return c[i + j * m]; };
  if (is_same_part(l, r)) {
    const bool by_columns = left.op == 'T';
    if (adjoint) {
      // Stored by rows, L L^T's kind of product gives the conjugate: its other triangle is wanted.
      blas::herk('U', by_columns ? 'C' : 'N', n, k, left.data, left.ld, Real<T>{0}, c, m);
    } else {
      blas::syrk('U', left.op, n, k, T{1}, left.data, left.ld, T{0}, c, m);
    }
    for (Index j = 0; j < n; ++j) {
      for (Index i = 0; i <= j; ++i) {
        if (adjoint && !by_columns) at(i, j) = conjugate(at(i, j));
        at(j, i) = adjoint ? conjugate(at(i, j)) : at(i, j);
      }
    }
    return;
  }
  std::vector<T> copy;
  if (adjoint && left.op == 'N') {  // BLAS has no conjugate without a transpose
    copy.resize(static_cast<std::size_t>(l.shape.size()));
    for (Index i = 0; i < k; ++i) {
      for (Index j = 0; j < m; ++j) copy[static_cast<std::size_t>(j + i * m)] = conjugate(l(i, j));
    }
    left = {'N', copy.data(), m};
  } else if (adjoint) {
    left.op = 'C';
  }
  const BlasFactor<T> right = blas_factor(r, false);
  blas::gemm(left.op, right.op, m, n, k, T{1}, left.data, left.ld, right.data, right.ld, T{0}, c,
             m);
}

/// The whole of op(A) op(B) on every rank, dense and column-major. Collective.
template <Scalar T>
Storage<T> inner_product(const DistMatrix<T>& a, const DistMatrix<T>& b, Op op_a, Op op_b) {
  const mpi::Communicator& comm = a.grid().comm();
  const RowsView<T> l = as_columns(a, op_a);
  const RowsView<T> r = as_rows(b, op_b);
  const Index size = l.matrix.shape().cols * r.matrix.shape().cols;
  const Storage<T> c = mpi::throw_together(comm, [&] {
    Storage<T> sum = Storage<T>::allocate(size, true);
    // cj(L)^T cj(R): a conjugate on the right is one of the whole.
    multiply_inner(l.matrix.part(), r.matrix.part(), l.conjugated != r.conjugated, sum.data());
    if (r.conjugated) std::transform(sum.data(), sum.data() + size, sum.data(), conjugate<T>);
    return sum;
  });
  mpi::allreduce(comm, std::span<T>(c.data(), static_cast<std::size_t>(size)));
  return c;
}

/// c <- alpha x + beta c for this rank's elements of c; x is the whole matrix. c is not read where
/// beta is 0. Local.
template <Scalar T>
void assign_share(const T* x, T alpha, T beta, const DistMatrix<T>& c) {
  const std::vector<Index> rows = c.local_rows();
  const std::vector<Index> cols = c.local_cols();
  for (std::size_t j = 0; j < cols.size(); ++j) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      T& to = c.part()(static_cast<Index>(i), static_cast<Index>(j));
      const T value = alpha * x[rows[i] + cols[j] * c.shape().rows];
      to = beta == T{0} ? value : value + beta * to;
    }
  }
}

/// c = alpha cj(L) cj(R) + beta c, where L and c have the same rows, dealt alike. Collective.
template <Scalar T>
void multiply_rows(RowsView<T> l, const RowsView<T>& factor, const DistMatrix<T>& c, T alpha,
                   T beta) {
  const DistMatrix<T> r = redistribute(factor.matrix, STAR_STAR);
  mpi::throw_together(c.grid().comm(), [&] {
    const Shape shape = c.local_shape();
    const int m = narrow(shape.rows, "matmul: local rows");
    const int n = narrow(shape.cols, "matmul: columns");
    const int k = narrow(l.matrix.shape().cols, "matmul: inner extent");
    if (m == 0 || n == 0) return;
    std::vector<T> small(static_cast<std::size_t>(k) * static_cast<std::size_t>(n));
    for (Index j = 0; j < n; ++j) {
      for (Index i = 0; i < k; ++i) {
        const T x = r.part()(i, j);
        small[static_cast<std::size_t>(i + j * k)] = factor.conjugated ? conjugate(x) : x;
      }
    }
    BlasFactor<T> left = blas_factor(l.matrix.part(), false);
    if (l.conjugated && left.op == 'T') {
      left.op = 'C';
    } else if (l.conjugated) {
      l.matrix = l.matrix.local_copy();
      const LocalPart<T>& part = l.matrix.part();
      for (Index j = 0; j < k; ++j) {
        for (Index i = 0; i < m; ++i) part(i, j) = conjugate(part(i, j));
      }
      left = blas_factor(part, false);
    }
    const LocalPart<T>& to = c.part();
    if (to.row_stride == 1) {
      blas::gemm(left.op, 'N', m, n, k, alpha, left.data, left.ld, small.data(), std::max(k, 1),
                 beta, to.data, blas_factor(to, false).ld);
      return;
    }
    std::vector<T> product(static_cast<std::size_t>(shape.size()));  // c is a transposed view
    blas::gemm(left.op, 'N', m, n, k, alpha, left.data, left.ld, small.data(), std::max(k, 1), T{0},
               product.data(), m);
    for (Index j = 0; j < n; ++j) {
      for (Index i = 0; i < m; ++i) {
        const T x = product[static_cast<std::size_t>(i + j * m)];
        to(i, j) = beta == T{0} ? x : x + beta * to(i, j);
      }
    }
  });
}

/// A distribution of as many rows as `rows` has, each on the same rank at the same place, and of
/// any number of columns. Local.
inline Distribution row_aligned(const Distribution& rows, Index columns) {
  const BlockCyclicAxis& axis = rows.rows();
  LayoutOptions options;
  options.block = matrass::Block{axis.block, std::max<Index>(1, columns)};
  options.row_source = axis.source;
  const Shape shape{axis.first + axis.extent, columns};
  const Distribution whole(rows.grid(), shape, rows.layout(), options);
  return axis.first == 0 ? whole : whole.slice(axis.first, shape.rows, 0, columns);
}

/// alpha op(A) op(B) by `way`, which is not spread: [STAR,STAR], or with A's rows or B's columns.
/// Collective.
template <Scalar T>
DistMatrix<T> local_product(ProductWay way, const DistMatrix<T>& a, const DistMatrix<T>& b, Op op_a,
                            Op op_b, T alpha) {
  const ProcessGrid& grid = a.grid();
  if (way == ProductWay::inner) {
    const Storage<T> x = inner_product(a, b, op_a, op_b);
    const Index m = as_rows(a, op_a).matrix.shape().rows;
    const Index n = as_columns(b, op_b).matrix.shape().rows;
    return mpi::throw_together(grid.comm(), [&] {
      const Distribution everywhere(grid.map(), {m, n}, STAR_STAR);
      std::for_each(x.data(), x.data() + m * n, [&](T& value) { value *= alpha; });
      const Shape mine = everywhere.local_shape(grid.rank());
      return DistMatrix<T>(grid, everywhere, x, {x.data(), mine, 1, std::max<Index>(m, 1)});
    });
  }
  // The mirror image: c^T = op(B)^T op(A)^T.
  const bool left = way == ProductWay::left;
  const RowsView<T> l = left ? as_rows(a, op_a) : as_columns(b, op_b);
  const RowsView<T> r = left ? as_rows(b, op_b) : as_columns(a, op_a);
  const DistMatrix<T> c = mpi::throw_together(grid.comm(), [&] {
    const Distribution d = row_aligned(l.matrix.distribution(), r.matrix.shape().cols);
    return DistMatrix<T>::allocate(grid, d, false);
  });
  multiply_rows(l, r, c, alpha, T{0});
  return left ? c : DistMatrix<T>(c.transposed());
}

/// c = alpha op(A) op(B) + beta c where that needs no [MC,MR]. @returns whether it was done: the
/// same on every rank. Collective. c may share elements with a and b.
template <Scalar T>
bool local_product_into(const DistMatrix<T>& a, const DistMatrix<T>& b, const DistMatrix<T>& c,
                        Op op_a, Op op_b, T alpha, T beta) {
  const ProductWay way = product_way(a, b, op_a, op_b);
  if (way == ProductWay::spread) return false;
  if (way == ProductWay::inner) {
    const Storage<T> x = inner_product(a, b, op_a, op_b);
    assign_share<T>(x.data(), alpha, beta, c);
    return true;
  }
  const bool left = way == ProductWay::left;
  const DistMatrix<T> to = left ? c : DistMatrix<T>(c.transposed());
  const RowsView<T> l = left ? as_rows(a, op_a) : as_columns(b, op_b);
  const RowsView<T> r = left ? as_rows(b, op_b) : as_columns(a, op_a);
  if (!same_rows(l.matrix.distribution(), to.distribution())) return false;
  const auto apart = mpi::throw_together(c.grid().comm(), [&] {
    return std::pair(RowsView<T>{l.matrix.apart_from(to), l.conjugated},
                     RowsView<T>{r.matrix.apart_from(to), r.conjugated});
  });
  multiply_rows(apart.first, apart.second, to, alpha, beta);
  return true;
}

}  // namespace matrass::detail
