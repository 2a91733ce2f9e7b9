// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What the ranks tell one another after each test, on a communicator that no test can reach.
/// Next: tests/cpp/support/rank_listener.hpp
#pragma once

#include <mpi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "watchdog.hpp"

namespace matrass::test {

/// One rank's report of a stage (a test, a batch of one, the end of the program).
struct Report {
  std::uint64_t stage = 0;  ///< fingerprint of the stage's name and number; equal on all ranks
  std::int32_t failed = 0;
  std::int32_t skipped = 0;
  std::int64_t text_length = 0;
};

/// Agreements on a private duplicate of MPI_COMM_WORLD. They use PMPI's non-blocking calls and
/// sleep while nothing arrives: a waiting rank takes no core from a working one, and no interposed
/// library sees them. How long they may take is the watchdog's business.
class Agreement {
 public:
  /// Collective over MPI_COMM_WORLD.
  explicit Agreement(Watchdog& watchdog);
  Agreement(const Agreement&) = delete;
  Agreement& operator=(const Agreement&) = delete;
  ~Agreement();

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// All ranks' reports, in rank order. Collective over MPI_COMM_WORLD.
  /// @param where what the watchdog says of a rank that waits here
  std::vector<Report> exchange(const Report& mine, const std::string& where);

  /// All ranks' texts on rank 0 (elsewhere empty), after an exchange that told their lengths.
  /// Collective.
  std::vector<std::string> gather(const std::string& text,
                                  const std::vector<Report>& reports) const;

 private:
  static void finish(MPI_Request& request);

  Watchdog& watchdog_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace matrass::test
