// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A sparse matrix from (i, j, value) that lie anywhere on any ranks.
/// Next: sparse/sparse_rows.hpp
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/core/shown.hpp>
#include <matrass/sparse/all_to_all.hpp>
#include <matrass/sparse/sparse_matrix.hpp>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

/// This rank's triplets: element (rows[k], columns[k]) has values[k] added. Owned by the caller.
template <Scalar T>
struct Triplets {
  Index count = 0;
  const Index* rows = nullptr;
  const Index* columns = nullptr;
  const T* values = nullptr;
};

namespace detail {

/// @throws OutOfBoundsError that names the first triplet outside of `shape`
template <Scalar T>
void require_inside(const Triplets<T>& t, Shape shape, const std::string& routine) {
  for (Index k = 0; k < t.count; ++k) {
    const Index i = t.rows[k];
    const Index j = t.columns[k];
    if (i >= 0 && i < shape.rows && j >= 0 && j < shape.cols) continue;
    throw OutOfBoundsError(routine + ": indices must lie within shape " + shown(shape) + ": got " +
                           shown(i, j) + " in triplet " + std::to_string(k));
  }
}

/// What came to this rank: triplets with local row numbers, by sender, in the sender's order.
template <Scalar T>
struct ReceivedTriplets {
  std::vector<Index> rows;
  std::vector<Index> columns;
  std::vector<T> values;
};

/// Triplets to the owners of their rows. Collective. Memory: the triplets once more where they are
/// sorted by owner, and what comes.
template <Scalar T>
ReceivedTriplets<T> send_to_owners(const ProcessGrid& grid, const Distribution& dealt,
                                   const Triplets<T>& t) {
  const mpi::Communicator& comm = grid.comm();
  std::vector<Index> to(static_cast<std::size_t>(comm.size()));
  std::vector<Index> order;  // triplets by owner, each owner's in the given order
  mpi::throw_together(comm, [&] {
    const std::vector<int> ranks = ranks_of_places(dealt);
    const auto owner = [&](Index k) {
      return static_cast<std::size_t>(
          ranks[static_cast<std::size_t>(dealt.rows().owner(t.rows[k]))]);
    };
    for (Index k = 0; k < t.count; ++k) ++to[owner(k)];
    std::vector<Index> at(to.size());
    std::exclusive_scan(to.begin(), to.end(), at.begin(), Index{0});
    order.resize(static_cast<std::size_t>(t.count));
    for (Index k = 0; k < t.count; ++k) order[static_cast<std::size_t>(at[owner(k)]++)] = k;
  });
  const std::vector<Index> from = exchange_counts(comm, to);
  ReceivedTriplets<T> got;
  std::vector<Index> index_boxes[2];
  std::vector<T> value_boxes[2];
  const Index most = items_in_message(sizeof(Index) + sizeof(T), 1);
  mpi::throw_together(comm, [&] {
    const auto total =
        static_cast<std::size_t>(std::accumulate(from.begin(), from.end(), Index{0}));
    got.rows.resize(total);
    got.columns.resize(total);
    got.values.resize(total);
    for (auto& box : index_boxes) box.resize(static_cast<std::size_t>(most));
    for (auto& box : value_boxes) box.resize(static_cast<std::size_t>(most));
  });
  std::vector<Index> first_out(to.size());
  std::vector<Index> first_in(from.size());
  std::exclusive_scan(to.begin(), to.end(), first_out.begin(), Index{0});
  std::exclusive_scan(from.begin(), from.end(), first_in.begin(), Index{0});
  const auto move = [&](auto& boxes, auto& target, auto&& read) {
    all_to_all(
        comm, to, from, most, 1, boxes[0].data(), boxes[1].data(),
        [&](int rank, Index begin, Index end, auto* buffer) {
          const Index first = first_out[static_cast<std::size_t>(rank)];
          for (Index k = begin; k < end; ++k) {
            buffer[k - begin] = read(order[static_cast<std::size_t>(first + k)]);
          }
        },
        [&](int rank, Index begin, Index end, const auto* buffer) {
          std::copy(buffer, buffer + (end - begin),
                    target.begin() + first_in[static_cast<std::size_t>(rank)] + begin);
        });
  };
  move(index_boxes, got.rows, [&](Index k) { return dealt.rows().local_index(t.rows[k]); });
  move(index_boxes, got.columns, [&](Index k) { return t.columns[k]; });
  move(value_boxes, got.values, [&](Index k) { return t.values[k]; });
  return got;
}

/// The columns that have entries, ascending; empty where local numbers are to be the global ones:
/// where these fit 32 bits and vectors over all columns are short, or hardly longer.
inline std::vector<Index> touched_columns(const std::vector<Index>& columns, Index n) {
  constexpr Index few = Index{1} << 16;
  if (n <= few) return {};
  std::vector<Index> touched = columns;
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  const bool most_of_them = static_cast<Index>(touched.size()) >= n / 2;
  if (most_of_them && n <= std::numeric_limits<std::int32_t>::max()) return {};
  narrow(static_cast<Index>(touched.size()), "SparseMatrix: columns with entries on one rank");
  if (touched.empty()) touched.push_back(0);  // "empty" means all of them
  return touched;
}

/// One triplet of a row.
template <Scalar T>
struct RowEntry {
  Index column;
  std::size_t came;  ///< as which of all
  T value;

