// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Matrix products: of rows where they lie, or spread over the grid.
/// Next: scalapack/run.hpp
#pragma once

#include <matrass/scalapack/local_product.hpp>
#include <matrass/scalapack/summa.hpp>
#include <string>

namespace matrass {

template <Scalar T>
struct MatmulOptions {
  Op op_a = Op::none;
  Op op_b = Op::none;
  T alpha = T{1};
  T beta = T{0};
};

namespace detail {

inline Shape shape_of(Shape shape, Op op) {
  return op == Op::none ? shape : Shape{shape.cols, shape.rows};
}

/// The shape of op(a) op(b).
/// @throws ShapeError, InvalidArgument
template <Scalar T>
Shape product_shape(const DistMatrix<T>& a, const DistMatrix<T>& b, const MatmulOptions<T>& o) {
  const Shape left = shape_of(a.shape(), o.op_a);
  const Shape right = shape_of(b.shape(), o.op_b);
  if (left.cols != right.rows) {
    throw ShapeError("matmul: columns of op(A) must equal rows of op(B): got " + shown(left) +
                     " and " + shown(right));
  }
  if (!(a.grid() == b.grid())) {
    throw InvalidArgument("matmul: A and B must share one process grid: got " +
                          matrass::to_string(a.grid().shape()) + " and " +
                          matrass::to_string(b.grid().shape()) + " (build both on one Grid)");
  }
  return {left.rows, right.cols};
}

/// alpha x y by `way`, where it comes about. Collective.
template <Scalar T>
DistMatrix<T> product(ProductWay way, const Factor<T>& x, const Factor<T>& y, T alpha) {
  if (way != ProductWay::spread) return local_product(way, x, y, alpha);
  const ProcessGrid& grid = x.matrix.grid();
  const Shape shape{x.matrix.shape().rows, y.matrix.shape().cols};
  DistMatrix<T> c(grid, Distribution(grid.map(), shape, MC_MR), false);
  summa(x, y, c, alpha, T{0});
  return c;
}

}  // namespace detail

/// c = alpha op(a) op(b) + beta c.
///
/// Shapes: op(a) m x k, op(b) k x n, c m x n, any layouts on one grid. c may share elements with a
/// and b: as if these had been copied first.
///
/// What moves little is done (detail::ProductWay):
/// - If the k indices of both are dealt alike to all ranks (a^H b of two [VC,STAR]), each rank
///   multiplies its rows and the m x n results are summed: 2 m n elements a rank. Half of the flops
///   where a is b.
/// - If one factor is much larger than the other it stays where it is. Of a [VC,STAR] times b, all
///   of b goes to each rank, and c has a's rows; of [MC,MR] times a narrow b, k n / c + m n / r.
/// - Else c is spread over the r x c grid in [MC,MR] (or stays where it is, in [MC,MR] or [MR,MC]),
///   and panels of a and b go to it from where they are: (m / r + n / c) k elements to a rank.
///
/// Collective over the grid. Cost: 2 m n k flops in all; 32 MB of panels a rank, or the product and
/// what goes to a rank.
/// @throws ShapeError, InvalidArgument, MemoryLimitError, ScaLAPACKError on all ranks, before c is
///   changed.
/// Source: SUMMA (van de Geijn, Watts 1997), from any layouts as Elemental has it.
template <Scalar T>
void matmul_into(const DistMatrix<T>& a, const DistMatrix<T>& b, const DistMatrix<T>& c,
                 const MatmulOptions<T>& options = {}) {
  const mpi::Call call("matmul", a.distribution(), b.distribution(), c.distribution(), options.op_a,
                       options.op_b, options.alpha, options.beta);
  const detail::Factor<T> x = detail::factor_of(a, options.op_a);
  const detail::Factor<T> y = detail::factor_of(b, options.op_b);
  const detail::ProductWay way = detail::product_way(x, y);
  const bool in_place = way == detail::ProductWay::spread &&
                        c.order() == StorageOrder::column_major &&
                        (c.layout() == MC_MR || c.layout() == MR_MC);
  const auto [left, right] = mpi::throw_together(c.grid().comm(), call, [&] {
    const Shape product = detail::product_shape(a, b, options);
    if (!(product == c.shape())) {
      throw ShapeError("matmul: out must have shape " + shown(product) + ": got " +
                       shown(c.shape()));
    }
    detail::require(a.grid() == c.grid(), "matmul: out must be on the grid of A and B");
    if (!in_place) return std::pair(x, y);
    return std::pair(detail::Factor<T>{x.matrix.apart_from(c), x.conjugated},
                     detail::Factor<T>{y.matrix.apart_from(c), y.conjugated});
  });
  if (in_place) return detail::summa(left, right, c, options.alpha, options.beta);
  detail::add_to(detail::product(way, x, y, options.alpha), options.beta, c);
}

/// alpha op(a) op(b) in the layout in which it comes about: [STAR,STAR] where tall matrices are
/// summed over (a^H b), a's rows in [VC,STAR] (or b's columns in [STAR,VC]) where those stay in
/// place, else [MC,MR] with blocks of 64. See matmul_into.
template <DistMatrixLike A, DistMatrixLike B, class T = typename A::value_type>
DistMatrix<T> matmul(const A& a, const B& b, const MatmulOptions<T>& options = {}) {
  const DistMatrix<T> left(a);
  const DistMatrix<T> right(b);
  const mpi::Call call("matmul", left.distribution(), right.distribution(), options.op_a,
                       options.op_b, options.alpha);
  mpi::throw_together(left.grid().comm(), call,
                      [&] { detail::product_shape(left, right, options); });
  const detail::Factor<T> x = detail::factor_of(left, options.op_a);
  const detail::Factor<T> y = detail::factor_of(right, options.op_b);
  const detail::ProductWay way = detail::product_way(x, y);
  const DistMatrix<T> c = detail::product(way, x, y, options.alpha);
  const bool in_place =
      (way == detail::ProductWay::left_stays && detail::is_row_dealt(x.matrix.distribution())) ||
      (way == detail::ProductWay::right_stays &&
       detail::is_row_dealt(y.matrix.distribution().transposed()));
  const bool arrived = way == detail::ProductWay::spread || way == detail::ProductWay::inner;
  return arrived || in_place ? c : redistribute(c, MC_MR);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                        \
  extern template DistMatrix<T> detail::product<T>(detail::ProductWay, const detail::Factor<T>&, \
                                                   const detail::Factor<T>&, T);                 \
  extern template void matmul_into<T>(const DistMatrix<T>&, const DistMatrix<T>&,                \
                                      const DistMatrix<T>&, const MatmulOptions<T>&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
