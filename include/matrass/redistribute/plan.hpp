// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Who sends which runs to whom: pure arithmetic, the same on every rank, no MPI.
/// Next: redistribute/copy.hpp (moving the bytes of a run), redistribute/exchange.hpp (the
/// messages)
#pragma once

#include <algorithm>
#include <map>
#include <matrass/layout/distribution.hpp>
#include <matrass/redistribute/runs.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace matrass {

/// A product of two index sets, and the ranks that hold it (several where it is replicated).
struct Piece {
  std::vector<int> ranks;  ///< ascending, not empty
  IndexSet rows;
  IndexSet cols;

  bool held_by(int rank) const { return std::binary_search(ranks.begin(), ranks.end(), rank); }
};

/// A source or a target of a redistribution: the pieces of a layout, or a list of tiles. Every
/// rank knows the pieces of all. The memory of a rank's own pieces is given in the same order.
using Pieces = std::vector<Piece>;

/// The pieces of a layout: one for each pair of places that a rank stands on.
inline Pieces pieces_of(const Distribution& d) {
  std::map<std::pair<int, int>, std::vector<int>> holders;
  for (int rank = 0; rank < d.grid().comm_size; ++rank) {
    if (d.holds(rank)) holders[{*d.col_place(rank), *d.row_place(rank)}].push_back(rank);
  }
  Pieces pieces;
  for (auto& [place, ranks] : holders) {
    pieces.push_back({std::move(ranks), IndexSet::of(d.rows(), place.second),
                      IndexSet::of(d.cols(), place.first)});
  }
  return pieces;
}

/// The rank that feeds `target` from `piece`: itself if it holds a copy, else the holders in turn.
inline int feeder(const Piece& piece, int target) {
  if (piece.held_by(target)) return target;
  return piece.ranks[static_cast<std::size_t>(target) % piece.ranks.size()];
}

/// All elements that go from one source piece to one target piece; stream.hpp has their order.
struct Transfer {
  int source = 0;  ///< which of the sender's own pieces
  int target = 0;  ///< which of the receiver's own pieces
  std::shared_ptr<const Runs> rows;
  std::shared_ptr<const Runs> cols;

  Index size() const { return rows->total * cols->total; }
};

/// What passes between this rank and one peer, one way, in the order in which it is sent.
struct Stream {
  std::vector<Transfer> transfers;
  std::vector<Index> starts;  ///< starts[k]: how many elements lie in transfers before transfer k
  Index size = 0;

  void add(Transfer transfer) {
    starts.push_back(size);
    size += transfer.size();
    transfers.push_back(std::move(transfer));
  }
};

/// One rank's share of a redistribution.
struct Plan {
  std::vector<Stream> sends;     ///< by receiving rank; sends[rank] is what stays here
  std::vector<Stream> receives;  ///< by sending rank; receives[rank] is empty

  /// Elements that this rank sends to others, and receives from them.
  Index elements_sent(int rank) const {
    Index sum = 0;
    for (const Stream& stream : sends) sum += stream.size;
    return sum - sends[static_cast<std::size_t>(rank)].size;
  }
  Index elements_received() const {
    Index sum = 0;
    for (const Stream& stream : receives) sum += stream.size;
    return sum;
  }
};

namespace detail {

/// Runs between pairs of index sets, each computed once: the pieces of a layout share their axes.
class RunsCache {
 public:
  std::shared_ptr<const Runs> operator()(const IndexSet& source, const IndexSet& target) {
    auto& runs = cache_[{source, target}];
    if (!runs) runs = std::make_shared<const Runs>(intersect(source, target));
    return runs;
  }

 private:
  std::map<std::pair<IndexSet, IndexSet>, std::shared_ptr<const Runs>> cache_;
};

/// For each piece and each of its ranks, in their order: its number among that rank's pieces.
inline std::vector<std::vector<int>> numbers(const Pieces& pieces, int size) {
  std::vector<int> next(static_cast<std::size_t>(size), 0);
  std::vector<std::vector<int>> numbers;
  numbers.reserve(pieces.size());
  for (const Piece& piece : pieces) {
    std::vector<int>& own = numbers.emplace_back();
    for (const int rank : piece.ranks) own.push_back(next[static_cast<std::size_t>(rank)]++);
  }
  return numbers;
}

/// The number of `piece` among the pieces of `rank`, which holds it.
inline int number_for(const Piece& piece, const std::vector<int>& numbers, int rank) {
  const auto at = std::lower_bound(piece.ranks.begin(), piece.ranks.end(), rank);
  return numbers[static_cast<std::size_t>(at - piece.ranks.begin())];
}

}  // namespace detail

/// The share of `rank` among `size` ranks in moving `source` to `target`. Local; no MPI.
///
/// Sender and receiver walk the pieces in the same order (target pieces outside, source pieces
/// inside), so that a stream needs no headers.
inline Plan make_plan(const Pieces& source, const Pieces& target, int rank, int size) {
  Plan plan{std::vector<Stream>(static_cast<std::size_t>(size)),
            std::vector<Stream>(static_cast<std::size_t>(size))};
  detail::RunsCache runs;
  const auto source_numbers = detail::numbers(source, size);
  const auto target_numbers = detail::numbers(target, size);
  const auto add = [&](Stream& stream, std::size_t s, std::size_t t, int sender, int receiver) {
    Transfer transfer{detail::number_for(source[s], source_numbers[s], sender),
                      detail::number_for(target[t], target_numbers[t], receiver),
                      runs(source[s].rows, target[t].rows), nullptr};
    if (transfer.rows->total == 0) return;
    transfer.cols = runs(source[s].cols, target[t].cols);
    if (transfer.cols->total == 0) return;
    stream.add(std::move(transfer));
  };
  for (std::size_t t = 0; t < target.size(); ++t) {
    for (std::size_t s = 0; s < source.size(); ++s) {
      if (!source[s].held_by(rank) && !target[t].held_by(rank)) continue;
      for (const int receiver : target[t].ranks) {
        const int sender = feeder(source[s], receiver);
        if (sender == rank) {
          add(plan.sends[static_cast<std::size_t>(receiver)], s, t, sender, receiver);
        } else if (receiver == rank) {
          add(plan.receives[static_cast<std::size_t>(sender)], s, t, sender, receiver);
        }
      }
    }
  }
  return plan;
}

}  // namespace matrass
