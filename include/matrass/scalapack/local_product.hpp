// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Products in which a large factor stays where it is: each rank multiplies what it has of it.
/// Next: scalapack/summa.hpp
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/mpi/collectives.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <matrass/scalapack/blas.hpp>
#include <matrass/scalapack/factor_panels.hpp>
#include <span>
#include <utility>
#include <vector>

namespace matrass::detail {

/// How x y is computed, of x m x k and y k x n.
///
/// spread: c is spread over the r x c grid and stays there: (m / r + n / c) k elements go to a rank
///   (summa.hpp).
/// inner: both share the index k, dealt alike to all ranks: each multiplies what it has, and the
///   m x n results are summed on all: 2 m n elements a rank.
/// left_stays: of an x with its rows at r places and its columns at c, y's rows go to where those
///   columns are, k n / c elements a rank, and c partial products are summed, m n / r.
/// right_stays: its mirror image.
/// inner if it moves no more than spread does, one that stays if it moves at most half of that: all
/// that moves is in memory at once.
enum class ProductWay { spread, inner, left_stays, right_stays };

/// Whether each rank of the grid has some rows as a whole.
inline bool is_row_dealt(const Distribution& d) {
  return d.layout() == VC_STAR || d.layout() == VR_STAR;
}

/// Whether each element is on one rank, and each rank of the grid has some.
inline bool is_dealt_once(const Distribution& d) {
  return is_row_dealt(d) || is_row_dealt(d.transposed()) || d.layout() == MC_MR ||
         d.layout() == MR_MC;
}

/// The same rows at the same places on the same ranks.
inline bool same_rows(const Distribution& a, const Distribution& b) {
  return a.layout() == b.layout() && a.rows() == b.rows() && a.grid() == b.grid();
}

/// Elements that go to a rank where x stays, which has as many columns as y rows.
inline double moved_if_stays(const Distribution& x, const Distribution& y) {
  if (!is_dealt_once(x)) return std::numeric_limits<double>::infinity();
  const auto m = static_cast<double>(x.shape().rows);
  const auto k = static_cast<double>(x.shape().cols);
  const auto n = static_cast<double>(y.shape().cols);
  const double to_x = y.layout() == STAR_STAR ? 0 : k * n / x.cols().nprocs;
  return to_x + (x.cols().nprocs == 1 ? 0 : m * n / x.rows().nprocs);
}

/// The same on every rank.
template <Scalar T>
ProductWay product_way(const Factor<T>& x, const Factor<T>& y) {
  const Distribution& left = x.matrix.distribution();
  const Distribution& right = y.matrix.distribution();
  const auto m = static_cast<double>(left.shape().rows);
  const auto k = static_cast<double>(left.shape().cols);
  const auto n = static_cast<double>(right.shape().cols);
  const GridShape grid = left.grid().shape;
  const double spread = m * k / grid.rows + n * k / grid.cols;
  const bool sums = is_row_dealt(left.transposed()) && same_rows(left.transposed(), right);
  if (sums && 2 * m * n <= spread) return ProductWay::inner;
  const double left_stays = moved_if_stays(left, right);
  const double right_stays = moved_if_stays(right.transposed(), left.transposed());
  if (2 * std::min(left_stays, right_stays) > spread) return ProductWay::spread;
  return left_stays <= right_stays ? ProductWay::left_stays : ProductWay::right_stays;
}

template <Scalar T>
bool is_same_part(const LocalPart<T>& a, const LocalPart<T>& b) {
  return a.data == b.data && a.shape == b.shape && a.row_stride == b.row_stride &&
         a.col_stride == b.col_stride;
}

/// c (m x n, dense, column-major, zero before) = L^T R or L^H R of this rank's rows of l and r: one
/// triangle of it, mirrored, where R is L.
template <Scalar T>
void multiply_inner(const DistMatrix<T>& l, const DistMatrix<T>& r, bool adjoint, T* c) {
  const LocalPart<T>& part = l.part();
  const int m = narrow(part.shape.cols, "matmul: rows");
  const int n = narrow(r.part().shape.cols, "matmul: columns");
  const int k = narrow(part.shape.rows, "matmul: local rows");
  if (m == 0 || n == 0 || k == 0) return;
  BlasFactor<T> left = blas_factor(l, true);
  const auto at = [&](Index i, Index j) -> T& { return c[i + j * m]; };
  if (is_same_part(part, r.part())) {
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
  DistMatrix<T> copy;
  if (adjoint && left.op == 'N') {  // BLAS has no conjugate without a transpose
    copy = DistMatrix<T>(l.transposed()).local_copy();
    conjugate_part(copy.part());
    left = blas_factor(copy);
  } else if (adjoint) {
    left.op = 'C';
  }
  const BlasFactor<T> right = blas_factor(r);
  blas::gemm(left.op, right.op, m, n, k, T{1}, left.data, left.ld, right.data, right.ld, T{0}, c,
             m);
}

/// The whole of alpha x y on every rank, where both share the rows. Collective.
template <Scalar T>
DistMatrix<T> inner_product(const Factor<T>& x, const Factor<T>& y, T alpha) {
  const ProcessGrid& grid = x.matrix.grid();
  const DistMatrix<T> l(x.matrix.transposed());
  const Index m = l.shape().cols;
  const Index size = m * y.matrix.shape().cols;
  const DistMatrix<T> c = mpi::throw_together(grid.comm(), [&] {
    const Distribution everywhere(grid.map(), {m, y.matrix.shape().cols}, STAR_STAR);
    const Storage<T> sum = Storage<T>::allocate(size, true);
    // cj(L)^T cj(R): a conjugate on the right is one of the whole.
    multiply_inner(l, y.matrix, x.conjugated != y.conjugated, sum.data());
    if (y.conjugated) std::transform(sum.data(), sum.data() + size, sum.data(), conjugate<T>);
    // Ranks outside the grid take part in the sum, though they have nothing of the result.
    const Shape mine = everywhere.local_shape(grid.rank());
    return DistMatrix<T>(grid, everywhere, sum, {sum.data(), mine, 1, std::max<Index>(m, 1)});
  });
  T* const data = c.storage().data();
  mpi::allreduce(grid.comm(), std::span<T>(data, static_cast<std::size_t>(size)));
  std::for_each(data, data + size, [&](T& value) { value *= alpha; });
  return c;
}

/// Of partial products (m x n each, side by side, one for each place of columns) their sum, with
/// its rows dealt to all ranks. Collective.
template <Scalar T>
DistMatrix<T> sum_of_places(const DistMatrix<T>& partial, Index n) {
  const DistMatrix<T> rows = redistribute(partial, VC_STAR);
  const Index places = partial.shape().cols / std::max<Index>(n, 1);
  return mpi::throw_together(rows.grid().comm(), [&] {
    const Distribution wanted = row_aligned(rows.distribution(), n);
    const DistMatrix<T> sum = DistMatrix<T>::allocate(rows.grid(), wanted, true);
    for (Index j = 0; j < places * n; ++j) {
      for (Index i = 0; i < rows.part().shape.rows; ++i) {
        sum.part()(i, j % n) += rows.part()(i, j);
      }
    }
    return sum;
  });
}

/// alpha x y, where x stays: with its rows where x has them if x's columns are not dealt, else in
/// [VC,STAR]. Collective.
template <Scalar T>
DistMatrix<T> multiply_where_left_is(const Factor<T>& x, Factor<T> y, T alpha) {
  // BLAS cannot conjugate what stays as it is: cj(X) Y = cj(X cj(Y)).
  if (x.conjugated) y.conjugated = !y.conjugated;
  const T factor = x.conjugated ? conjugate(alpha) : alpha;
  const Distribution& d = x.matrix.distribution();
  const Index n = y.matrix.shape().cols;
  auto [partial, rows] = mpi::throw_together(x.matrix.grid().comm(), [&] {
    LayoutOptions options;
    options.block = matrass::Block{d.rows().block, std::max<Index>(n, 1)};
    options.row_source = d.rows().source;
    options.anchor = d.anchor();
    const Shape shape{d.rows().first + d.rows().extent, n * d.cols().nprocs};
    const Distribution side_by_side = Distribution(d.grid(), shape, d.layout(), options)
                                          .slice(d.rows().first, shape.rows, 0, shape.cols);
    narrow(d.local_shape(x.matrix.grid().rank()).rows, "matmul: local rows");
    narrow(d.local_shape(x.matrix.grid().rank()).cols, "matmul: local inner extent");
    narrow(n, "matmul: columns");
    return std::pair(DistMatrix<T>::allocate(x.matrix.grid(), side_by_side, false),
                     FactorPanels<T>(y, d.transposed(), n));
  });
  const BlasFactor<T> right = rows.fetch(0, n);
  const LocalPart<T>& part = partial.part();
  if (part.shape.size() > 0) {
    const BlasFactor<T> left = blas_factor(x.matrix);
    blas::gemm(left.op, right.op, static_cast<int>(part.shape.rows), static_cast<int>(n),
               static_cast<int>(x.matrix.local_shape().cols), factor, left.data, left.ld,
               right.data, right.ld, T{0}, part.data, blas_factor(partial).ld);
    if (x.conjugated) conjugate_part(part);
  }
  return d.cols().nprocs == 1 ? partial : sum_of_places(partial, n);
}

/// alpha x y by `way`, which is not spread: [STAR,STAR], or with x's rows or y's columns, or
/// [VC,STAR] or [STAR,VC]. Collective.
template <Scalar T>
DistMatrix<T> local_product(ProductWay way, const Factor<T>& x, const Factor<T>& y, T alpha) {
  if (way == ProductWay::inner) return inner_product(x, y, alpha);
  if (way == ProductWay::left_stays) return multiply_where_left_is(x, y, alpha);
  const DistMatrix<T> mirror = multiply_where_left_is(y.transposed(), x.transposed(), alpha);
  return DistMatrix<T>(mirror.transposed());
}

/// c <- x + beta c; c is not read where beta is 0. Collective.
template <Scalar T>
void add_to(const DistMatrix<T>& x, T beta, const DistMatrix<T>& c) {
  if (beta == T{0}) return redistribute_into(x, c);
  const DistMatrix<T> moved = redistribute(x, c.grid(), c.distribution());
  const LocalPart<T>& to = c.part();
  for (Index j = 0; j < to.shape.cols; ++j) {
    for (Index i = 0; i < to.shape.rows; ++i) to(i, j) = moved.part()(i, j) + beta * to(i, j);
  }
}

}  // namespace matrass::detail
