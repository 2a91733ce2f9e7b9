// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Whether tiles cover a matrix exactly once: random tilings, and the same with one fault.
/// Next: tests/cpp/redistribute/test_tiles.cpp
#include <gtest/gtest.h>

#include <matrass/redistribute/cover.hpp>

#include "support/random_tiles.hpp"

namespace matrass {
namespace {

using test::Rectangle;

std::vector<TileExtent> extents(const std::vector<Rectangle>& tiles) {
  std::vector<TileExtent> all;
  std::vector<int> numbers(8, 0);
  for (std::size_t k = 0; k < tiles.size(); ++k) {
    const int rank = static_cast<int>(k * 8 / std::max<std::size_t>(1, tiles.size()));
    const Rectangle& t = tiles[k];
    all.push_back({rank, numbers[static_cast<std::size_t>(rank)]++, {t.i0, t.i1}, {t.j0, t.j1}});
  }
  return all;
}

/// How often each element is covered, counted one by one.
bool covers_exactly(const std::vector<TileExtent>& tiles, Shape shape) {
  std::vector<int> count(static_cast<std::size_t>(shape.size()), 0);
  for (const TileExtent& t : tiles) {
    for (Index i = t.rows.begin; i < t.rows.end; ++i) {
      for (Index j = t.cols.begin; j < t.cols.end; ++j) {
        if (i < 0 || i >= shape.rows || j < 0 || j >= shape.cols) return false;
        ++count[static_cast<std::size_t>(i * shape.cols + j)];
      }
    }
  }
  return std::all_of(count.begin(), count.end(), [](int n) { return n == 1; });
}

std::string complaint(const std::vector<TileExtent>& tiles, Shape shape) {
  try {
    require_exact_cover(tiles, shape);
    return "";
  } catch (const InvalidArgument& error) {
    return error.what();
  }
}

TEST(Cover, AcceptsRandomTilings) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const Shape shape{seed % 23, (seed * 7) % 31};
    const auto tiles = extents(test::random_tiling(shape, seed));
    ASSERT_TRUE(covers_exactly(tiles, shape)) << "the test's own tiling";
    ASSERT_EQ(complaint(tiles, shape), "") << "seed " << seed;
  }
}

/// One coordinate of one tile is moved by one: accepted exactly when the count says so.
TEST(Cover, JudgesAsCountingDoes) {
  int wrong = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    const Shape shape{5 + seed % 11, 4 + seed % 7};
    const auto good = extents(test::random_tiling(shape, seed));
    for (std::size_t k = 0; k < good.size(); ++k) {
      for (int what = 0; what < 8; ++what) {
        auto tiles = good;
        Index* const edges[] = {&tiles[k].rows.begin, &tiles[k].rows.end, &tiles[k].cols.begin,
                                &tiles[k].cols.end};
        *edges[what / 2] += what % 2 == 0 ? 1 : -1;
        const bool expected = covers_exactly(tiles, shape);
        const std::string said = complaint(tiles, shape);
        ASSERT_EQ(said.empty(), expected)
            << "seed " << seed << " tile " << k << " change " << what << ": " << said;
        wrong += expected ? 0 : 1;
        ASSERT_EQ(said.find('\n'), std::string::npos) << "one line";
      }
    }
  }
  EXPECT_GT(wrong, 1000);
}

TEST(Cover, NamesBothTilesThatOverlap) {
  const std::vector<TileExtent> tiles{
      {0, 0, {0, 2}, {0, 5}}, {1, 0, {2, 4}, {0, 3}}, {1, 1, {2, 4}, {2, 5}}};
  const std::string said = complaint(tiles, {4, 5});
  EXPECT_NE(said.find("overlap"), std::string::npos) << said;
  EXPECT_NE(said.find("tile 0 of rank 1 (rows 2:4, columns 0:3)"), std::string::npos) << said;
  EXPECT_NE(said.find("tile 1 of rank 1 (rows 2:4, columns 2:5)"), std::string::npos) << said;
}

TEST(Cover, NamesTheHole) {
  const std::vector<TileExtent> tiles{{0, 0, {0, 2}, {0, 5}}, {1, 0, {2, 4}, {0, 3}}};
  const std::string said = complaint(tiles, {4, 5});
  EXPECT_NE(said.find("rows 2:4, columns 3:5"), std::string::npos) << said;
}

TEST(Cover, NamesTheTileThatLiesOutside) {
  for (const auto& [rows, cols] : std::vector<std::pair<IndexRange, IndexRange>>{
           {{0, 5}, {0, 5}}, {{0, 4}, {0, 6}}, {{-1, 4}, {0, 5}}, {{0, 4}, {-2, 5}}}) {
    const std::string said = complaint({{3, 2, rows, cols}}, {4, 5});
    EXPECT_NE(said.find("tile 2 of rank 3"), std::string::npos) << said;
    EXPECT_NE(said.find("(4, 5)"), std::string::npos) << said;
  }
}

TEST(Cover, NoTilesCoverOnlyAnEmptyMatrix) {
  EXPECT_EQ(complaint({}, {0, 0}), "");
  EXPECT_EQ(complaint({}, {0, 7}), "");
  EXPECT_EQ(complaint({}, {7, 0}), "");
  EXPECT_NE(complaint({}, {1, 1}), "");
}

TEST(Cover, AnOverlapDoesNotHideAHoleOfTheSameSize) {
  const std::vector<TileExtent> tiles{{0, 0, {0, 2}, {0, 2}}, {0, 1, {1, 2}, {0, 2}}};
  EXPECT_NE(complaint(tiles, {3, 2}), "");
}

TEST(Cover, ManyTilesAreChecked) {
  const Index n = 300;
  std::vector<TileExtent> tiles;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j)
      tiles.push_back({0, static_cast<int>(i * n + j), {i, i + 1}, {j, j + 1}});
  }
  EXPECT_EQ(complaint(tiles, {n, n}), "");
  tiles[12345].rows = {0, 1};
  EXPECT_NE(complaint(tiles, {n, n}), "");
}

}  // namespace
}  // namespace matrass
