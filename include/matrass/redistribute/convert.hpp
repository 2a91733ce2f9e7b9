// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Another scalar type on the way: converted where the elements are fewer bytes to move.
/// Next: redistribute/tiles.hpp
#pragma once

#include <algorithm>
#include <complex>
#include <concepts>
#include <matrass/redistribute/redistribute.hpp>
#include <type_traits>
#include <utility>

namespace matrass {

/// Whether elements may change their type this way: between precisions, and from real to complex.
/// An imaginary part is never dropped.
template <class From, class To>
concept Convertible = Scalar<From> && Scalar<To> && (is_complex<To> || !is_complex<From>);

namespace detail {

template <Scalar To, Scalar From>
  requires Convertible<From, To>
To converted(const From& x) {
  if constexpr (is_complex<From>) {
    return {static_cast<typename To::value_type>(x.real()),
            static_cast<typename To::value_type>(x.imag())};
  } else if constexpr (is_complex<To>) {
    return {static_cast<typename To::value_type>(x), 0};
  } else {
    return static_cast<To>(x);
  }
}

/// Copies one part into another of the same shape. Along the contiguous axis of the target.
template <Scalar To, Scalar From>
  requires Convertible<From, To>
void convert(const LocalPart<const From>& from, const LocalPart<To>& to) {
  if (to.row_stride != 1 && to.col_stride == 1) {
    return convert<To, From>(from.transposed(), to.transposed());
  }
  for (Index j = 0; j < to.shape.cols; ++j) {
    if (from.row_stride == 1 && to.row_stride == 1) {
      const From* const f = from.data + j * from.col_stride;
      To* const t = to.data + j * to.col_stride;
      for (Index i = 0; i < to.shape.rows; ++i) t[i] = converted<To>(f[i]);
    } else {
      for (Index i = 0; i < to.shape.rows; ++i) to(i, j) = converted<To>(from(i, j));
    }
  }
}

/// How much of a part is converted and moved at a time, in bytes: it stays in the last cache.
inline constexpr Index panel_bytes = Index{1} << 22;

/// Whether panels go across rows: across the axis that is not dealt out, if there is one, so that
/// all ranks have a share of each.
inline bool panels_of_rows(const Distribution& d) {
  return d.cols().nprocs > 1 && d.rows().nprocs == 1;
}

/// The most elements that a rank has of one row, or column, of a panel.
inline Index line(const Distribution& d) {
  return std::max<Index>(1, (panels_of_rows(d) ? d.cols() : d.rows()).largest_local_extent());
}

/// Calls f(i0, i1, j0, j1) for panels that make up the matrix, of which no rank has more than
/// `elements` in one, or one row or column of them. The same on every rank.
template <class F>
void for_each_panel(const Distribution& d, Index elements, F&& f) {
  const bool by_rows = panels_of_rows(d);
  const Index extent = by_rows ? d.shape().rows : d.shape().cols;
  const Index step = std::max<Index>(1, elements / line(d));
  for (Index k = 0; k < extent; k += step) {
    const Index end = std::min(extent, k + step);
    if (by_rows) {
      f(k, end, Index{0}, d.shape().cols);
    } else {
      f(Index{0}, d.shape().rows, k, end);
    }
  }
}

/// The type that moves: the one of fewer bytes.
template <Scalar To, Scalar From>
using Narrower = std::conditional_t<(sizeof(To) < sizeof(From)), To, From>;

/// How the memory that is left beside the result is shared out.
struct PanelBudget {
  Index panel = panel_bytes;  ///< the same on every rank
  MoveOptions messages;
};

/// A new matrix of distribution `d` whose parts have no gaps, unlike those that ScaLAPACK can
/// address (DistMatrix::allocate). Collective.
template <Scalar T>
DistMatrix<T> work_matrix(const ProcessGrid& grid, const Distribution& d) {
  return mpi::throw_together(grid.comm(), mpi::Call("work_matrix", d), [&] {
    const Shape local = d.local_shape(grid.rank());
    Storage<T> storage = Storage<T>::allocate(local.size(), false);
    T* const data = storage.data();
    return DistMatrix<T>(grid, d, std::move(storage),
                         {data, local, 1, std::max<Index>(1, local.rows)});
  });
}

/// Where the part of one will lie, for routes.
template <Scalar T>
PartAddress address_of_work(const Distribution& d, int rank) {
  const Shape local = d.local_shape(rank);
  const bool reachable = local.size() == 0 || Storage<T>::is_pooled(local.size());
  return {reachable ? 0 : -1, 1, std::max<Index>(1, local.rows)};
}

/// Where panels lie before or after they move, and of which type they are.
template <Scalar To, Scalar From>
struct Panels {
  using Moved = Narrower<To, From>;
  static constexpr bool before = sizeof(To) < sizeof(From);  ///< converted before they move

