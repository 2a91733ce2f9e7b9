// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// From any layout to any layout: other places, block sizes, sources, grids; views and transposes.
/// Next: redistribute/tiles.hpp (from and to any rectangles)
#pragma once

#include <array>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/redistribute/exchange.hpp>
#include <matrass/redistribute/plan_cache.hpp>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace matrass {

namespace detail {

/// The memory of one rank's pieces, as plans number them: none or one for a layout.
template <class T>
std::span<const LocalPart<T>> parts_of(const LocalPart<T>& part, const Distribution& d, int rank) {
  return d.holds(rank) ? std::span(&part, 1) : std::span<const LocalPart<T>>{};
}

/// Whether both distributions put every element on the same ranks, at the same local place.
inline bool same_owners(const Distribution& a, const Distribution& b) {
  const auto same_axis = [](const BlockCyclicAxis& x, const BlockCyclicAxis& y) {
    return x.extent == y.extent && ((x.nprocs == 1 && y.nprocs == 1) || x == y);
  };
  if (!same_axis(a.rows(), b.rows()) || !same_axis(a.cols(), b.cols())) return false;
  const int ranks = std::max(a.grid().comm_size, b.grid().comm_size);
  for (int rank = 0; rank < ranks; ++rank) {
    if (a.holds(rank) != b.holds(rank)) return false;
    if (!a.holds(rank)) continue;
    if (a.row_place(rank) != b.row_place(rank) || a.col_place(rank) != b.col_place(rank)) {
      return false;
    }
  }
  return true;
}

inline void require_one_communicator(const ProcessGrid& a, const ProcessGrid& b) {
  if (!(a.comm() == b.comm())) {
    throw InvalidArgument(
        "redistribute: both grids must be built on one communicator (build sub-grids by their "
        "shape: ranks beyond rows * columns hold nothing)");
  }
}

}  // namespace detail

namespace detail {

/// The exchange that copies `a` into `target`. Local: for use inside an agreement.
template <Scalar T>
Exchange<T> make_exchange(const DistMatrix<T>& a, const DistMatrix<T>& target) {
  const ProcessGrid& grid = a.grid();
  require_one_communicator(grid, target.grid());
  if (!(a.shape() == target.shape())) {
    throw ShapeError("redistribute: shapes must be equal: got " + to_string(a.distribution()) +
                     " and " + to_string(target.distribution()));
  }
  return {grid.comm(), cached_plan(a.distribution(), target.distribution(), grid.rank()),
          a.shape().size()};
}

template <Scalar T>
void run_exchange(Exchange<T>& exchange, const DistMatrix<T>& a, const DistMatrix<T>& target) {
  const LocalPart<const T> from = a.part();
  exchange.run(parts_of(from, a.distribution(), a.grid().rank()),
               parts_of(target.part(), target.distribution(), a.grid().rank()),
               target.storage().owner());
}

}  // namespace detail

/// Copies `a` into `target`, which has the same shape: the way to assign to a view.
///
/// Collective over the communicator of both grids. Cost: each element that changes its rank is
/// packed, sent and unpacked once; work memory is at most 1 MB a peer, and a copy of a's part where
/// it overlaps the target's. Replicated targets are each sent their copy; replicated sources are
/// read at the nearest copy.
/// @throws ShapeError, InvalidArgument, MemoryLimitError on all ranks, before anything moves.
template <Scalar T>
void redistribute_into(const DistMatrix<T>& a, const DistMatrix<T>& target) {
  const mpi::Call call("redistribute_into", a.distribution(), target.distribution());
  DistMatrix<T> source;
  auto exchange = mpi::throw_together(a.grid().comm(), call, [&] {
    source = a.apart_from(target);
    return detail::make_exchange(source, target);
  });
  detail::run_exchange(exchange, source, target);
}

/// `a` in another distribution, on the grid of that distribution (a grid over the same ranks).
///
/// Where nothing has to move the result is a view: it shares its elements with `a`. Otherwise
/// see redistribute_into, plus the memory of the result.
template <Scalar T>
DistMatrix<T> redistribute(const DistMatrix<T>& a, const ProcessGrid& grid,
                           const Distribution& wanted) {
  const bool nothing_moves =
      a.grid().comm() == grid.comm() && detail::same_owners(a.distribution(), wanted);
  DistMatrix<T> result;
  const mpi::Call call("redistribute", a.distribution(), wanted);
  const auto prepare = [&]() -> std::optional<detail::Exchange<T>> {
    if (nothing_moves) {
      result = {grid, wanted, a.storage(), a.part(), a.order()};
      return std::nullopt;
    }
    detail::require_one_communicator(a.grid(), grid);
    result = DistMatrix<T>::allocate(grid, wanted, false);
    return detail::make_exchange(a, result);
  };
  auto exchange = mpi::throw_together(a.grid().comm(), call, prepare);
  if (exchange) detail::run_exchange(*exchange, a, result);
  return result;
}

/// `a` in another layout on its own grid. Collective; see above.
template <Scalar T>
DistMatrix<T> redistribute(const DistMatrix<T>& a, Layout layout,
                           const LayoutOptions& options = {}) {
  return redistribute(a, a.grid(), distribute(a.grid(), a.shape(), layout, options));
}

/// The same with the layout known at compile time: `redistribute<MC_MR>(a, {64, 64})`.
template <Layout To, Scalar T, Layout From>
DistMatrix<T, To> redistribute(const DistMatrix<T, From>& a, Block block) {
  return DistMatrix<T, To>(redistribute(DistMatrix<T>(a), To, {.block = block}));
}

/// The same in the layout's default blocks: `redistribute<MC_MR>(a)`.
template <Layout To, Scalar T, Layout From>
DistMatrix<T, To> redistribute(const DistMatrix<T, From>& a) {
  return DistMatrix<T, To>(redistribute(DistMatrix<T>(a), To));
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                 \
  extern template class detail::Exchange<T>;                                              \
  extern template void redistribute_into<T>(const DistMatrix<T>&, const DistMatrix<T>&);  \
  extern template DistMatrix<T> redistribute<T>(const DistMatrix<T>&, const ProcessGrid&, \
                                                const Distribution&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
