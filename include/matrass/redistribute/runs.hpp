// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What two index sets share, as regular runs of positions in the source and in the target.
/// Next: redistribute/plan.hpp
#pragma once

#include <algorithm>
#include <matrass/redistribute/index_set.hpp>
#include <numeric>
#include <utility>
#include <vector>

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

  /// The same run further on, on both sides.
  constexpr Run shifted(Index by_source, Index by_target) const {
    return {source + by_source, target + by_target, length, count, source_step, target_step};
  }
  friend constexpr bool operator==(const Run&, const Run&) = default;
};

/// A list of runs that comes `repeats` times, each time source_step and target_step further.
struct Pattern {
  std::vector<Run> runs;
  std::vector<Index> starts;  ///< starts[k]: how many elements lie in runs before run k
  Index size = 0;             ///< elements in one repetition
  Index repeats = 1;
  Index source_step = 0;
  Index target_step = 0;

  void add(Run run) {
    // Repetitions that follow each other without a gap on both sides are one long stretch.
    if (run.count > 1 && run.source_step == run.length && run.target_step == run.length) {
      run = {run.source, run.target, run.size(), 1, 0, 0};
    }
    starts.push_back(size);
    size += run.size();
    runs.push_back(run);
  }

  friend bool operator==(const Pattern&, const Pattern&) = default;
};

/// Patterns in the one order that sender and receiver both use: that of the indices, but for short
/// stretches (see detail::repeat), so that walking them walks forward through both memories.
struct Runs {
  std::vector<Pattern> patterns;
  std::vector<Index> starts;  ///< starts[k]: how many elements lie in patterns before pattern k
  Index total = 0;

  void add(Pattern pattern) {
    if (pattern.size == 0 || pattern.repeats == 0) return;
    starts.push_back(total);
    total += pattern.size * pattern.repeats;
    patterns.push_back(std::move(pattern));
  }

  friend bool operator==(const Runs&, const Runs&) = default;
};

namespace detail {

/// lcm(a, b), or `most` if it is larger.
constexpr Index bounded_lcm(Index a, Index b, Index most) {
  const Index step = a / std::gcd(a, b);
  return step > most / b ? most : std::min(most, step * b);
}

/// From this many stretches on it pays to describe them by one run within a list.
inline constexpr Index worth_a_run = 8;

/// The runs of the indices that both sets have in `window`, in the order of the indices.
///
/// Where one set has a long stretch, the other's blocks in it are one run.
inline Pattern merge(const IndexSet& source, const IndexSet& target, IndexRange window) {
  Pattern pattern;
  for (Index i = window.begin; i < window.end;) {
    const IndexRange s = source.stretch(i);
    const IndexRange t = target.stretch(i);
    const Index begin = std::max(s.begin, t.begin);
    const Index end = std::min({s.end, t.end, window.end});
    if (begin >= end) {
      i = begin;
      continue;
    }
    // The set with the shorter stretch comes again after `cycle`, the other one is dense until
    // then.
    const IndexSet& inner = s.end < t.end ? source : target;
    const Index outer_end = std::min(std::max(s.end, t.end), window.end);
    const Index cycle = inner.cycle();
    Index count = end - begin == inner.block && !inner.dense() ? 1 + (outer_end - end) / cycle : 1;
    if (count < worth_a_run) count = 1;
    Run run{source.position(begin), target.position(begin), end - begin, count, 0, 0};
    if (count > 1) {
      run.source_step = source.position(begin + cycle) - run.source;
      run.target_step = target.position(begin + cycle) - run.target;
    }
    pattern.add(run);
    i = end + (count - 1) * cycle;
  }
  return pattern;
}

/// About how many indices a pattern of short stretches covers: its memory stays in the first cache.
inline constexpr Index chunk = 2048;

/// Adds `pattern`, which covers `period` indices, `repeats` times.
///
/// Short stretches become runs themselves: each is repeated within a chunk of the indices before
/// the next one's turn, so that a copy is a few long loops instead of many short ones.
inline void repeat(Runs& runs, Pattern pattern, Index repeats, Index period, const IndexSet& source,
                   const IndexSet& target) {
  const Index source_step = source.advance(period);
  const Index target_step = target.advance(period);
  const bool single_runs = std::all_of(pattern.runs.begin(), pattern.runs.end(),
                                       [](const Run& run) { return run.count == 1; });
  Index inner = 1;  // repetitions that become counts of the runs
  if (single_runs) inner = pattern.runs.size() == 1 ? repeats : std::max<Index>(1, chunk / period);
  const auto repeated = [&](Index done, Index counts, Index times) {
    Pattern p{{}, {}, 0, times, source_step * counts, target_step * counts};
    for (const Run& run : pattern.runs) {
      Run longer = run.shifted(done * source_step, done * target_step);
      if (counts > 1) {
        longer.count = counts;
        longer.source_step = source_step;
        longer.target_step = target_step;
      }
      p.add(longer);
    }
    runs.add(std::move(p));
  };
  inner = std::max<Index>(1, std::min(inner, repeats));
  const Index times = repeats / inner;
  if (times > 0) repeated(0, inner, times);
  if (const Index rest = repeats - times * inner; rest > 0) repeated(times * inner, rest, 1);
}

}  // namespace detail

/// The indices that lie in both sets.
///
/// Two cyclic sets repeat after lcm(cycle, cycle) indices: one period is merged, and comes again as
/// often as it fits, so that neither the cost nor the number of runs grows with the extent.
/// Cost: O(blocks of the coarser set in one period).
inline Runs intersect(const IndexSet& source, const IndexSet& target) {
  Runs runs;
  const IndexRange window{std::max(source.range.begin, target.range.begin),
                          std::min(source.range.end, target.range.end)};
  if (window.size() == 0) return runs;
  const Index longest = std::max({window.size(), source.cycle(), target.cycle()});
  const Index period = detail::bounded_lcm(source.cycle(), target.cycle(), longest);
  // A period that is no common multiple is longer than the window. A dense set is one stretch.
  if (source.dense() || target.dense() || period >= window.size()) {
    runs.add(detail::merge(source, target, window));
    return runs;
  }
  // Periods start with a block of the coarser set: no stretch crosses from one into the next.
  const IndexSet& coarser = source.block >= target.block ? source : target;
  const Index origin = std::min(window.end, (window.begin + coarser.shift + coarser.block - 1) /
                                                    coarser.block * coarser.block -
                                                coarser.shift);
  const Index repeats = (window.end - origin) / period;
  const Index rest = origin + repeats * period;
  runs.add(detail::merge(source, target, {window.begin, origin}));
  if (repeats > 0) {
    detail::repeat(runs, detail::merge(source, target, {origin, origin + period}), repeats, period,
                   source, target);
  }
  runs.add(detail::merge(source, target, {rest, window.end}));
  return runs;
}

}  // namespace matrass
