// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Calling ScaLAPACK: copies that it may overwrite, workspaces, and `info` as every rank's error.
/// Next: scalapack/cholesky.hpp
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <matrass/core/shown.hpp>
#include <matrass/mpi/collectives.hpp>
#include <matrass/redistribute/redistribute.hpp>
#include <matrass/scalapack/routines.hpp>
#include <matrass/scalapack/topologies.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace matrass::detail {

/// The distribution in which factorisations are computed: [MC,MR] in square blocks, from the first
/// block on, which is the one that all of ScaLAPACK takes.
inline Distribution factor_distribution(const ProcessGrid& grid, Shape shape) {
  return {grid.map(), shape, MC_MR, {.block = matrass::Block{64, 64}}};
}

/// Which elements of a matrix are read.
enum class Part { all, lower, upper };

/// The local rows of column j_global that belong to a part: [first, second) of `rows`, ascending.
inline std::pair<Index, Index> rows_in(Part part, const std::vector<Index>& rows, Index j_global) {
  const auto count = static_cast<Index>(rows.size());
  if (part == Part::all) return {0, count};
  const auto at =
      std::lower_bound(rows.begin(), rows.end(), part == Part::lower ? j_global : j_global + 1) -
      rows.begin();
  return part == Part::lower ? std::pair{Index{at}, count} : std::pair{Index{0}, Index{at}};
}

/// Whether `count` numbers, one after another, are finite.
template <Scalar T>
bool all_finite(const T* x, Index count) {
  constexpr Real<T> largest = std::numeric_limits<Real<T>>::max();
  const auto* const parts = reinterpret_cast<const Real<T>*>(x);  // complex: pairs of reals
  const Index n = is_complex<T> ? 2 * count : count;
  int bad = 0;
  for (Index k = 0; k < n; ++k) bad |= std::abs(parts[k]) <= largest ? 0 : 1;
  return bad == 0;
}

/// @throws InvalidArgument if this rank finds a NaN or an infinity in that part of `a`. Local.
template <Scalar T>
void require_finite(const DistMatrix<T>& a, Part part, const std::string& routine,
                    const std::string& name = "A") {
  const bool turned = a.order() == StorageOrder::row_major;
  if (turned && part != Part::all) part = part == Part::lower ? Part::upper : Part::lower;
  const DistMatrix<T> columns = turned ? a.transposed() : a;
  const std::vector<Index> rows = columns.local_rows();
  const std::vector<Index> cols = columns.local_cols();
  for (std::size_t j = 0; j < cols.size(); ++j) {
    const auto [begin, end] = rows_in(part, rows, cols[j]);
    const T* const x = &columns.part()(0, static_cast<Index>(j));
    if (all_finite(x + begin, end - begin)) continue;
    const auto* const bad =
        std::find_if(x + begin, x + end, [](T value) { return !is_finite(value); });
    const Index i_global = rows[static_cast<std::size_t>(bad - x)];
    std::string text = routine;
    text.append(": ").append(name).append(" must be finite: got NaN or infinity at (");
    text.append(std::to_string(turned ? cols[j] : i_global)).append(", ");
    text.append(std::to_string(turned ? i_global : cols[j]));
    throw InvalidArgument(text.append(")"));
  }
}

/// @throws ShapeError
inline void require_square(Shape shape, const std::string& routine) {
  if (shape.rows == shape.cols) return;
  throw ShapeError(routine + ": A must be square: got shape " + shown(shape));
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
    const DefaultTopologies same_on_all_ranks(a.desc[1]);
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

/// to <- the part of column-major `a` with 0 elsewhere; on the diagonal ones, if it is a unit
/// triangle. `to` has a's distribution, and may be `a`. Local, for use inside an agreement.
template <Scalar T>
void keep_triangle(const DistMatrix<T>& a, const DistMatrix<T>& to, Part part, bool unit = false) {
  const std::vector<Index> rows = a.local_rows();
  const std::vector<Index> cols = a.local_cols();
  for (std::size_t j = 0; j < cols.size(); ++j) {
    const auto [begin, end] = rows_in(part, rows, cols[j]);
    const T* const x = &a.part()(0, static_cast<Index>(j));
    T* const y = &to.part()(0, static_cast<Index>(j));
    std::fill(y, y + begin, T{0});
    if (x != y) std::copy(x + begin, x + end, y + begin);
    std::fill(y + end, y + rows.size(), T{0});
    const auto at = std::lower_bound(rows.begin(), rows.end(), cols[j]);
    if (unit && at != rows.end() && *at == cols[j]) y[at - rows.begin()] = T{1};
  }
}

/// That in a new matrix. Collective; nothing moves.
template <Scalar T>
DistMatrix<T> triangle(const DistMatrix<T>& a, Part part, bool unit = false) {
  return mpi::throw_together(a.grid().comm(), mpi::Call("triangle"), [&] {
    DistMatrix<T> result = DistMatrix<T>::allocate(a.grid(), a.distribution(), false);
    keep_triangle(a, result, part, unit);
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
