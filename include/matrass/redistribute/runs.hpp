// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What two index sets share, as regular runs of positions in the source and in the target.
/// Next: redistribute/plan.hpp
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include <matrass/redistribute/index_set.hpp>

namespace matrass {

/// `count` times `length` consecutive positions: repetition r, element k is position
/// source + r * source_step + k in the source, and the same with target in the target.
struct Run {
  Index source = 0;
  Index target = 0;
  Index length = 0;
  Index count = 1;
  Index source_step = 0;
  Index target_step = 0;

  constexpr Index size() const { return length * count; }
  friend constexpr bool operator==(const Run&, const Run&) = default;
};

/// Runs in the one order that sender and receiver both use, and where each starts in that order.
struct Runs {
  std::vector<Run> list;
  std::vector<Index> starts;  ///< starts[k]: how many elements lie in runs before run k
  Index total = 0;

  void add(Run run) {
    // Repetitions that follow each other without a gap on both sides are one long stretch.
    if (run.count > 1 && run.source_step == run.length && run.target_step == run.length) {
      run = {run.source, run.target, run.size(), 1, 0, 0};
    }
    starts.push_back(total);
    total += run.size();
    list.push_back(run);
  }
};

namespace detail {
/// lcm(a, b), or `most` if it is larger.
constexpr Index bounded_lcm(Index a, Index b, Index most) {
  const Index step = a / std::gcd(a, b);
  return step > most / b ? most : std::min(most, step * b);
}
}  // namespace detail

/// The indices that lie in both sets.
///
/// Two cyclic patterns repeat after lcm(cycle, cycle) indices: the stretches of one period are
/// found by a merge, and each is repeated as often as it fits, so that the number of runs does not
/// grow with the extent. Cost: O(stretches in one period).
inline Runs intersect(const IndexSet& source, const IndexSet& target) {
  Runs runs;
  const IndexRange window{std::max(source.range.begin, target.range.begin),
                          std::min(source.range.end, target.range.end)};
  if (window.size() == 0) return runs;
  const Index period =
      detail::bounded_lcm(source.cycle(), target.cycle(),
                          std::max({window.size(), source.cycle(), target.cycle()}));
  // A period that is no common multiple of both cycles is longer than the window: no repetition.
  // Where both sets are dense the period is 1: take the window as one period instead.
  const bool both_dense = source.dense() && target.dense();
  const Index first_end = both_dense ? window.end : std::min(window.end, window.begin + period);
  for (Index i = window.begin; i < first_end;) {
    const IndexRange s = source.stretch(i);
    const IndexRange t = target.stretch(i);
    const Index begin = std::max(s.begin, t.begin);
    const Index end = std::min({s.end, t.end, first_end});
    if (begin >= end) {
      i = begin;
      continue;
    }
    const Index left = window.end - end;
    const Index count = both_dense ? 1 : 1 + left / period;
    Run run{source.position(begin), target.position(begin), end - begin, count, 0, 0};
    if (count > 1) {
      run.source_step = source.advance(period);
      run.target_step = target.advance(period);
    }
    runs.add(run);
    // The last repetition may be cut by the end of the window.
    const Index rest = both_dense ? window.end : begin + count * period;
    if (rest < window.end) {
      runs.add({source.position(rest), target.position(rest), window.end - rest, 1, 0, 0});
    }
    i = end;
  }
  return runs;
}

}  // namespace matrass
