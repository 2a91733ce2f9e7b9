// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// From any layout to any layout: other places, block sizes, sources, grids; views and transposes.
/// Next: redistribute/convert.hpp (to another scalar), redistribute/tiles.hpp (any rectangles)
#pragma once

#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/redistribute/explain.hpp>
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

/// @throws InvalidArgument, ShapeError unless elements of `a` can go into `wanted` on `grid`
template <Scalar T>
void require_movable(const DistMatrix<T>& a, const ProcessGrid& grid, const Distribution& wanted) {
  require_one_communicator(a.grid(), grid);
  if (!(a.shape() == wanted.shape())) {
    throw ShapeError("redistribute: shapes must be equal: got " + to_string(a.distribution()) +
                     " and " + to_string(wanted));
  }
}

/// The steps from `a` to `wanted`. Local.
template <Scalar T>
std::vector<Step> steps_of(const DistMatrix<T>& a, const Distribution& wanted) {
  return steps_between(a.distribution(), wanted, a.grid().rank(),
                       a.shape().size() * Index{sizeof(T)});
}

/// The move that copies `a` into `target`. Local: for use inside an agreement.
template <Scalar T>
Move<T> make_move(const DistMatrix<T>& a, const DistMatrix<T>& target, Index most = unbounded) {
  require_movable(a, target.grid(), target.distribution());
  return {a.grid().comm(), steps_of(a, target.distribution()), a.shape().size(), most};
}

template <Scalar T>
void run_move(Move<T>& move, const DistMatrix<T>& a, const DistMatrix<T>& target) {
  const LocalPart<const T> from = a.part();
  move.run(parts_of(from, a.distribution(), a.grid().rank()),
           parts_of(target.part(), target.distribution(), a.grid().rank()),
           target.storage().owner());
}

/// What moving `a` will do: to a new matrix of distribution `wanted`, or into `target` where there
/// is one. Collective.
template <Scalar T>
Foreseen foresee(const DistMatrix<T>& a, const ProcessGrid& grid, const Distribution& wanted,
                 const DistMatrix<T>* target) {
  const int rank = a.grid().rank();
  const auto require = [&] { require_movable(a, grid, wanted); };
  mpi::throw_together(a.grid().comm(), mpi::Call("explain", a.distribution(), wanted), require);
  const LocalPart<const T> from = a.part();
  PartList parts{addresses_of(parts_of(from, a.distribution(), rank), true),
                 {},
                 MemoryPool::instance().reach()};
  Index copied = 0;
  if (target == nullptr) {
    if (wanted.holds(rank)) parts.targets.push_back(expected_address<T>(wanted, rank));
  } else {
    parts.targets =
        addresses_of(parts_of(target->part(), wanted, rank), target->storage().owner() != nullptr);
    if (may_overlap(a.part(), target->part())) {
      copied = result_bytes<T>(a.distribution(), rank);
      parts.sources = {expected_address<T>(a.distribution(), rank)};
    }
  }
  Foreseen seen = foresee<T>(a.grid().comm(), steps_of(a, wanted), parts, a.shape().size());
  seen.result_bytes = target == nullptr ? result_bytes<T>(wanted, rank) : 0;
  seen.copy_bytes = copied;
  return seen;
}

/// longest_message() of that move.
template <Scalar T>
Index longest_message(const DistMatrix<T>& a, const ProcessGrid& grid, const Distribution& wanted,
                      const DistMatrix<T>* target, const MoveOptions& options) {
  if (!options.max_memory) return unbounded;
  return longest_message<T>(a.grid().comm(), foresee(a, grid, wanted, target), options);
}

/// Whether the result is a view on `a`.
template <Scalar T>
bool nothing_moves(const DistMatrix<T>& a, const ProcessGrid& grid, const Distribution& wanted) {
  return a.grid().comm() == grid.comm() && same_owners(a.distribution(), wanted);
}

template <Scalar T>
Explanation explain(const DistMatrix<T>& a, const ProcessGrid& grid, const Distribution& wanted,
                    const DistMatrix<T>* target, const MoveOptions& options) {
  const Foreseen seen = foresee(a, grid, wanted, target);
  const Index most = longest_message<T>(a.grid().comm(), seen, options);
  return explain<T>(seen, a.grid().rank(), most);
}

}  // namespace detail

