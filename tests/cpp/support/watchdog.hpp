// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The time limit of a test: when it is over, every rank prints its stack and the process set ends.
/// Next: tests/cpp/support/agreement.hpp
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "board.hpp"

namespace matrass::test {

/// Exit code of a process that ran out of time, as timeout(1) uses it.
inline constexpr int exit_timed_out = 124;

/// `limit` times the environment variable MATRASS_TEST_TIME_SCALE (default 1; sanitizer builds take
/// more).
std::chrono::milliseconds scaled(std::chrono::milliseconds limit);

/// The same for a whole test, which takes longer in a campaign (campaign.hpp).
std::chrono::milliseconds limit_of_test(std::chrono::milliseconds limit);

/// One thread a rank that watches the main thread. It makes no MPI call, so it works while MPI
/// hangs.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  /// Starts watching the calling thread, which must be the one that runs the tests.
  Watchdog(int rank, int size, Board& board);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  /// `what` must end within `limit` from now on (unscaled).
  void arm(std::string what, std::chrono::milliseconds limit);

  /// Moves the limit of what is armed: it must end within `limit` from now on (unscaled).
  void set_limit(std::chrono::milliseconds limit);

  /// Something to print with the stack, until the next arm(): failures that nobody has printed yet.
  void note(const std::string& text);

  /// The rank is inside the harness (an agreement), waiting for others. After a failure here they
  /// get `patience_after_failure` to arrive: they may be in a collective call that this rank left.
  void begin_waiting(const std::string& where, bool failed_here);
  void end_waiting();

  static constexpr std::chrono::seconds patience_after_failure{10};

 private:
  void watch();
  bool someone_gave_up() const;
  [[noreturn]] void expire(const std::string& reason);
  void print_stack(const std::string& reason);
  void wait_for_other_stacks() const;
  void tell_crash();

  int rank_;
  int size_;
  Board& board_;
  pthread_t main_thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::string what_;
  std::string where_;
  std::string notes_;
  std::chrono::milliseconds limit_{0};
  Clock::time_point deadline_ = Clock::time_point::max();
  std::thread thread_;
};

/// SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT make the
/// watchdog print the rank, the test and the stack, then end the process
/// as usual.
void report_crashes();

}  // namespace matrass::test
