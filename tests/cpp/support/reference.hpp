// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Who owns what, read off the definitions step by step: slow, obvious, and independent of the
/// library. Next: tests/cpp/layout/test_distribution.cpp
#pragma once

#include <cstdint>
#include <matrass/layout/layout.hpp>
#include <utility>
#include <vector>

namespace matrass::test {

/// A process grid as a table: at(row, col) is the rank that stands there.
class GridTable {
 public:
  GridTable(int rows, int cols, bool column_major) : rows_(rows), cols_(cols) {
    ranks_.assign(static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols), 0);
    int next = 0;
    if (column_major) {
      for (int j = 0; j < cols; ++j) {
        for (int i = 0; i < rows; ++i) at(i, j) = next++;
      }
    } else {
      for (int i = 0; i < rows; ++i) {
        for (int j = 0; j < cols; ++j) at(i, j) = next++;
      }
    }
  }

  int& at(int i, int j) { return ranks_[position(i, j)]; }
  int at(int i, int j) const { return ranks_[position(i, j)]; }

  /// For each place of an axis dealt as `dist`, in the order of the places, the ranks there.
  std::vector<std::vector<int>> places(Dist dist, int diagonal = 0, int root = 0) const {
    std::vector<std::vector<int>> all;
    switch (dist) {
      case Dist::MC:  // round-robin within each column of the grid
        for (int i = 0; i < rows_; ++i) {
          all.emplace_back();
          for (int j = 0; j < cols_; ++j) all.back().push_back(at(i, j));
        }
        break;
      case Dist::MR:  // round-robin within each row of the grid
        for (int j = 0; j < cols_; ++j) {
          all.emplace_back();
          for (int i = 0; i < rows_; ++i) all.back().push_back(at(i, j));
        }
        break;
      case Dist::VC:  // the grid column by column
        for (int j = 0; j < cols_; ++j) {
          for (int i = 0; i < rows_; ++i) all.push_back({at(i, j)});
        }
        break;
      case Dist::VR:  // the grid row by row
        for (int i = 0; i < rows_; ++i) {
          for (int j = 0; j < cols_; ++j) all.push_back({at(i, j)});
        }
        break;
      case Dist::MD:  // down the diagonal of the plane tiled with grids, until it comes back
        for (int k = 0; k == 0 || k % rows_ != 0 || k % cols_ != 0; ++k) {
          all.push_back({at(k % rows_, (k + diagonal) % cols_)});
        }
        break;
      case Dist::STAR:
        all.push_back(ranks_);
        break;
      case Dist::CIRC:
        all.push_back({root});
        break;
    }
    return all;
  }

 private:
  std::size_t position(int i, int j) const {
    return static_cast<std::size_t>(i) * static_cast<std::size_t>(cols_) +
           static_cast<std::size_t>(j);
  }

  int rows_;
  int cols_;
  std::vector<int> ranks_;
};

/// The place of each of `extent` indices that are dealt in blocks to `places` places, from
/// `source`.
inline std::vector<int> deal(std::int64_t extent, std::int64_t block, int places, int source) {
  std::vector<int> result;
  int place = source;
  for (std::int64_t i = 0; i < extent; ++i) {
    if (i > 0 && i % block == 0) place = (place + 1) % places;
    result.push_back(place);
  }
  return result;
}

/// Shapes of grids on at most `ranks` ranks, smaller ones too: ranks may stand outside.
inline std::vector<std::pair<int, int>> grid_shapes(int ranks) {
  std::vector<std::pair<int, int>> shapes;
  for (int rows = 1; rows <= ranks; ++rows) {
    for (int cols = 1; rows * cols <= ranks; ++cols) shapes.emplace_back(rows, cols);
  }
  return shapes;
}

}  // namespace matrass::test
