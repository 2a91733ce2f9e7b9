// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Which parts of a stretch are free: against one flag for each unit of it.
/// Next: tests/cpp/matrix/test_memory_pool.cpp
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <matrass/matrix/free_ranges.hpp>
#include <random>
#include <utility>
#include <vector>

namespace matrass::detail {
namespace {

using Ranges = std::map<std::size_t, std::size_t>;

/// The same by definition.
class Flags {
 public:
  Flags(std::size_t begin, std::size_t end) : free_(end, false) { set(begin, end - begin, true); }

  std::optional<std::size_t> take(std::size_t size) {
    for (const auto& [offset, length] : ranges()) {
      if (length < size) continue;
      set(offset, size, false);
      return offset;
    }
    return std::nullopt;
  }

  void give_back(std::size_t offset, std::size_t size) { set(offset, size, true); }

  /// Maximal stretches of free units, ascending.
  Ranges ranges() const {
    Ranges found;
    for (std::size_t k = 0; k < free_.size();) {
      const auto end = static_cast<std::size_t>(
          std::find(free_.begin() + static_cast<std::ptrdiff_t>(k), free_.end(), !free_[k]) -
          free_.begin());
      if (free_[k]) found[k] = end - k;
      k = end;
    }
    return found;
  }

 private:
  void set(std::size_t offset, std::size_t size, bool free) {
    std::fill_n(free_.begin() + static_cast<std::ptrdiff_t>(offset), size, free);
  }

  std::vector<bool> free_;
};

TEST(FreeRanges, AnySequenceGivesWhatOneFlagAUnitGives) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::size_t n) { return random() % n; };
    const std::size_t begin = below(20);
    const std::size_t end = begin + 1 + below(300);
    FreeRanges ranges(begin, end);
    Flags flags(begin, end);
    std::vector<std::pair<std::size_t, std::size_t>> taken;
    const std::size_t largest = 1 + below(40);
    for (int step = 0; step < 400; ++step) {
      if (taken.empty() || below(2) == 0) {
        const std::size_t size = 1 + below(largest);
        const auto offset = ranges.take(size);
        ASSERT_EQ(offset, flags.take(size)) << "seed " << seed << " step " << step;
        if (offset) taken.emplace_back(*offset, size);
      } else {
        std::swap(taken[below(taken.size())], taken.back());
        const auto [offset, size] = taken.back();
        taken.pop_back();
        ranges.give_back(offset, size);
        flags.give_back(offset, size);
      }
      ASSERT_EQ(ranges.ranges(), flags.ranges()) << "seed " << seed << " step " << step;
    }
    for (const auto& [offset, size] : taken) ranges.give_back(offset, size);
    ASSERT_EQ(ranges.ranges(), (Ranges{{begin, end - begin}})) << "seed " << seed;
  }
}

TEST(FreeRanges, TakesTheLowestPlaceAndNotTheBestFit) {
  FreeRanges ranges(0, 100);
  ASSERT_EQ(ranges.take(100), 0U);
  ranges.give_back(70, 5);  // an exact fit
  ranges.give_back(20, 9);
  EXPECT_EQ(ranges.take(5), 20U);
  EXPECT_EQ(ranges.take(5), 70U);
  EXPECT_EQ(ranges.take(5), std::nullopt);
  EXPECT_EQ(ranges.take(4), 25U);
}

TEST(FreeRanges, JoinsNeighboursOnEitherSideAndOnBoth) {
  FreeRanges ranges(10, 50);
  ASSERT_EQ(ranges.take(40), 10U);
  ranges.give_back(20, 5);
  ranges.give_back(25, 5);  // the one before
  EXPECT_EQ(ranges.ranges(), (Ranges{{20, 10}}));
  ranges.give_back(15, 5);  // the one after
  EXPECT_EQ(ranges.ranges(), (Ranges{{15, 15}}));
  ranges.give_back(40, 10);
  ranges.give_back(30, 10);  // both
  EXPECT_EQ(ranges.ranges(), (Ranges{{15, 35}}));
}

TEST(FreeRanges, AnEmptyStretchHasNoPlace) {
  EXPECT_EQ(FreeRanges(5, 5).take(1), std::nullopt);
  EXPECT_EQ(FreeRanges(5, 3).take(1), std::nullopt);
}

}  // namespace
}  // namespace matrass::detail
