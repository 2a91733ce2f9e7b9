// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Plans that were made before: a redistribution that comes again plans nothing.
/// Next: redistribute/stream.hpp
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <list>
#include <matrass/redistribute/plan_between.hpp>
#include <memory>
#include <mutex>
#include <utility>

namespace matrass {

/// The plans between two distributions that were asked for last. Safe to use from several threads;
/// plans never change, and live on with who holds them when the cache drops them.
class PlanCache {
 public:
  /// @param plans how many are kept at most.
  /// @param weight how many transfers, runs and peers these have in all at most: of the order of
  ///   100 bytes each.
  explicit PlanCache(std::size_t plans = 64, std::size_t weight = std::size_t{1} << 19)
      : most_plans_(plans), most_weight_(weight) {}

  /// plan_between of the same arguments. O(plans kept) where it is known.
  std::shared_ptr<const Plan> operator()(const Distribution& source, const Distribution& target,
                                         int rank) {
    const auto matches = [&](const Entry& e) {
      return e.rank == rank && e.source == source && e.target == target;
    };
    {
      const std::scoped_lock lock(mutex_);
      if (auto known = find(matches)) {
        ++hits_;
        return known;
      }
    }
    auto plan = plan_between(source, target, rank);  // others need not wait for it
    Entry entry{source, target, rank, plan, weight_of(*plan)};
    const std::scoped_lock lock(mutex_);
    if (auto known = find(matches)) return known;  // another thread was faster
    keep(std::move(entry));
    return plan;
  }

  /// Forgets all plans; the hits are counted on.
  void clear() {
    const std::scoped_lock lock(mutex_);
    entries_.clear();
    weight_ = 0;
  }

  /// How often a plan was known.
  std::uint64_t hits() const {
    const std::scoped_lock lock(mutex_);
    return hits_;
  }
  /// How many plans are kept.
  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return entries_.size();
  }

 private:
  struct Entry {
    Distribution source;
    Distribution target;
    int rank;
    std::shared_ptr<const Plan> plan;
    std::size_t weight;
  };

  static std::size_t weight_of(const Plan& plan) {
    std::size_t weight = 0;
    for (const auto& streams : {std::cref(plan.sends), std::cref(plan.receives)}) {
      for (const Stream& stream : streams.get()) {
        ++weight;
        for (const Transfer& transfer : stream.transfers) {
          ++weight;
          // Transfers share their runs: this is at least what they take.
          for (const Pattern& p : transfer.rows->patterns) weight += p.runs.size();
          for (const Pattern& p : transfer.cols->patterns) weight += p.runs.size();
        }
      }
    }
    return weight;
  }

  /// The plan of the entry that `matches`, which then counts as the one used last.
  template <class F>
  std::shared_ptr<const Plan> find(const F& matches) {
    const auto at = std::find_if(entries_.begin(), entries_.end(), matches);
    if (at == entries_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, at);
    return entries_.front().plan;
  }

  void keep(Entry entry) {
    if (entry.weight > most_weight_) return;
    weight_ += entry.weight;
    entries_.push_front(std::move(entry));
    while (entries_.size() > most_plans_ || weight_ > most_weight_) {
      weight_ -= entries_.back().weight;
      entries_.pop_back();
    }
  }

  const std::size_t most_plans_;
  const std::size_t most_weight_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  ///< the one used last comes first
  std::size_t weight_ = 0;
  std::uint64_t hits_ = 0;
};

/// The cache of this process.
inline PlanCache& plan_cache() {
  static PlanCache cache;
  return cache;
}

/// plan_between from the cache of this process.
inline std::shared_ptr<const Plan> cached_plan(const Distribution& source,
                                               const Distribution& target, int rank) {
  return plan_cache()(source, target, rank);
}

}  // namespace matrass