/// Copies `a` into `target`, which has the same shape: the way to assign to a view.
///
/// Collective over the communicator of both grids. Cost: each element that changes its rank is
/// copied once between ranks of one machine, else packed, sent and unpacked; work memory is at most
/// 1 MB a peer that messages go to or come from, and a copy of a's part where it overlaps the
/// target's. Replicated sources are read at the nearest copy; copies for many ranks of what one
/// rank has are shared out first (steps.hpp).
/// @throws ShapeError, InvalidArgument, MemoryLimitError on all ranks, before anything moves.
template <Scalar T>
void redistribute_into(const DistMatrix<T>& a, const DistMatrix<T>& target,
                       const MoveOptions& options = {}) {
  const mpi::Call call("redistribute_into", a.distribution(), target.distribution(),
                       options.max_memory.has_value());
  const Index most =
      detail::longest_message(a, target.grid(), target.distribution(), &target, options);
  DistMatrix<T> source;
  auto move = mpi::throw_together(a.grid().comm(), call, [&] {
    source = a.apart_from(target);
    return detail::make_move(source, target, most);
  });
  detail::run_move(move, source, target);
}

/// `a` in another distribution, on the grid of that distribution (a grid over the same ranks).
///
/// Where nothing has to move the result is a view: it shares its elements with `a`. Otherwise
/// see redistribute_into, plus the memory of the result.
/// @throws MemoryLimitError on all ranks, before anything is allocated, where some rank needs more
///   than options.max_memory; it says how many bytes are missing.
template <Scalar T>
DistMatrix<T> redistribute(const DistMatrix<T>& a, const ProcessGrid& grid,
                           const Distribution& wanted, const MoveOptions& options = {}) {
  DistMatrix<T> result;
  const mpi::Call call("redistribute", a.distribution(), wanted, options.max_memory.has_value());
  const bool is_view = detail::nothing_moves(a, grid, wanted);
  const Index most =
      is_view ? detail::unbounded : detail::longest_message<T>(a, grid, wanted, nullptr, options);
  const auto prepare = [&]() -> std::optional<detail::Move<T>> {
    if (is_view) {
      result = {grid, wanted, a.storage(), a.part(), a.order()};
      return std::nullopt;
    }
    detail::require_one_communicator(a.grid(), grid);
    result = DistMatrix<T>::allocate(grid, wanted, false);
    return detail::make_move(a, result, most);
  };
  auto move = mpi::throw_together(a.grid().comm(), call, prepare);
  if (move) detail::run_move(*move, a, result);
  return result;
}

/// What redistribute() of the same arguments would do on this rank. Collective; allocates and moves
/// nothing.
/// @throws what redistribute() would throw before it moves anything.
template <Scalar T>
Explanation explain(const DistMatrix<T>& a, const ProcessGrid& grid, const Distribution& wanted,
                    const MoveOptions& options = {}) {
  if (!detail::nothing_moves(a, grid, wanted)) {
    return detail::explain<T>(a, grid, wanted, nullptr, options);
  }
  mpi::throw_together(a.grid().comm(), mpi::Call("explain", a.distribution(), wanted), [] {});
  return {};
}

/// What redistribute_into() of the same arguments would do on this rank.
template <Scalar T>
Explanation explain_into(const DistMatrix<T>& a, const DistMatrix<T>& target,
                         const MoveOptions& options = {}) {
  return detail::explain(a, target.grid(), target.distribution(), &target, options);
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
  extern template void redistribute_into<T>(const DistMatrix<T>&, const DistMatrix<T>&,   \
                                            const MoveOptions&);                          \
  extern template DistMatrix<T> redistribute<T>(const DistMatrix<T>&, const ProcessGrid&, \
                                                const Distribution&, const MoveOptions&); \
  extern template Explanation explain<T>(const DistMatrix<T>&, const ProcessGrid&,        \
                                         const Distribution&, const MoveOptions&);        \
  extern template Explanation explain_into<T>(const DistMatrix<T>&, const DistMatrix<T>&, \
                                              const MoveOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