  const Distribution& held;
  const bool in_place;

  Panels(const Distribution& source, const Distribution& target)
      : held(before ? source : target), in_place(same_owners(source, target)) {}

  /// Of the smallest panel.
  Index line_bytes() const { return line(held) * Index{sizeof(Moved)}; }

  template <class F>
  void for_each(const PanelBudget& budget, F&& f) const {
    for_each_panel(held, budget.panel / Index{sizeof(Moved)}, std::forward<F>(f));
  }
};

template <Scalar To, Scalar From>
void convert_in_panels(const DistMatrix<From>& a, const DistMatrix<To>& target,
                       const PanelBudget& budget) {
  const Panels<To, From> panels(a.distribution(), target.distribution());
  if (panels.in_place) return convert<To>(LocalPart<const From>(a.part()), target.part());
  panels.for_each(budget, [&](Index i0, Index i1, Index j0, Index j1) {
    const DistMatrix<From> from = a.slice(i0, i1, j0, j1);
    const DistMatrix<To> to = target.slice(i0, i1, j0, j1);
    if constexpr (Panels<To, From>::before) {
      const auto panel = work_matrix<To>(from.grid(), from.distribution());
      convert<To>(LocalPart<const From>(from.part()), panel.part());
      redistribute_into(panel, to, budget.messages);
    } else {
      const auto panel = work_matrix<From>(to.grid(), to.distribution());
      redistribute_into(from, panel, budget.messages);
      convert<To>(LocalPart<const From>(panel.part()), to.part());
    }
  });
}

/// What converting `a` in such panels will do on this rank, beside a result of `result` bytes.
/// Collective.
template <Scalar To, Scalar From>
Explanation explain_panels(const DistMatrix<From>& a, const Distribution& wanted, Index result,
                           const PanelBudget& budget) {
  using Moved = typename Panels<To, From>::Moved;
  const mpi::Communicator& comm = a.grid().comm();
  const int rank = a.grid().rank();
  Explanation all;
  all.result_bytes = result;
  all.path = "local";
  const Panels<To, From> panels(a.distribution(), wanted);
  if (panels.in_place) return all;
  panels.for_each(budget, [&](Index i0, Index i1, Index j0, Index j1) {
    const Distribution from = a.distribution().slice(i0, i1, j0, j1);
    const Distribution to = wanted.slice(i0, i1, j0, j1);
    const DistMatrix<From> source = a.slice(i0, i1, j0, j1);
    const LocalPart<const From> part = source.part();
    PartList parts;
    if constexpr (Panels<To, From>::before) {
      if (from.holds(rank)) parts.sources = {address_of_work<To>(from, rank)};
      if (to.holds(rank)) parts.targets = {expected_address<To>(wanted, rank)};
    } else {
      parts.sources = addresses_of(parts_of(part, from, rank), true);
      if (to.holds(rank)) parts.targets = {address_of_work<From>(to, rank)};
    }
    Foreseen seen = foresee<Moved>(
        comm, steps_between(from, to, rank, source.shape().size() * Index{sizeof(Moved)}), parts,
        source.shape().size());
    const Index most = longest_message<Moved>(comm, seen, budget.messages);
    seen.copy_bytes =
        Storage<Moved>::footprint((Panels<To, From>::before ? from : to).local_shape(rank).size());
    all.add_step(explain<Moved>(seen, rank, most));
  });
  return all;
}

/// The budget with which converting `a` stays within `options` on every rank, beside this rank's
/// result of `result` bytes: none where no rank needs one, else panels and messages get one half
/// each of what is left. Collective.
/// @throws MemoryLimitError on all ranks
template <Scalar To, Scalar From>
PanelBudget panel_budget(const DistMatrix<From>& a, const Distribution& wanted, Index result,
                         const MoveOptions& options) {
  PanelBudget budget;
  if (!options.max_memory) return budget;
  const mpi::Communicator& comm = a.grid().comm();
  const Panels<To, From> panels(a.distribution(), wanted);
  Index most = explain_panels<To>(a, wanted, result, budget).peak_bytes() - *options.max_memory;
  mpi::check(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_INT64_T, MPI_MAX, comm.own()),
             "MPI_Allreduce");
  if (most <= 0) return budget;
  constexpr Index granule = MemoryPool::granule;
  Index least_panel = 0;
  Index least_messages = 0;  // small panels go by messages on every path
  if (!panels.in_place) {
    least_panel = ceil_div(std::max(panels.line_bytes(), 2 * granule), granule) * granule;
    least_messages = Index{comm.size() - 1} * 4 * least_message_bytes;  // two a stream
  }
  mpi::throw_together(
      comm, [&] { require_budget(*options.max_memory, result, least_panel + least_messages); });
  const Index left = *options.max_memory - result;
  const Index half = (left - least_messages) / 2 / granule * granule;
  budget.panel = std::clamp(half, least_panel, std::max(panel_bytes, least_panel));
  budget.messages.max_memory = left - budget.panel;
  mpi::check(MPI_Allreduce(MPI_IN_PLACE, &budget.panel, 1, MPI_INT64_T, MPI_MIN, comm.own()),
             "MPI_Allreduce");
  return budget;
}

/// What converting `a` will do on this rank, beside a result of `result` bytes. Collective.
template <Scalar To, Scalar From>
Explanation explain_conversion(const DistMatrix<From>& a, const ProcessGrid& grid,
                               const Distribution& wanted, Index result,
                               const MoveOptions& options) {
  mpi::throw_together(a.grid().comm(), mpi::Call("explain", a.distribution(), wanted),
                      [&] { require_movable(a, grid, wanted); });
  return explain_panels<To>(a, wanted, result, panel_budget<To>(a, wanted, result, options));
}

}  // namespace detail

