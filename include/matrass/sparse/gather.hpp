// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// All entries of a sparse matrix on one rank, or on all; and rows of it as a matrix.
/// Next: sparse/norm.hpp
#pragma once

#include <matrass/sparse/convert.hpp>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace matrass {

/// The entries of the matrix as it is seen, by rank, on `root` (on every rank without one; empty
/// elsewhere). Collective over `a`'s grid. Memory: 16 bytes and a scalar for each entry.
/// @throws InvalidArgument, MemoryLimitError on all ranks
template <Scalar T>
detail::OwnTriplets<T> gather(const SparseMatrix<T>& a, std::optional<int> root) {
  const mpi::Communicator& comm = a.grid().comm();
  const auto size = static_cast<std::size_t>(comm.size());
  const mpi::Call call("to_scipy", a.stored(), a.view().transposed, root.value_or(-1));
  const detail::OwnTriplets<T> own =
      mpi::throw_together(comm, call, [&] { return detail::OwnTriplets<T>(a); });
  const auto count = static_cast<Index>(own.values.size());
  std::vector<Index> to(size, root ? 0 : count);
  if (root) to[static_cast<std::size_t>(*root)] = count;
  const std::vector<Index> from = detail::exchange_counts(comm, to);
  std::vector<Index> first(size);
  std::exclusive_scan(from.begin(), from.end(), first.begin(), Index{0});
  const Index total = std::accumulate(from.begin(), from.end(), Index{0});
  const Index most = detail::items_in_message(sizeof(Index) + sizeof(T), 1);
  detail::OwnTriplets<T> all;
  std::vector<Index> indices[2];
  std::vector<T> values[2];
  mpi::throw_together(comm, [&] {
    all.rows.resize(static_cast<std::size_t>(total));
    all.columns.resize(static_cast<std::size_t>(total));
    all.values.resize(static_cast<std::size_t>(total));
    for (auto& box : indices) box.resize(static_cast<std::size_t>(most));
    for (auto& box : values) box.resize(static_cast<std::size_t>(most));
  });
  const auto move = [&](const auto& source, auto& target, auto& boxes) {
    detail::all_to_all(
        comm, to, from, most, 1, boxes[0].data(), boxes[1].data(),
        [&](int, Index begin, Index end, auto* buffer) {
          std::copy(source.begin() + begin, source.begin() + end, buffer);
        },
        [&](int rank, Index begin, Index end, const auto* buffer) {
          std::copy(buffer, buffer + (end - begin),
                    target.begin() + first[static_cast<std::size_t>(rank)] + begin);
        });
  };
  move(own.rows, all.rows, indices);
  move(own.columns, all.columns, indices);
  move(own.values, all.values, values);
  return all;
}

/// Rows [i0, i1) as a matrix of their own, dealt anew. Collective; these rows are sent.
/// @throws OutOfBoundsError on all ranks
template <Scalar T>
SparseMatrix<T> rows_of(const SparseMatrix<T>& a, Index i0, Index i1) {
  const Shape shape = a.shape();
  const mpi::Call call("rows", a.stored(), a.view().transposed, i0, i1);
  detail::OwnTriplets<T> own = mpi::throw_together(a.grid().comm(), call, [&] {
    if (i0 < 0 || i1 < i0 || i1 > shape.rows) {
      throw OutOfBoundsError("rows: must lie within " + std::to_string(shape.rows) + " rows: got " +
                             std::to_string(i0) + ":" + std::to_string(i1));
    }
    detail::OwnTriplets<T> all(a);
    std::size_t kept = 0;
    for (std::size_t k = 0; k < all.rows.size(); ++k) {
      if (all.rows[k] < i0 || all.rows[k] >= i1) continue;
      all.rows[kept] = all.rows[k] - i0;
      all.columns[kept] = all.columns[k];
      all.values[kept++] = all.values[k];
    }
    all.rows.resize(kept);
    all.columns.resize(kept);
    all.values.resize(kept);
    return all;
  });
  return detail::from_triplets_of(a.grid(), sparse_rows(a.grid(), {i1 - i0, shape.cols}),
                                  own.triplets(), "rows");
}

}  // namespace matrass
