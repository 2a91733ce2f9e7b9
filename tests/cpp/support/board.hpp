// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A page of memory that the ranks of one test process set share: what each of them is doing.
/// Next: tests/cpp/support/watchdog.hpp
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace matrass::test {

/// Ranks whose watchdogs look at one another need no MPI for it: the main thread of a rank that is
/// stuck holds MPI's locks. All ranks of a test run on one host, so a mapped file is enough.
struct Board {
  static constexpr int max_ranks = 64;

  struct Place {
    /// Steady-clock milliseconds since when this rank waits for others after a failure; 0: it does
    /// not.
    std::atomic<std::int64_t> failed_since{0};
    /// Set once this rank has printed its stack.
    std::atomic<bool> printed{false};
  };

  std::atomic<bool> expired{false};
  std::array<Place, max_ranks> places;
};

/// Maps one board for all ranks of MPI_COMM_WORLD. Collective over MPI_COMM_WORLD.
/// @returns memory that lives as long as the process
/// @throws std::runtime_error when the ranks are not on one host or are more than Board::max_ranks
Board& share_board();

}  // namespace matrass::test
