// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Random partitions of a matrix into rectangles, of the kind that no grid of blocks can be.
/// Next: tests/cpp/redistribute/test_tiles.cpp
#pragma once

#include <algorithm>
#include <matrass/core/types.hpp>
#include <random>
#include <vector>

namespace matrass::test {

/// Rows [i0, i1) and columns [j0, j1).
struct Rectangle {
  Index i0 = 0;
  Index i1 = 0;
  Index j0 = 0;
  Index j1 = 0;
};

/// Cuts the matrix in two at a random place, and the parts again, until chance says stop. The order
/// is shuffled. An empty matrix has no tiles or empty ones.
inline std::vector<Rectangle> random_tiling(Shape shape, unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](Index n) {
    return static_cast<Index>(random() % static_cast<unsigned>(n));
  };
  std::vector<Rectangle> open{{0, shape.rows, 0, shape.cols}};
  std::vector<Rectangle> done;
  while (!open.empty()) {
    const Rectangle t = open.back();
    open.pop_back();
    const bool by_rows = t.i1 - t.i0 > 1 && (t.j1 - t.j0 <= 1 || random() % 2 == 0);
    const Index length = by_rows ? t.i1 - t.i0 : t.j1 - t.j0;
    if (length <= 1 || below(10) == 0) {
      done.push_back(t);
    } else if (by_rows) {
      const Index cut = t.i0 + 1 + below(length - 1);
      open.push_back({t.i0, cut, t.j0, t.j1});
      open.push_back({cut, t.i1, t.j0, t.j1});
    } else {
      const Index cut = t.j0 + 1 + below(length - 1);
      open.push_back({t.i0, t.i1, t.j0, cut});
      open.push_back({t.i0, t.i1, cut, t.j1});
    }
  }
  std::shuffle(done.begin(), done.end(), random);
  return done;
}

}  // namespace matrass::test
