// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Matrix products: by PBLAS, or of rows where they lie.
/// Next: scalapack/run.hpp
#pragma once

#include <matrass/scalapack/local_product.hpp>
#include <matrass/scalapack/operand.hpp>
#include <matrass/scalapack/pblas.hpp>
#include <optional>
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

inline std::string to_string(Shape shape) {
  return "(" + std::to_string(shape.rows) + ", " + std::to_string(shape.cols) + ")";
}

/// The shape of op(a) op(b).
/// @throws ShapeError, InvalidArgument
template <Scalar T>
Shape product_shape(const DistMatrix<T>& a, const DistMatrix<T>& b, const MatmulOptions<T>& o) {
  const Shape left = shape_of(a.shape(), o.op_a);
  const Shape right = shape_of(b.shape(), o.op_b);
  if (left.cols != right.rows) {
    throw ShapeError("matmul: columns of op(A) must equal rows of op(B): got " + to_string(left) +
                     " and " + to_string(right));
  }
  if (!(a.grid() == b.grid())) {
    throw InvalidArgument("matmul: A and B must share one process grid: got " +
                          matrass::to_string(a.grid().shape()) + " and " +
                          matrass::to_string(b.grid().shape()) + " (build both on one Grid)");
  }
  return {left.rows, right.cols};
}

/// c = alpha op(a) op(b) + beta c, where PBLAS can address c.
template <Scalar T>
void run_pgemm(const DistMatrix<T>& a, const DistMatrix<T>& b, const DistMatrix<T>& c,
               const MatmulOptions<T>& options) {
  const ProcessGrid& grid = c.grid();
  const Operand<T> left = pblas_operand(grid, a, options.op_a);
  const Operand<T> right = pblas_operand(grid, b, options.op_b);
  const Operand<T> result = pblas_operand(grid, c, Op::none);
  const char op_left = static_cast<char>(left.op);
  const char op_right = static_cast<char>(right.op);
  mpi::throw_together(grid.comm(), mpi::Call("matmul"), [&] {
    const int m = narrow(c.shape().rows, "matmul: rows");
    const int n = narrow(c.shape().cols, "matmul: columns");
    const int k = narrow(shape_of(a.shape(), options.op_a).cols, "matmul: inner extent");
    if (result.desc[1] < 0) return;  // this rank stands outside the grid
    mpi::guarded(
        [&] {
          pgemm<T>()(&op_left, &op_right, &m, &n, &k, &options.alpha, left.data, &left.i, &left.j,
                     left.desc.data(), right.data, &right.i, &right.j, right.desc.data(),
                     &options.beta, result.data, &result.i, &result.j, result.desc.data());
        },
        left.matrix.storage().owner(), right.matrix.storage().owner(),
        result.matrix.storage().owner());
  });
}

}  // namespace detail

/// c = alpha op(a) op(b) + beta c.
///
/// Shapes: op(a) m x k, op(b) k x n, c m x n, any layouts on one grid. c may share elements with a
/// and b: as if these had been copied first.
///
/// Tall matrices stay where they are if that moves less, of these three:
/// - If the k indices of both are dealt alike to all ranks (a^H b of two [VC,STAR]), each rank
///   multiplies its rows and the m x n results are summed: 2 m n elements a rank. Half of the flops
///   where a is b.
/// - If op(a) is in [VC,STAR], and c alike, b goes to all ranks: k n elements a rank, none if it is
/// in
///   [STAR,STAR]. And the mirror image of this, for op(b) in [STAR,VC].
/// - Else PBLAS: what it cannot address on the [MC,MR] context is redistributed, (m + n) k / p
///   elements a rank (and c back).
///
/// Collective over the grid. Cost: 2 m n k flops in all; PBLAS sends about (m k + k n) / sqrt(p)
/// elements a rank, and has panels of one block in memory.
/// @throws ShapeError, InvalidArgument, MemoryLimitError on all ranks; ScaLAPACKError.
/// Source: PBLAS PxGEMM.
template <Scalar T>
void matmul_into(const DistMatrix<T>& a, const DistMatrix<T>& b, const DistMatrix<T>& c,
                 const MatmulOptions<T>& options = {}) {
  const mpi::Call call("matmul", a.distribution(), b.distribution(), c.distribution(), options.op_a,
                       options.op_b, options.alpha, options.beta);
  DistMatrix<T> left;
  DistMatrix<T> right;
  bool in_place = false;
  mpi::throw_together(c.grid().comm(), call, [&] {
    const Shape product = detail::product_shape(a, b, options);
    if (!(product == c.shape())) {
      throw ShapeError("matmul: out must have shape " + detail::to_string(product) + ": got " +
                       detail::to_string(c.shape()));
    }
    detail::require(a.grid() == c.grid(), "matmul: out must be on the grid of A and B");
    const ContextMap spread = context_map(Distribution(c.grid().map(), {1, 1}, MC_MR));
    in_place =
        c.order() == StorageOrder::column_major && detail::on_context(c.distribution(), spread);
    left = in_place ? a.apart_from(c) : a;
    right = in_place ? b.apart_from(c) : b;
  });
  if (detail::local_product_into(a, b, c, options.op_a, options.op_b, options.alpha,
                                 options.beta)) {
    return;
  }
  if (in_place) return detail::run_pgemm(left, right, c, options);
  const Distribution wanted(c.grid().map(), c.shape(), MC_MR);
  DistMatrix<T> result(c.grid(), wanted, true);
  if (options.beta != T{0}) redistribute_into(c, result);
  detail::run_pgemm(left, right, result, options);
  redistribute_into(result, c);
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
  const Shape shape = mpi::throw_together(
      left.grid().comm(), call, [&] { return detail::product_shape(left, right, options); });
  const auto way = detail::product_way(left, right, options.op_a, options.op_b);
  if (way != detail::ProductWay::spread) {
    return detail::local_product(way, left, right, options.op_a, options.op_b, options.alpha);
  }
  DistMatrix<T> c(left.grid(), Distribution(left.grid().map(), shape, MC_MR), true);
  detail::run_pgemm(left, right, c, options);
  return c;
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                          \
  extern template DistMatrix<T> detail::local_product<T>(detail::ProductWay, const DistMatrix<T>&, \
                                                         const DistMatrix<T>&, Op, Op, T);         \
  extern template void detail::run_pgemm<T>(const DistMatrix<T>&, const DistMatrix<T>&,            \
                                            const DistMatrix<T>&, const MatmulOptions<T>&);        \
  extern template void matmul_into<T>(const DistMatrix<T>&, const DistMatrix<T>&,                  \
                                      const DistMatrix<T>&, const MatmulOptions<T>&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
