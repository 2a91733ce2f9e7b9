// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Calling ScaLAPACK: copies that it may overwrite, workspaces, and `info` as every rank's error.
/// Next: scalapack/cholesky.hpp
#pragma once

#include <array>
#include <cmath>
#include <matrass/mpi/collectives.hpp>
#include <matrass/scalapack/routines.hpp>
#include <span>
#include <string>
#include <utility>

namespace matrass::detail {

/// The distribution in which factorisations are computed: [MC,MR] in square blocks, from the first
/// block on, which is the one that all of ScaLAPACK takes.
inline Distribution factor_distribution(const ProcessGrid& grid, Shape shape) {
  return {grid.map(), shape, MC_MR, {.block = matrass::Block{64, 64}}};
}

/// Which elements of a matrix are read.
enum class Part { all, lower, upper };

inline bool is_in(Part part, Index i, Index j) {
  return part == Part::all || (part == Part::lower ? i >= j : i <= j);
}

/// @throws InvalidArgument if this rank finds a NaN or an infinity in that part of `a`. Local.
template <Scalar T>
void require_finite(const DistMatrix<T>& a, Part part, const std::string& routine) {
  const std::vector<Index> rows = a.local_rows();
  const std::vector<Index> cols = a.local_cols();
  for (Index j = 0; j < a.local_shape().cols; ++j) {
    const Index j_global = cols[static_cast<std::size_t>(j)];
    for (Index i = 0; i < a.local_shape().rows; ++i) {
      if (is_finite(a.part()(i, j))) continue;
      const Index i_global = rows[static_cast<std::size_t>(i)];
      if (!is_in(part, i_global, j_global)) continue;
      throw InvalidArgument(routine + ": A must be finite: got NaN or infinity in row " +
                            std::to_string(i_global) + ", column " + std::to_string(j_global));
    }
  }
}

/// @throws ShapeError
inline void require_square(Shape shape, const std::string& routine) {
  if (shape.rows == shape.cols) return;
  throw ShapeError(routine + ": A must be square: got shape (" + std::to_string(shape.rows) + ", " +
                   std::to_string(shape.cols) + ")");
}

/// A new matrix as ScaLAPACK takes it, with arbitrary content. Collective.
template <Scalar T>
Operand<T> factor_matrix(const ProcessGrid& grid, Shape shape) {
  return describe(DistMatrix<T>(grid, factor_distribution(grid, shape), false), Op::none);
}

/// A copy of `a` as ScaLAPACK takes it, which it may overwrite. Collective.
template <Scalar T>
Operand<T> factor_copy(const DistMatrix<T>& a) {
  Operand<T> copy = factor_matrix<T>(a.grid(), a.shape());
  redistribute_into(a, copy.matrix);
  return copy;
}

/// Whether this rank is on the grid of an operand.
template <Scalar T>
bool takes_part(const Operand<T>& a) {
  return a.desc[1] >= 0;
}

/// Calls `f`, a ScaLAPACK routine on these operands, on the ranks of their grid.
/// Collective over the communicator.
/// @returns info, the same on every rank; not negative.
/// @throws ScaLAPACKError on all ranks, if ScaLAPACK finds an argument wrong
template <Scalar T, class F, class... More>
int run(const std::string& routine, F&& f, const Operand<T>& a, const More&... more) {
  const mpi::Communicator& comm = a.matrix.grid().comm();
  const int info = mpi::throw_together(comm, mpi::Call(routine), [&] {
    if (!takes_part(a)) return 0;
    return mpi::guarded(std::forward<F>(f), a.matrix.storage().owner(),
                        more.matrix.storage().owner()...);
  });
  std::array<Index, 2> worst{info, -info};
  mpi::allreduce(comm, std::span<Index>(worst), MPI_MAX);
  mpi::throw_together(comm, [&] {
    if (worst[1] <= 0) return;
    throw ScaLAPACKError(routine + ": ScaLAPACK refuses an argument: info=-" +
                         std::to_string(worst[1]));
  });
  return static_cast<int>(worst[0]);
}

/// The same for a routine that takes workspaces: f(workspace) is asked for their sizes first.
/// @param spare  numbers beyond what it asks for, where it asks for too little
template <Scalar T, class F, class... More>
int run_with_workspace(const std::string& routine, Index spare, F&& f, const Operand<T>& a,
                       const More&... more) {
  Workspace<T> workspace;
  run(routine, [&] { return f(workspace); }, a, more...);
  mpi::throw_together(a.matrix.grid().comm(), [&] { workspace.answer(routine, spare); });
  return run(routine, [&] { return f(workspace); }, a, more...);
}

/// The part of `a` with 0 elsewhere; on the diagonal ones, if it is a unit triangle. Collective;
/// nothing moves. The result has no gaps.
template <Scalar T>
DistMatrix<T> triangle(const DistMatrix<T>& a, Part part, bool unit = false) {
  return mpi::throw_together(a.grid().comm(), mpi::Call("triangle"), [&] {
    DistMatrix<T> result = DistMatrix<T>::allocate(a.grid(), a.distribution(), false);
    const std::vector<Index> rows = a.local_rows();
    const std::vector<Index> cols = a.local_cols();
    for (Index j = 0; j < a.local_shape().cols; ++j) {
      for (Index i = 0; i < a.local_shape().rows; ++i) {
        const Index i_global = rows[static_cast<std::size_t>(i)];
        const Index j_global = cols[static_cast<std::size_t>(j)];
        const T x = is_in(part, i_global, j_global) ? a.part()(i, j) : T{0};
        result.part()(i, j) = unit && i_global == j_global ? T{1} : x;
      }
    }
    return result;
  });
}

/// The diagonal of `a`, on every rank. Collective; an allreduce of min(m, n) numbers.
template <Scalar T>
std::vector<T> diagonal(const DistMatrix<T>& a) {
  std::vector<T> d = mpi::throw_together(a.grid().comm(), mpi::Call("diagonal"), [&] {
    std::vector<T> mine(static_cast<std::size_t>(std::min(a.shape().rows, a.shape().cols)));
    if (!a.distribution().is_first_replica(a.grid().rank())) return mine;
    const std::vector<Index> rows = a.local_rows();
    const std::vector<Index> cols = a.local_cols();
    for (std::size_t i = 0, j = 0; i < rows.size() && j < cols.size();) {
      if (rows[i] == cols[j]) {
        mine[static_cast<std::size_t>(rows[i])] =
            a.part()(static_cast<Index>(i), static_cast<Index>(j));
      }
      rows[i] <= cols[j] ? ++i : ++j;
    }
    return mine;
  });
  mpi::allreduce(a.grid().comm(), std::span<T>(d));
  return d;
}

}  // namespace matrass::detail
