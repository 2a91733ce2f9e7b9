// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Copies for many ranks of what one rank has: each gets a share from it, and the rest from the
/// other copies.
///
/// One rank that sends p copies sends p times the matrix while the others wait. Shared out first,
/// and then passed on among the copies, everybody sends it about once (van de Geijn's broadcast:
/// scatter, then allgather). Each element still arrives at each rank once.
/// Next: redistribute/stream.hpp
#pragma once

#include <algorithm>
#include <matrass/redistribute/plan_cache.hpp>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace matrass {

/// One of the exchanges that a move is made of.
struct Step {
  std::shared_ptr<const Plan> plan;
  bool among_copies =
      false;  ///< from the target's parts, as far as they have come, to their copies
};

namespace detail {

/// Moves of fewer bytes are done in one step: a second one takes longer than they do.
inline constexpr Index worth_two_steps = Index{1} << 16;

/// The fewest copies that are shared out first.
inline constexpr std::size_t least_copies = 3;

/// Who gets copies of a piece from others.
inline std::vector<int> without(const std::vector<int>& ranks, const std::vector<int>& holders) {
  std::vector<int> others;
  std::set_difference(ranks.begin(), ranks.end(), holders.begin(), holders.end(),
                      std::back_inserter(others));
  return others;
}

/// Share number k of n of a set: its positions in memory stay those in the whole.
inline IndexSet share_of(const IndexSet& set, Index k, Index n) {
  IndexSet share = set;
  share.range = {set.range.begin + set.range.size() * k / n,
                 set.range.begin + set.range.size() * (k + 1) / n};
  return share;
}

/// The pieces of `target` as far as ranks other than `holders` have them: whole, or cut up so that
/// each rank has a share of its piece, along its longer axis.
inline Pieces copies_of(const Pieces& target, const std::vector<int>& holders, bool cut_up) {
  Pieces pieces;
  for (const Piece& piece : target) {
    std::vector<int> others = without(piece.ranks, holders);
    const auto n = static_cast<Index>(others.size());
    for (Index k = 0; cut_up && k < n; ++k) {
      Piece share{{others[static_cast<std::size_t>(k)]}, piece.rows, piece.cols};
      const bool tall = piece.rows.range.size() > piece.cols.range.size();
      IndexSet& longer = tall ? share.rows : share.cols;
      longer = share_of(longer, k, n);
      pieces.push_back(std::move(share));
    }
    if (!cut_up && n > 0) pieces.push_back({std::move(others), piece.rows, piece.cols});
  }
  return pieces;
}

/// The pieces of `target` as far as `holders` have them.
inline Pieces own_copies_of(const Pieces& target, const std::vector<int>& holders) {
  Pieces pieces;
  for (const Piece& piece : target) {
    const std::vector<int> others = without(piece.ranks, holders);
    std::vector<int> own = without(piece.ranks, others);
    if (!own.empty()) pieces.push_back({std::move(own), piece.rows, piece.cols});
  }
  return pieces;
}

/// Whether one source piece feeds so many copies that they are shared out first.
inline bool worth_sharing_out(const std::vector<int>& holders, const std::vector<int>& copies,
                              Index bytes) {
  const std::size_t fed = without(copies, holders).size();
  return bytes >= worth_two_steps && fed >= least_copies && holders.size() * 2 <= fed;
}

}  // namespace detail

/// The exchanges of `rank` among `size` ranks that bring `source` to `target`: one, or two where a
/// single piece goes to many. Ranks hold one piece of a target at most. Pure.
/// @param bytes  of the whole matrix
inline std::vector<Step> steps_between(const Pieces& source, const Pieces& target, int rank,
                                       int size, Index bytes) {
  const bool two = source.size() == 1 && !target.empty() &&
                   detail::worth_sharing_out(source.front().ranks, target.front().ranks, bytes);
  if (!two) return {{std::make_shared<const Plan>(make_plan(source, target, rank, size))}};
  const std::vector<int>& holders = source.front().ranks;
  const Pieces shares = detail::copies_of(target, holders, true);
  Plan rest = make_plan(shares, detail::copies_of(target, holders, false), rank, size);
  rest.sends[static_cast<std::size_t>(rank)] = {};  // is there already
  Pieces first = detail::own_copies_of(target, holders);
  first.insert(first.end(), shares.begin(), shares.end());
  return {{std::make_shared<const Plan>(make_plan(source, first, rank, size))},
          {std::make_shared<const Plan>(std::move(rest)), true}};
}

/// The same between two distributions of one shape; a single plan is kept (plan_cache.hpp).
inline std::vector<Step> steps_between(const Distribution& source, const Distribution& target,
                                       int rank, Index bytes) {
  const bool single = source.rows().nprocs == 1 && source.cols().nprocs == 1;
  if (single && detail::worth_sharing_out(source.ranks_at(0, 0), target.ranks_at(0, 0), bytes)) {
    const int size = std::max(source.grid().comm_size, target.grid().comm_size);
    return steps_between(pieces_of(source), pieces_of(target), rank, size, bytes);
  }
  return {{cached_plan(source, target, rank)}};
}

}  // namespace matrass
