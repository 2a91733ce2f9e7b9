// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The plan between two distributions in closed form: who shares what follows from the two axes.
/// Next: redistribute/plan_cache.hpp
#pragma once

#include <algorithm>
#include <matrass/redistribute/plan.hpp>
#include <matrass/redistribute/shares.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace matrass {

/// What a redistribution costs one rank, in elements and in peers.
struct PlanCost {
  Index sent = 0;      ///< to other ranks
  Index received = 0;  ///< from other ranks
  Index kept = 0;      ///< copied on this rank
  int receivers = 0;   ///< how many other ranks it sends to
  int senders = 0;     ///< how many other ranks it receives from

  friend constexpr bool operator==(const PlanCost&, const PlanCost&) = default;
};

namespace detail {

/// One axis as one rank sees it: the places of the other side that share indices with its own.
class SharedAxis {
 public:
  /// From place `mine` of the source's axis to the target's.
  static SharedAxis to(const BlockCyclicAxis& source, int mine, const BlockCyclicAxis& target) {
    return {true, IndexSet::of(source, mine), target, matrass::shares(source, mine, target)};
  }
  /// From the source's axis to place `mine` of the target's.
  static SharedAxis from(const BlockCyclicAxis& source, const BlockCyclicAxis& target, int mine) {
    return {false, IndexSet::of(target, mine), source, matrass::shares(target, mine, source)};
  }

  const std::vector<PlaceShare>& shares() const { return shares_; }

  /// The runs of share number k: made when first asked for, and shared by all who ask.
  const std::shared_ptr<const Runs>& runs(std::size_t k) {
    runs_.resize(shares_.size());
    if (!runs_[k]) {
      const IndexSet theirs = IndexSet::of(other_, shares_[k].place);
      runs_[k] = std::make_shared<const Runs>(mine_is_source_ ? intersect(mine_, theirs)
                                                              : intersect(theirs, mine_));
    }
    return runs_[k];
  }

 private:
  SharedAxis(bool mine_is_source, const IndexSet& mine, const BlockCyclicAxis& other,
             std::vector<PlaceShare> shares)
      : mine_is_source_(mine_is_source), mine_(mine), other_(other), shares_(std::move(shares)) {}

  bool mine_is_source_;
  IndexSet mine_;
  BlockCyclicAxis other_;
  std::vector<PlaceShare> shares_;
  std::vector<std::shared_ptr<const Runs>> runs_;
};

/// Calls visit(receiver, rows, i, cols, j) for each rank that `rank` feeds, itself among them, with
/// the numbers of the shares in the SharedAxis of rows and in that of columns.
///
/// Each rank holds one part of a layout at most: no two visits have the same receiver.
template <class F>
void for_each_receiver(const Distribution& source, const Distribution& target, int rank,
                       F&& visit) {
  if (!source.holds(rank)) return;
  const int p = *source.row_place(rank);
  const int q = *source.col_place(rank);
  const std::vector<int> holders = source.ranks_at(p, q);
  SharedAxis rows = SharedAxis::to(source.rows(), p, target.rows());
  SharedAxis cols = SharedAxis::to(source.cols(), q, target.cols());
  for (std::size_t j = 0; j < cols.shares().size(); ++j) {
    for (std::size_t i = 0; i < rows.shares().size(); ++i) {
      for (const int receiver : target.ranks_at(rows.shares()[i].place, cols.shares()[j].place)) {
        if (feeder(holders, receiver) == rank) visit(receiver, rows, i, cols, j);
      }
    }
  }
}

/// Calls visit(sender, rows, i, cols, j) for each other rank that feeds `rank`; again each once.
template <class F>
void for_each_sender(const Distribution& source, const Distribution& target, int rank, F&& visit) {
  if (!target.holds(rank)) return;
  SharedAxis rows = SharedAxis::from(source.rows(), target.rows(), *target.row_place(rank));
  SharedAxis cols = SharedAxis::from(source.cols(), target.cols(), *target.col_place(rank));
  for (std::size_t j = 0; j < cols.shares().size(); ++j) {
    for (std::size_t i = 0; i < rows.shares().size(); ++i) {
      const int sender =
          feeder(source.ranks_at(rows.shares()[i].place, cols.shares()[j].place), rank);
      if (sender != rank) visit(sender, rows, i, cols, j);
    }
  }
}

}  // namespace detail

/// The share of `rank` in moving a matrix from `source` to `target`, which have one shape and lie
/// on one communicator. Local; no MPI. Equal to make_plan on the pieces of both.
///
/// Only ranks that share elements with `rank` are visited, and each pair of places of an axis is
/// intersected once. Cost: O(such ranks + places of both axes) and the intersections.
inline std::shared_ptr<const Plan> plan_between(const Distribution& source,
                                                const Distribution& target, int rank) {
  auto plan = std::make_shared<Plan>(std::max(source.grid().comm_size, target.grid().comm_size));
  // A layout gives a rank one part, number 0.
  detail::for_each_receiver(
      source, target, rank, [&](int receiver, auto& rows, std::size_t i, auto& cols, auto j) {
        plan->sends[static_cast<std::size_t>(receiver)].add({0, 0, rows.runs(i), cols.runs(j)});
      });
  detail::for_each_sender(
      source, target, rank, [&](int sender, auto& rows, std::size_t i, auto& cols, std::size_t j) {
        plan->receives[static_cast<std::size_t>(sender)].add({0, 0, rows.runs(i), cols.runs(j)});
      });
  return plan;
}

/// What plan_between costs `rank`, without the plan: counts alone. Local; no MPI.
inline PlanCost plan_cost(const Distribution& source, const Distribution& target, int rank) {
  PlanCost cost;
  const auto size = [](const auto& rows, std::size_t i, const auto& cols, std::size_t j) {
    return rows.shares()[i].count * cols.shares()[j].count;
  };
  detail::for_each_receiver(source, target, rank,
                            [&](int receiver, auto& rows, std::size_t i, auto& cols, auto j) {
                              const bool stays = receiver == rank;
                              (stays ? cost.kept : cost.sent) += size(rows, i, cols, j);
                              if (!stays) ++cost.receivers;
                            });
  detail::for_each_sender(source, target, rank,
                          [&](int, auto& rows, std::size_t i, auto& cols, std::size_t j) {
                            cost.received += size(rows, i, cols, j);
                            ++cost.senders;
                          });
  return cost;
}

}  // namespace matrass
