// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A DistMatrix as an argument of PBLAS and ScaLAPACK: A, IA, JA, DESCA.
/// Next: scalapack/run.hpp
#pragma once

#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/scalapack/context.hpp>
#include <utility>

namespace matrass {

/// op(A): A itself, its transpose, or its conjugate transpose, as BLAS letters.
enum class Op : char { none = 'N', transpose = 'T', adjoint = 'C' };

/// The descriptor of `a` on its own BLACS context. Collective when that context is new.
/// @throws LayoutError if ScaLAPACK cannot address `a`: replicated parts, or a transposed view.
template <Scalar T>
Descriptor descriptor_of(const DistMatrix<T>& a) {
  if (a.order() != StorageOrder::column_major) {
    throw LayoutError("descriptor: local storage must be column-major: got a transposed view of " +
                      to_string(a.distribution()) + " (describe A.T, or copy)");
  }
  const int context = blacs_context(a.grid().comm(), context_map(a.distribution()));
  return make_descriptor(a.distribution(), context, a.part().col_stride);
}

/// What PBLAS is given for one matrix.
template <Scalar T>
struct Operand {
  DistMatrix<T> matrix;  ///< keeps the memory
  Op op = Op::none;
  T* data = nullptr;  ///< start of the first block, of which a view may have lost the head
  int i = 1;          ///< IA, JA: 1-based
  int j = 1;
  Descriptor desc{};
};

namespace detail {

/// Where column-major `a` stands for PBLAS. Local, once its BLACS context is there.
template <Scalar T>
Operand<T> describe_local(const DistMatrix<T>& a, Op op) {
  const Distribution& d = a.distribution();
  const int rank = a.grid().rank();
  Operand<T> result{a,
                    op,
                    a.data(),
                    narrow(d.rows().first + 1, "view: first row"),
                    narrow(d.cols().first + 1, "view: first column"),
                    descriptor_of(a)};
  // Memory in front of the view belongs to the matrix that it is a view of.
  if (d.holds(rank) && a.local_shape().size() > 0) {
    if (*d.row_place(rank) == d.rows().source) result.data -= d.rows().first;
    if (*d.col_place(rank) == d.cols().source) {
      result.data -= d.cols().first * a.part().col_stride;
    }
  }
  return result;
}

/// The same. Collective: a part that is too large for 32 bits is found by its own rank.
template <Scalar T>
Operand<T> describe(const DistMatrix<T>& a, Op op) {
  blacs_context(a.grid().comm(), context_map(a.distribution()));
  return mpi::throw_together(a.grid().comm(), mpi::Call("descriptor"),
                             [&] { return describe_local(a, op); });
}

}  // namespace detail

}  // namespace matrass
