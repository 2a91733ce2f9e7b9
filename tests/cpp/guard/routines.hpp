// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A dozen and more ScaLAPACK routines by name, each on matrices of its own, for the fault tests.
/// Next: routines.cpp
#pragma once

#include <functional>
#include <map>
#include <string>

namespace matrass::test {

/// A BLACS grid over all ranks, nearest to square, and the size of the problems.
struct Problem {
  int context, rows, cols, row, col;
  int n, block;
};

Problem make_problem(int n, int block);

/// Name -> call; each returns ScaLAPACK's info. Collective over all ranks.
const std::map<std::string, std::function<int(const Problem&)>>& routines();

}  // namespace matrass::test
