// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Makes GoogleTest's results agree on all ranks: a test failed when it failed on one.
/// Next: tests/cpp/support/mpi_test.hpp
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "agreement.hpp"

namespace matrass::test {

/// What a test may take unless it says otherwise by set_time_limit().
inline constexpr std::chrono::seconds default_time_limit{60};

/// Collects this rank's failures; at the end of each test all ranks exchange them: rank 0 prints
/// the others' as its own, with their rank, and the test counts as failed everywhere.
class RankListener : public testing::EmptyTestEventListener {
 public:
  RankListener(Agreement& agreement, Watchdog& watchdog);

  void OnTestStart(const testing::TestInfo& info) override;
  void OnTestPartResult(const testing::TestPartResult& result) override;
  void OnTestEnd(const testing::TestInfo& info) override;

  /// The agreement of a part of the running test. Collective.
  /// @returns whether no rank failed since the last agreement: the same on every rank
  /// @throws std::runtime_error when a rank left the test before this part of it
  bool agree_on_batch(const std::string& name);

  /// The last word, failures outside of tests included. Collective. @returns the exit code of every
  /// rank
  int agree_on_exit(int exit_code);

 private:
  Report report(const std::string& stage, bool skipped) const;
  std::vector<Report> exchange(const Report& mine);
  std::vector<Report> meet(const Report& mine);
  bool settle(const std::vector<Report>& reports, const Report& mine);
  void tell_of_others(const std::vector<std::string>& texts);
  void add_failure(const std::string& text);

  Agreement& agreement_;
  Watchdog& watchdog_;
  std::string texts_;
  bool failed_ = false;
  bool telling_of_others_ = false;
  std::string test_;
  int batches_ = 0;
};

}  // namespace matrass::test
