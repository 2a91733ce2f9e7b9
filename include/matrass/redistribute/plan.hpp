// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Who sends which runs to whom: pure arithmetic, the same on every rank, no MPI.
/// Next: redistribute/plan_between.hpp (the same for two layouts, without a list of pieces),
/// redistribute/copy.hpp (moving the bytes of a run), redistribute/exchange.hpp (the messages)
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

/// The pieces of a layout: one for each pair of places, the places of rows inside.
inline Pieces pieces_of(const Distribution& d) {
  Pieces pieces;
  for (int q = 0; q < d.cols().nprocs; ++q) {
    for (int p = 0; p < d.rows().nprocs; ++p) {
      pieces.push_back({d.ranks_at(p, q), IndexSet::of(d.rows(), p), IndexSet::of(d.cols(), q)});
    }
  }
  return pieces;
}

/// The rank that feeds `target` with what `holders` (ascending) all have: itself if it is one of
/// them, else the holders in turn.
inline int feeder(const std::vector<int>& holders, int target) {
  if (std::binary_search(holders.begin(), holders.end(), target)) return target;
  return holders[static_cast<std::size_t>(target) % holders.size()];
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

  Plan() = default;
  explicit Plan(int size)
      : sends(static_cast<std::size_t>(size)), receives(static_cast<std::size_t>(size)) {}

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

/// Which pieces `rank` holds.
inline std::vector<std::size_t> held_pieces(const Pieces& pieces, int rank) {
  std::vector<std::size_t> held;
  for (std::size_t k = 0; k < pieces.size(); ++k) {
    if (pieces[k].held_by(rank)) held.push_back(k);
  }
  return held;
}

/// The number of each piece among those of each of its ranks.
class PieceNumbers {
 public:
  PieceNumbers(const Pieces& pieces, int size) : pieces_(pieces) {
    std::vector<int> next(static_cast<std::size_t>(size), 0);
    numbers_.reserve(pieces.size());
    for (const Piece& piece : pieces) {
      std::vector<int>& own = numbers_.emplace_back();
      own.reserve(piece.ranks.size());
      for (const int rank : piece.ranks) own.push_back(next[static_cast<std::size_t>(rank)]++);
    }
  }

  /// Of piece `k` among those of `rank`, which holds it.
  int operator()(std::size_t k, int rank) const {
    const std::vector<int>& ranks = pieces_[k].ranks;
    const auto at = std::lower_bound(ranks.begin(), ranks.end(), rank) - ranks.begin();
    return numbers_[k][static_cast<std::size_t>(at)];
  }

 private:
  const Pieces& pieces_;
  std::vector<std::vector<int>> numbers_;
};

/// Whether the ranges of two pieces meet; most pairs of a long list of tiles do not.
inline bool meet(const Piece& a, const Piece& b) {
  const auto axes_meet = [](const IndexRange& x, const IndexRange& y) {
    return std::max(x.begin, y.begin) < std::min(x.end, y.end);
  };
  return axes_meet(a.rows.range, b.rows.range) && axes_meet(a.cols.range, b.cols.range);
}

}  // namespace detail

/// The share of `rank` among `size` ranks in moving `source` to `target`. Local; no MPI.
///
/// Sender and receiver walk the pieces in the same order (target pieces outside, source pieces
/// inside), so that a stream needs no headers. Only pairs of which `rank` holds one are visited:
/// O(own source pieces x target pieces + own target pieces x source pieces).
inline Plan make_plan(const Pieces& source, const Pieces& target, int rank, int size) {
  Plan plan(size);
  detail::RunsCache runs;
  const detail::PieceNumbers source_number(source, size);
  const detail::PieceNumbers target_number(target, size);
  const auto add = [&](Stream& stream, std::size_t s, std::size_t t, int sender, int receiver) {
    Transfer transfer{source_number(s, sender), target_number(t, receiver),
                      runs(source[s].rows, target[t].rows), nullptr};
    if (transfer.rows->total == 0) return;
    transfer.cols = runs(source[s].cols, target[t].cols);
    if (transfer.cols->total == 0) return;
    stream.add(std::move(transfer));
  };
  const auto visit = [&](std::size_t s, std::size_t t) {
    if (!detail::meet(source[s], target[t])) return;
    for (const int receiver : target[t].ranks) {
      const int sender = feeder(source[s].ranks, receiver);
      if (sender == rank) {
        add(plan.sends[static_cast<std::size_t>(receiver)], s, t, sender, receiver);
      } else if (receiver == rank) {
        add(plan.receives[static_cast<std::size_t>(sender)], s, t, sender, receiver);
      }
    }
  };
  const std::vector<std::size_t> own_sources = detail::held_pieces(source, rank);
  for (std::size_t t = 0; t < target.size(); ++t) {
    if (target[t].held_by(rank)) {
      for (std::size_t s = 0; s < source.size(); ++s) visit(s, t);
    } else {
      for (const std::size_t s : own_sources) visit(s, t);
    }
  }
  return plan;
}

}  // namespace matrass
