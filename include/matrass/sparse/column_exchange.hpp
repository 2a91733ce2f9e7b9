// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Which rows of a factor a rank's sparse rows touch, and how these rows come and go.
/// Next: sparse/sparse_matrix.hpp
#pragma once

#include <matrass/layout/distribution.hpp>
#include <matrass/matrix/storage.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/sparse/all_to_all.hpp>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace matrass::detail {

/// The rank at each place of a [VC,STAR] distribution's rows.
inline std::vector<int> ranks_of_places(const Distribution& dealt) {
  std::vector<int> ranks;
  ranks.reserve(static_cast<std::size_t>(dealt.rows().nprocs));
  for (int place = 0; place < dealt.rows().nprocs; ++place) {
    ranks.push_back(dealt.ranks_at(place, 0).front());
  }
  return ranks;
}

/// Between vectors that are dealt to ranks (row j of X on the owner of j) and the rows that each
/// rank touches, numbered from 0. Each rank knows what it takes from each owner, and what others
/// take from it. Never more is sent than n rows a rank, and fewer where fewer columns have entries.
class ColumnExchange {
 public:
  ColumnExchange() = default;

  /// @param dealt how the n rows of a factor are dealt: [VC,STAR]
  /// @param touched ascending global rows; empty stands for all of [0, count)
  /// Collective. Memory: 8 bytes for each row that another rank takes from this one.
  ColumnExchange(const mpi::Communicator& comm, const Distribution& dealt,
                 const std::vector<Index>& touched, Index count)
      : comm_(comm) {
    std::vector<Index> wanted;  // local numbers at their owners, parted by owner
    mpi::throw_together(comm, [&] {
      taken_.assign(static_cast<std::size_t>(comm.size()), 0);
      first_.assign(static_cast<std::size_t>(comm.size()), 0);
      wanted.reserve(static_cast<std::size_t>(count));
      // With one block a place, ascending rows are parted by place; places may be any ranks.
      std::vector<std::pair<Index, Index>> range(static_cast<std::size_t>(comm.size()), {0, 0});
      const std::vector<int> ranks = ranks_of_places(dealt);
      for (Index c = 0; c < count; ++c) {
        const Index j = touched.empty() ? c : touched[static_cast<std::size_t>(c)];
        const int rank = ranks[static_cast<std::size_t>(dealt.rows().owner(j))];
        auto& mine = range[static_cast<std::size_t>(rank)];
        if (mine.first == mine.second) mine = {c, c};
        mine.second = c + 1;
      }
      for (std::size_t r = 0; r < range.size(); ++r) {
        first_[r] = range[r].first;
        taken_[r] = range[r].second - range[r].first;
        for (Index c = range[r].first; c < range[r].second; ++c) {
          const Index j = touched.empty() ? c : touched[static_cast<std::size_t>(c)];
          wanted.push_back(dealt.rows().local_index(j));
        }
      }
    });
    given_ = exchange_counts(comm, taken_);
    std::vector<Index> outbox;
    std::vector<Index> inbox;
    mpi::throw_together(comm, [&] {
      rows_.resize(
          static_cast<std::size_t>(std::accumulate(given_.begin(), given_.end(), Index{0})));
      const auto most = static_cast<std::size_t>(items_in_message(sizeof(Index), 1));
      outbox.resize(most);
      inbox.resize(most);
      for (const Index count_of_rank : given_) start_.push_back(start_.back() + count_of_rank);
    });
    exchange_lists(comm, taken_, given_, wanted.data(), rows_.data(), outbox, inbox);
  }

  /// Rows of X that this rank takes from others.
  Index received() const { return others(taken_); }
  /// Rows of X that this rank sends to others.
  Index sent() const { return others(given_); }

  /// Brings the rows of X that this rank touches: `read(row, buffer)` writes local row `row` of X
  /// (`width` numbers), `write(c, buffer)` takes the row of touched column c. Collective.
  template <class T, class Read, class Write>
  void gather(Index width, Read&& read, Write&& write) const {
    move<T>(
        given_, taken_, width,
        [&](int rank, Index k, T* buffer) {
          read(rows_[static_cast<std::size_t>(start_[static_cast<std::size_t>(rank)] + k)], buffer);
        },
        [&](int rank, Index k, const T* buffer) {
          write(first_[static_cast<std::size_t>(rank)] + k, buffer);
        });
  }

  /// The other way: `read(c, buffer)` writes the row of touched column c, `add(row, buffer)` adds
  /// it to local row `row` of the result, always in the same order of ranks on one grid.
  /// Collective.
  template <class T, class Read, class Add>
  void scatter(Index width, Read&& read, Add&& add) const {
    move<T>(
        taken_, given_, width,
        [&](int rank, Index k, T* buffer) {
          read(first_[static_cast<std::size_t>(rank)] + k, buffer);
        },
        [&](int rank, Index k, const T* buffer) {
          add(rows_[static_cast<std::size_t>(start_[static_cast<std::size_t>(rank)] + k)], buffer);
        });
  }

 private:
  Index others(const std::vector<Index>& counts) const {
    return std::accumulate(counts.begin(), counts.end(), Index{0}) -
           counts[static_cast<std::size_t>(comm_->rank())];
  }

  template <class T, class Read, class Write>
  void move(const std::vector<Index>& to, const std::vector<Index>& from, Index width, Read&& read,
            Write&& write) const {
    const Index most = items_in_message(width * Index{sizeof(T)}, width);
    std::vector<T> outbox;
    std::vector<T> inbox;
    mpi::throw_together(*comm_, [&] {
      outbox.resize(static_cast<std::size_t>(most * width));
      inbox.resize(static_cast<std::size_t>(most * width));
    });
    all_to_all(
        *comm_, to, from, most, width, outbox.data(), inbox.data(),
        [&](int rank, Index begin, Index end, T* buffer) {
          for (Index k = begin; k < end; ++k) read(rank, k, buffer + (k - begin) * width);
        },
        [&](int rank, Index begin, Index end, const T* buffer) {
          for (Index k = begin; k < end; ++k) write(rank, k, buffer + (k - begin) * width);
        });
  }

  std::optional<mpi::Communicator> comm_;
  std::vector<Index> taken_;     ///< rows of X from each owner
  std::vector<Index> first_;     ///< the touched column that the first of them is
  std::vector<Index> given_;     ///< rows of X to each rank
  std::vector<Index> start_{0};  ///< where those of each rank begin in rows_
  std::vector<Index> rows_;      ///< local numbers of the rows that others (and this rank) take
};

}  // namespace matrass::detail