  friend bool operator<(const RowEntry& a, const RowEntry& b) {
    return std::pair(a.column, a.came) < std::pair(b.column, b.came);
  }
};

/// Sorts by (row, column), keeping the order in which equal ones came, and sums these in it. Local.
template <Scalar T>
CsrPart<T> compress(ReceivedTriplets<T> got, Shape local) {
  CsrPart<T> part;
  part.rows = local.rows;
  part.touched = touched_columns(got.columns, local.cols);
  part.cols = part.touched.empty() ? local.cols : static_cast<Index>(part.touched.size());
  const auto count = got.rows.size();
  std::vector<Index> starts(static_cast<std::size_t>(local.rows + 1));
  for (const Index i : got.rows) ++starts[static_cast<std::size_t>(i + 1)];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<RowEntry<T>> entries(count);
  std::vector<Index> at(starts.begin(), starts.end() - 1);
  for (std::size_t k = 0; k < count; ++k) {
    const auto row = static_cast<std::size_t>(got.rows[k]);
    entries[static_cast<std::size_t>(at[row]++)] = {got.columns[k], k, got.values[k]};
  }
  got = {};
  part.starts.reserve(starts.size());
  std::size_t kept = 0;
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    const auto begin = entries.begin() + starts[i];
    const auto end = entries.begin() + starts[i + 1];
    if (!std::is_sorted(begin, end)) std::sort(begin, end);
    const std::size_t first = kept;
    for (auto e = begin; e != end; ++e) {
      if (kept > first && entries[kept - 1].column == e->column) {
        entries[kept - 1].value += e->value;
      } else {
        entries[kept++] = *e;
      }
    }
    part.starts.push_back(static_cast<Index>(kept));
  }
  part.values = Storage<T>::allocate(static_cast<Index>(kept), false);
  part.columns.resize(kept);
  for (std::size_t e = 0; e < kept; ++e) {
    part.values.data()[e] = entries[e].value;
    Index c = entries[e].column;
    if (!part.touched.empty()) {
      c = std::lower_bound(part.touched.begin(), part.touched.end(), c) - part.touched.begin();
    }
    part.columns[e] = static_cast<std::int32_t>(c);
  }
  return part;
}

template <Scalar T>
SparseMatrix<T> from_triplets_of(const ProcessGrid& grid, const Distribution& dealt,
                                 const Triplets<T>& mine, const std::string& routine) {
  mpi::throw_together(grid.comm(), mpi::Call(routine, dealt),
                      [&] { require_inside(mine, dealt.shape(), routine); });
  ReceivedTriplets<T> got = send_to_owners(grid, dealt, mine);
  CsrPart<T> part = mpi::throw_together(grid.comm(), [&] {
    return compress(std::move(got), {dealt.local_shape(grid.rank()).rows, dealt.shape().cols});
  });
  return SparseMatrix<T>(grid, dealt, std::move(part));
}

}  // namespace detail

/// The sparse matrix of `shape` that is the sum of all ranks' triplets.
///
/// Equal (i, j) are summed in the order of ranks, on one rank in the order given: a list that is
/// dealt to more ranks in its order gives the same bits. Explicit zeros are kept.
///
/// Collective over `grid`. Cost: each triplet is sent once, in messages of at most 1 MiB; a sort by
/// rows. Memory: up to three times a rank's triplets while they are sorted.
/// @param block rows that are dealt together; none: contiguous parts
/// @throws OutOfBoundsError on all ranks, naming the first index outside of the shape;
///   MemoryLimitError
template <Scalar T>
SparseMatrix<T> from_triplets(const ProcessGrid& grid, const Triplets<T>& mine, Shape shape,
                              std::optional<Index> block = std::nullopt) {
  const Distribution dealt =
      mpi::throw_together(grid.comm(), mpi::Call("from_coo", shape, block.value_or(0)),
                          [&] { return sparse_rows(grid, shape, block); });
  return detail::from_triplets_of(grid, dealt, mine, "from_coo");
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                      \
  extern template SparseMatrix<T> detail::from_triplets_of<T>( \
      const ProcessGrid&, const Distribution&, const Triplets<T>&, const std::string&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
