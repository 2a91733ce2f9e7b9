// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Conjugate gradients and LSQR for sparse matrices: the dense ones' recurrences.
/// Next: sparse/ridge.hpp
#pragma once

#include <matrass/algorithm/cg.hpp>
#include <matrass/algorithm/lsqr.hpp>
#include <matrass/sparse/operator.hpp>
#include <matrass/sparse/sparse_tall_view.hpp>
#include <optional>

namespace matrass {

namespace detail {

/// What tells this matrix from another one, for mpi::Call.
template <Scalar T, class... Arguments>
mpi::Call sparse_call(const std::string& routine, const SparseMatrix<T>& a,
                      const Arguments&... arguments) {
  return mpi::Call(routine, a.stored(), a.view().transposed, a.view().conjugated, arguments...);
}

/// @param x0 a start, or null for zero
template <Scalar T>
Cg<T> cg_of_sparse(const SparseMatrix<T>& a, const DistMatrix<T>& b, const DistMatrix<T>* x0,
                   const CgOptions& options) {
  const mpi::Call call =
      sparse_call("cg", a, b.distribution(), x0 != nullptr, options.tol, options.maxiter);
  mpi::throw_together(a.grid().comm(), call,
                      [&] { require_system(a.grid(), a.shape(), b, x0, options); });
  require_finite(a, "cg", "A");
  require_finite(b, "cg", "b");
  const SparseMatrix<T> rows = stored_by_rows(a);
  return cg_of_rows([&] { return SparseOperator<T>(rows); }, b, x0, options);
}

template <Scalar T>
Lsqr<T> lsqr_of_sparse(const SparseMatrix<T>& a, const DistMatrix<T>& b,
                       const LsqrOptions& options) {
  const mpi::Call call = sparse_call("lsqr", a, b.distribution(), options.damp, options.atol,
                                     options.btol, options.conlim, options.maxiter, options.ntol);
  mpi::throw_together(a.grid().comm(), call,
                      [&] { require_least_squares(a.grid(), a.shape(), b, options); });
  require_finite(a, "lsqr", "A");
  require_finite(b, "lsqr", "b");
  const Index maxiter = options.maxiter >= 0 ? options.maxiter : 2 * a.shape().cols;
  const SparseTallView<T> tall = tall_view(a);
  std::optional<SparseOperator<T>> op;
  mpi::throw_together(a.grid().comm(), [&] { op.emplace(tall.rows); });
  return lsqr_of_rows(tall, *op, tall.rows.stored(), b, options, maxiter);
}

}  // namespace detail

/// Solves A X = B by conjugate gradients: as of a dense A.
///
/// Collective over a's grid. Cost of an iteration: 2 nnz k flops, one pass over the entries in all,
/// one allreduce of n k doubles. Memory: six n x k blocks in double precision on every rank. A
/// transposed view's entries move to the owners of its rows first.
///
/// @throws ShapeError, InvalidArgument (NaN or infinity too) on all ranks, before anything is done;
///   NotPositiveDefiniteError on all ranks where p^H A p <= 0 for a direction p.
template <Scalar T, DistMatrixLike B>
Cg<T> cg(const SparseMatrix<T>& a, const B& b, const CgOptions& options = {}) {
  return detail::cg_of_sparse<T>(a, DistMatrix<T>(b), nullptr, options);
}

/// The same from a start x0, n x k.
template <Scalar T, DistMatrixLike B, DistMatrixLike X>
Cg<T> cg(const SparseMatrix<T>& a, const B& b, const X& x0, const CgOptions& options = {}) {
  const DistMatrix<T> start(x0);
  return detail::cg_of_sparse<T>(a, DistMatrix<T>(b), &start, options);
}

/// Minimises ||b - A x||^2 + damp^2 ||x||^2 for each column b of `b`: as of a dense A.
///
/// Collective over a's grid. Cost of an iteration: 4 nnz k flops; one pass over the entries of a
/// tall A, two of a wide one; one allreduce of min(m, n) k doubles and some of k. Memory: six
/// blocks of k columns with this rank's rows of the longer side or with min(m, n) rows; a copy of a
/// matrix that is stored wide, whose transpose is made first.
///
/// @throws ShapeError, InvalidArgument (NaN or infinity too) on all ranks, before anything is done.
template <Scalar T, DistMatrixLike B>
Lsqr<T> lsqr(const SparseMatrix<T>& a, const B& b, const LsqrOptions& options = {}) {
  return detail::lsqr_of_sparse<T>(a, DistMatrix<T>(b), options);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                         \
  extern template Cg<T> detail::cg_of_sparse<T>(const SparseMatrix<T>&, const DistMatrix<T>&,     \
                                                const DistMatrix<T>*, const CgOptions&);          \
  extern template Lsqr<T> detail::lsqr_of_sparse<T>(const SparseMatrix<T>&, const DistMatrix<T>&, \
                                                    const LsqrOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
