// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Making redistributions take a path: each one must give the same answers.
/// Next: tests/cpp/redistribute/test_paths.cpp
#pragma once

#include <matrass/matrix/storage.hpp>
#include <matrass/mpi/node.hpp>
#include <matrass/redistribute/path.hpp>
#include <string>

namespace matrass::test {

/// While one lives, redistributions take this path where they can, whatever their size, and
/// communicators that are first used meanwhile span nodes of so many ranks. The same on every rank.
class TakePath {
 public:
  explicit TakePath(Path path, int ranks_per_node = 0) {
    wanted_path() = path;
    pooled_from() = 0;
    mpi::ranks_per_node() = ranks_per_node;
  }
  ~TakePath() {
    wanted_path() = path_;
    pooled_from() = pooled_from_;
    mpi::ranks_per_node() = ranks_per_node_;
  }
  TakePath(const TakePath&) = delete;
  TakePath& operator=(const TakePath&) = delete;

 private:
  Path path_ = wanted_path();
  std::size_t pooled_from_ = pooled_from();
  int ranks_per_node_ = mpi::ranks_per_node();
};

}  // namespace matrass::test
