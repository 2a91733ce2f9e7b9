// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The check that all ranks raise one and the same error.
/// Next: tests/cpp/redistribute/test_errors.cpp
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <matrass/grid/process_grid.hpp>
#include <string>
#include <vector>

namespace matrass::test {

/// Runs `f`, which must throw an agreed `E` with one text on every rank that holds all `words`.
/// Collective.
template <class E>
void expect_same_error(const ProcessGrid& grid, const std::function<void()>& f,
                       const std::vector<std::string>& words) {
  std::string text = "no error";
  int kind = -1;
  try {
    f();
    ADD_FAILURE() << "no error";
  } catch (const E& error) {
    text = error.what();
    kind = static_cast<int>(error.kind());
    EXPECT_TRUE(error.agreed() || grid.comm().size() == 1) << text;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "an error of another type: " << error.what();
    text = error.what();
  }
  for (const std::string& word : words) EXPECT_NE(text.find(word), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << "one line: " << text;

  MPI_Comm comm = grid.comm().user();
  int length = static_cast<int>(text.size());
  int first_length = length;
  MPI_Bcast(&first_length, 1, MPI_INT, 0, comm);
  std::string first = text;
  first.resize(static_cast<std::size_t>(first_length));
  MPI_Bcast(first.data(), first_length, MPI_CHAR, 0, comm);
  EXPECT_EQ(text, first) << "the ranks raise different errors";
  int first_kind = kind;
  MPI_Bcast(&first_kind, 1, MPI_INT, 0, comm);
  EXPECT_EQ(kind, first_kind) << "the ranks raise errors of different types";
}

}  // namespace matrass::test
