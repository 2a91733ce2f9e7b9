// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What two index sets share, as runs: against a walk over all indices.
/// Next: tests/cpp/redistribute/test_plan.cpp
#include <gtest/gtest.h>

#include <algorithm>
#include <matrass/redistribute/runs.hpp>
#include <sstream>
#include <utility>
#include <vector>

namespace matrass {
namespace {

using Pair = std::pair<Index, Index>;  // positions in source and target

/// An index set with the indices that it means, in the order in which they are stored.
struct Known {
  IndexSet set;
  std::vector<Index> indices;
  std::string name;
};

Known of_axis(const BlockCyclicAxis& axis, int p) {
  std::ostringstream name;
  name << "axis " << axis.extent << " block " << axis.block << " nprocs " << axis.nprocs
       << " source " << axis.source << " first " << axis.first << " place " << p;
  return {IndexSet::of(axis, p), axis.global_indices(p), name.str()};
}

Known of_interval(Index begin, Index end) {
  Known known{IndexSet::interval(begin, end),
              {},
              "interval " + std::to_string(begin) + ":" + std::to_string(end)};
  for (Index i = begin; i < end; ++i) known.indices.push_back(i);
  return known;
}

std::vector<Pair> by_walking(const Known& source, const Known& target) {
  std::vector<Pair> pairs;
  for (std::size_t s = 0; s < source.indices.size(); ++s) {
    const auto at =
        std::lower_bound(target.indices.begin(), target.indices.end(), source.indices[s]);
    if (at == target.indices.end() || *at != source.indices[s]) continue;
    pairs.emplace_back(static_cast<Index>(s), at - target.indices.begin());
  }
  return pairs;
}

/// What the documentation of Run, Pattern and Runs says, one element after the other.
std::vector<Pair> expand(const Runs& runs) {
  std::vector<Pair> pairs;
  for (std::size_t k = 0; k < runs.patterns.size(); ++k) {
    const Pattern& pattern = runs.patterns[k];
    EXPECT_EQ(runs.starts.at(k), static_cast<Index>(pairs.size()));
    for (Index repeat = 0; repeat < pattern.repeats; ++repeat) {
      const auto start = static_cast<Index>(pairs.size());
      for (std::size_t n = 0; n < pattern.runs.size(); ++n) {
        const Run& run = pattern.runs[n];
        EXPECT_EQ(start + pattern.starts.at(n), static_cast<Index>(pairs.size()));
        EXPECT_GT(run.size(), 0) << "an empty run";
        for (Index r = 0; r < run.count; ++r) {
          for (Index e = 0; e < run.length; ++e) {
            pairs.emplace_back(run.source + r * run.source_step + e + repeat * pattern.source_step,
                               run.target + r * run.target_step + e + repeat * pattern.target_step);
          }
        }
      }
      EXPECT_EQ(start + pattern.size, static_cast<Index>(pairs.size()));
    }
  }
  EXPECT_EQ(runs.total, static_cast<Index>(pairs.size()));
  return pairs;
}

void check(const Known& source, const Known& target) {
  std::vector<Pair> found = expand(intersect(source.set, target.set));
  std::sort(found.begin(), found.end());
  ASSERT_EQ(found, by_walking(source, target)) << source.name << " -> " << target.name;
}

std::vector<Known> sets_of_extent(Index extent) {
  std::vector<Known> sets;
  for (const Index block : {1, 2, 3, 5, 8, 100}) {
    for (const int nprocs : {1, 2, 3, 4, 6}) {
      for (const int source : {0, nprocs - 1}) {
        const BlockCyclicAxis axis{extent, block, nprocs, source, 0};
        for (int p = 0; p < nprocs; ++p) sets.push_back(of_axis(axis, p));
      }
    }
  }
  // Views on a part of a longer axis: the same extent, a first block without its head.
  for (const Index begin : {1, 4, 7}) {
    const BlockCyclicAxis view =
        BlockCyclicAxis{extent + 20, 3, 2, 1, 0}.slice(begin, begin + extent);
    for (int p = 0; p < 2; ++p) sets.push_back(of_axis(view, p));
  }
  for (const auto& [begin, end] : std::vector<Pair>{{0, extent},
                                                    {0, extent / 2},
                                                    {extent / 3, extent},
                                                    {extent / 2, extent / 2},
                                                    {extent / 4, extent / 2}}) {
    sets.push_back(of_interval(begin, end));
  }
  return sets;
}

TEST(Runs, AreTheCommonIndicesOfAnyTwoSets) {
  for (const Index extent : {0, 1, 7, 61}) {
    const std::vector<Known> sets = sets_of_extent(extent);
    for (const Known& source : sets) {
      for (const Known& target : sets) check(source, target);
    }
  }
}

/// Long enough for patterns that repeat many times.
TEST(Runs, AreTheCommonIndicesOfLongSets) {
  std::vector<Known> sets;
  for (const auto& [block, nprocs] : std::vector<std::pair<Index, int>>{
           {1, 2}, {1, 3}, {2, 6}, {5, 4}, {64, 2}, {64, 3}, {128, 5}, {1000, 2}, {1499, 6}}) {
    const BlockCyclicAxis whole{9001, block, nprocs, nprocs / 2, 0};
    const BlockCyclicAxis view = BlockCyclicAxis{9200, block, nprocs, 0, 0}.slice(97, 9098);
    sets.push_back(of_axis(whole, 0));
    sets.push_back(of_axis(whole, nprocs - 1));
    sets.push_back(of_axis(view, nprocs / 2));
  }
  sets.push_back(of_interval(1234, 8765));
  for (const Known& source : sets) {
    for (const Known& target : sets) check(source, target);
  }
}

TEST(Runs, PositionIsTheLocalIndex) {
  for (const Known& known : sets_of_extent(61)) {
    for (std::size_t k = 0; k < known.indices.size(); ++k) {
      ASSERT_EQ(known.set.position(known.indices[k]), static_cast<Index>(k)) << known.name;
    }
  }
}

TEST(Runs, TheirNumberDoesNotGrowWithTheExtent) {
  const auto count = [](Index extent) {
    const BlockCyclicAxis a{extent, 3, 4, 0, 0};
    const BlockCyclicAxis b{extent, 5, 6, 0, 0};
    std::size_t sum = 0;
    for (const Pattern& p : intersect(IndexSet::of(a, 1), IndexSet::of(b, 2)).patterns) {
      sum += p.runs.size();
    }
    return sum;
  };
  EXPECT_GT(count(1000), 0U);
  EXPECT_LE(count(100'000'000), 2 * count(1000) + 2);
}

TEST(Runs, ExtentsBeyond32Bits) {
  const Index extent = (Index{1} << 40) + 7;
  const BlockCyclicAxis a{extent, 64, 2, 0, 0};
  const BlockCyclicAxis b{extent, 1, 3, 0, 0};
  Index sum = 0;
  for (int p = 0; p < 2; ++p) {
    for (int q = 0; q < 3; ++q) sum += intersect(IndexSet::of(a, p), IndexSet::of(b, q)).total;
  }
  EXPECT_EQ(sum, extent);
}

TEST(Runs, BlocksWhosePeriodOverflowsAreFine) {
  const Index huge = Index{1} << 61;
  const BlockCyclicAxis a{100, huge, 3, 0, 0};
  const BlockCyclicAxis b{100, huge - 1, 2, 1, 0};
  const BlockCyclicAxis c{100, 7, 2, 0, 0};
  for (const auto& x : {a, b, c}) {
    for (const auto& y : {a, b, c}) {
      Index sum = 0;
      for (int p = 0; p < x.nprocs; ++p) {
        for (int q = 0; q < y.nprocs; ++q)
          sum += intersect(IndexSet::of(x, p), IndexSet::of(y, q)).total;
      }
      EXPECT_EQ(sum, 100);
    }
  }
}

}  // namespace
}  // namespace matrass
