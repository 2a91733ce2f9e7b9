// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The assignment problem: workers to jobs, one each, so that the profit is largest. Pure.
/// Next: redistribute/relabel.hpp
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <functional>
#include <limits>
#include <matrass/core/types.hpp>
#include <queue>
#include <vector>

namespace matrass::detail {

/// What a pair brings: first elements, and among equal ones a preference. Pairs are added and
/// compared as numbers are, so that the methods below need not know that it is two.
struct Profit {
  Index elements = 0;
  Index preferred = 0;

  friend constexpr Profit operator+(Profit a, Profit b) {
    return {a.elements + b.elements, a.preferred + b.preferred};
  }
  friend constexpr Profit operator-(Profit a, Profit b) {
    return {a.elements - b.elements, a.preferred - b.preferred};
  }
  friend constexpr auto operator<=>(const Profit&, const Profit&) = default;
};

/// profit(worker, job), not negative; asked for all jobs of a worker before the next worker's.
using ProfitOf = std::function<Profit(int, int)>;

/// The Hungarian method by shortest augmenting paths, with a potential for each job and worker.
///
/// Source: Kuhn (1955), Munkres (1957), in the O(jobs^2 workers) form of Jonker and Volgenant
/// (1987).
class ExactAssignment {
 public:
  ExactAssignment(int jobs, int workers, const ProfitOf& profit)
      : jobs_(static_cast<std::size_t>(jobs)),
        workers_(static_cast<std::size_t>(workers)),
        cost_(jobs_ * workers_),
        of_job_(jobs_ + 1),
        of_worker_(workers_ + 1),
        job_of_(workers_ + 1, 0) {
    for (int w = 0; w < workers; ++w) {
      for (int j = 0; j < jobs; ++j) {
        cost_[static_cast<std::size_t>(j) * workers_ + static_cast<std::size_t>(w)] =
            Profit{} - profit(w, j);
      }
    }
    for (std::size_t j = 1; j <= jobs_; ++j) place(j);
  }

  /// The worker of each job.
  std::vector<int> workers() const {
    std::vector<int> result(jobs_);
    for (std::size_t w = 1; w <= workers_; ++w) {
      if (job_of_[w] != 0) result[job_of_[w] - 1] = static_cast<int>(w) - 1;
    }
    return result;
  }

 private:
  /// What it costs beyond the potentials; jobs and workers count from 1, 0 is "none".
  Profit excess(std::size_t job, std::size_t worker) const {
    return cost_[(job - 1) * workers_ + worker - 1] - of_job_[job] - of_worker_[worker];
  }

  /// Gives `job` a worker: grows a tree of tight pairs until it holds a free worker, then moves
  /// the jobs on the way to him by one.
  void place(std::size_t job) {
    constexpr Profit infinite{std::numeric_limits<Index>::max() / 4, 0};
    std::vector<Profit> slack(workers_ + 1, infinite);
    std::vector<std::size_t> before(workers_ + 1, 0);
    std::vector<bool> reached(workers_ + 1, false);
    job_of_[0] = job;
    std::size_t at = 0;
    while (job_of_[at] != 0) {
      reached[at] = true;
      std::size_t next = 0;
      for (std::size_t w = 1; w <= workers_; ++w) {
        if (reached[w]) continue;
        if (const Profit e = excess(job_of_[at], w); e < slack[w]) {
          slack[w] = e;
          before[w] = at;
        }
        if (next == 0 || slack[w] < slack[next]) next = w;
      }
      lower(slack[next], reached, slack);
      at = next;
    }
    while (at != 0) {
      job_of_[at] = job_of_[before[at]];
      at = before[at];
    }
  }

  /// Changes the potentials by `step`, so that one more pair is tight.
  void lower(Profit step, const std::vector<bool>& reached, std::vector<Profit>& slack) {
    for (std::size_t w = 0; w <= workers_; ++w) {
      if (reached[w]) {
        of_job_[job_of_[w]] = of_job_[job_of_[w]] + step;
        of_worker_[w] = of_worker_[w] - step;
      } else {
        slack[w] = slack[w] - step;
      }
    }
  }

  std::size_t jobs_;
  std::size_t workers_;
  std::vector<Profit> cost_;
  std::vector<Profit> of_job_;
  std::vector<Profit> of_worker_;
  std::vector<std::size_t> job_of_;  ///< by worker
};

/// The worker of each job by the largest profit first: at least half of the largest sum.
///
/// The best free job of each worker waits in a queue; who comes to find his job taken looks again.
inline std::vector<int> greedy_assignment(int jobs, int workers, const ProfitOf& profit) {
  struct Offer {
    Profit profit;
    int worker;
    int job;
    bool operator<(const Offer& other) const {
      if (profit != other.profit) return profit < other.profit;
      return worker > other.worker;  // the first worker is served first
    }
  };
  std::vector<int> worker_of(static_cast<std::size_t>(jobs), -1);
  std::priority_queue<Offer> offers;
  const auto offer = [&](int worker) {
    Offer best{{-1, 0}, worker, -1};
    for (int job = 0; job < jobs; ++job) {
      if (worker_of[static_cast<std::size_t>(job)] >= 0) continue;
      if (const Profit p = profit(worker, job); p > best.profit) best = {p, worker, job};
    }
    if (best.job >= 0) offers.push(best);
  };
  for (int worker = 0; worker < workers; ++worker) offer(worker);
  while (!offers.empty()) {
    const Offer best = offers.top();
    offers.pop();
    int& taken = worker_of[static_cast<std::size_t>(best.job)];
    if (taken < 0) {
      taken = best.worker;
    } else {
      offer(best.worker);
    }
  }
  return worker_of;
}

/// Up to this many workers the best assignment is looked for, O(n^3); then a good one.
inline constexpr int most_exact_workers = 128;

/// The worker of each job, jobs <= workers.
inline std::vector<int> assign(int jobs, int workers, const ProfitOf& profit) {
  if (workers <= most_exact_workers) return ExactAssignment(jobs, workers, profit).workers();
  return greedy_assignment(jobs, workers, profit);
}

}  // namespace matrass::detail
