// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Memory that is refused to one rank, at every allocation in turn. The program's operator
/// new is that of refused_memory.cpp. Next: tests/cpp/algorithm/test_out_of_memory.cpp
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <matrass/grid/process_grid.hpp>
#include <new>
#include <string>

namespace matrass::test {

/// What the allocations of at least `large` bytes of a thread come to. Messages of errors and
/// requests of MPI are smaller: a rank that cannot get these cannot tell anybody.
struct Allocations {
  static constexpr std::size_t large = 1024;

  int until_refusal = 0;  ///< 1: the next one is refused; 0: none is
  int count = 0;
  std::size_t largest = 0;

  static Allocations& here() {
    static thread_local Allocations counts;
    return counts;
  }

  void add(std::size_t size) {
    largest = std::max(largest, size);
    if (size < large) return;
    ++count;
    if (until_refusal == 0) return;
    --until_refusal;
    if (until_refusal == 0) throw std::bad_alloc();
  }
};

/// Runs `f` again and again, with the 1st, 2nd, ... large allocation of rank `culprit` refused,
/// until it asks for no more: each refusal must be the same MemoryLimitError on all ranks.
/// `expect_sound` runs after each. Collective. @param step from one number to the next
/// @returns how often memory was refused
template <class F, class G>
int refuse_each(const ProcessGrid& grid, int culprit, int step, F&& f, G&& expect_sound) {
  MPI_Comm comm = grid.comm().user();
  const std::string expected = grid.size() == 1 && grid.comm().size() == 1
                                   ? "out of memory"
                                   : "rank " + std::to_string(culprit) + ": out of memory";
  int refusals = 0;
  for (int number = 1;; number += step) {
    SCOPED_TRACE("allocation " + std::to_string(number) + " of rank " + std::to_string(culprit));
    std::string text;
    Allocations::here().until_refusal = grid.rank() == culprit ? number : 0;
    try {
      f();
    } catch (const MemoryLimitError& error) {
      text = error.what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << "an error of another type: " << error.what();
    }
    int refused = grid.rank() == culprit && Allocations::here().until_refusal == 0 ? 1 : 0;
    Allocations::here().until_refusal = 0;
    MPI_Bcast(&refused, 1, MPI_INT, culprit, comm);
    EXPECT_EQ(text, refused != 0 ? expected : "");
    if (testing::Test::HasFailure() || refused == 0) return refusals;
    ++refusals;
    expect_sound();
  }
}

}  // namespace matrass::test