/// Copies `a` into `target`, a matrix of the same shape and of any scalar type.
///
/// Collective. What moves is the type of fewer bytes, in panels of at most 4 MB a rank that are
/// converted before they move, or after. Rounds to nearest; what is too large becomes infinite.
/// @throws as redistribute_into
template <Scalar To, Scalar From>
  requires Convertible<From, To>
void convert_into(const DistMatrix<From>& a, const DistMatrix<To>& target,
                  const MoveOptions& options = {}) {
  if constexpr (std::same_as<To, From>) {
    redistribute_into(a, target, options);
  } else {
    const mpi::Call call("convert_into", a.distribution(), target.distribution(),
                         options.max_memory.has_value());
    mpi::throw_together(a.grid().comm(), call,
                        [&] { detail::require_movable(a, target.grid(), target.distribution()); });
    detail::convert_in_panels(a, target,
                              detail::panel_budget<To>(a, target.distribution(), 0, options));
  }
}

/// `a` in another distribution and of another scalar type; see convert_into and redistribute.
template <Scalar To, Scalar From>
  requires Convertible<From, To>
DistMatrix<To> redistribute_as(const DistMatrix<From>& a, const ProcessGrid& grid,
                               const Distribution& wanted, const MoveOptions& options = {}) {
  if constexpr (std::same_as<To, From>) {
    return redistribute(a, grid, wanted, options);
  } else {
    const mpi::Communicator& comm = a.grid().comm();
    const mpi::Call call("redistribute_as", a.distribution(), wanted,
                         options.max_memory.has_value());
    mpi::throw_together(comm, call, [&] { detail::require_movable(a, grid, wanted); });
    const auto budget =
        detail::panel_budget<To>(a, wanted, detail::result_bytes<To>(wanted, grid.rank()), options);
    const DistMatrix<To> result(grid, wanted, false);
    detail::convert_in_panels(a, result, budget);
    return result;
  }
}

/// What convert_into() of the same arguments would do on this rank. Collective.
template <Scalar To, Scalar From>
  requires Convertible<From, To>
Explanation explain_convert_into(const DistMatrix<From>& a, const DistMatrix<To>& target,
                                 const MoveOptions& options = {}) {
  if constexpr (std::same_as<To, From>) {
    return explain_into(a, target, options);
  } else {
    return detail::explain_conversion<To>(a, target.grid(), target.distribution(), 0, options);
  }
}

/// What redistribute_as() of the same arguments would do on this rank. Collective.
template <Scalar To, Scalar From>
  requires Convertible<From, To>
Explanation explain_as(const DistMatrix<From>& a, const ProcessGrid& grid,
                       const Distribution& wanted, const MoveOptions& options = {}) {
  if constexpr (std::same_as<To, From>) {
    return explain(a, grid, wanted, options);
  } else {
    const Index result = detail::result_bytes<To>(wanted, grid.rank());
    return detail::explain_conversion<To>(a, grid, wanted, result, options);
  }
}

}  // namespace matrass
