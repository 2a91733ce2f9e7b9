// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The watchdog thread and the handler of fatal signals.
/// Next: tests/cpp/support/agreement.cpp
#include "watchdog.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "campaign.hpp"
#include "stack.hpp"

namespace matrass::test {
namespace {

constexpr std::chrono::milliseconds poll_interval{100};
constexpr std::chrono::seconds stack_patience{2};
constexpr std::chrono::seconds others_patience{3};
constexpr std::chrono::seconds crash_patience{5};
constexpr unsigned last_resort_seconds = 15;

std::int64_t now_ms() {
  const auto now = Watchdog::Clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void write_all(int file, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = write(file, text.data() + done, text.size() - done);
    if (n <= 0) return;
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace

std::chrono::milliseconds scaled(std::chrono::milliseconds limit) {
  const char* text = std::getenv("MATRASS_TEST_TIME_SCALE");
  const double scale = text != nullptr ? std::strtod(text, nullptr) : 1.0;
  const double positive = scale > 0.0 ? scale : 1.0;
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(static_cast<double>(limit.count()) * positive));
}

Watchdog::Watchdog(int rank, int size, Board& board)
    : rank_(rank), size_(size), board_(board), main_thread_(pthread_self()) {
  prepare_stacks();
  thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::chrono::milliseconds limit_of_test(std::chrono::milliseconds limit) {
  constexpr int longest_product = 20;  // of draws in a campaign, to those of every day
  return scaled(limit) * (campaign() ? longest_product : 1);
}

void Watchdog::arm(std::string what, std::chrono::milliseconds limit) {
  const std::scoped_lock lock(mutex_);
  what_ = std::move(what);
  where_.clear();
  notes_.clear();
  limit_ = limit_of_test(limit);
  deadline_ = Clock::now() + limit_;
}

void Watchdog::set_limit(std::chrono::milliseconds limit) {
  const std::scoped_lock lock(mutex_);
  limit_ = limit_of_test(limit);
  deadline_ = Clock::now() + limit_;
}

void Watchdog::note(const std::string& text) {
  const std::scoped_lock lock(mutex_);
  notes_ += text;
}

void Watchdog::begin_waiting(const std::string& where, bool failed_here) {
  const std::scoped_lock lock(mutex_);
  where_ = where;
  if (failed_here) board_.places[static_cast<std::size_t>(rank_)].failed_since = now_ms();
}

void Watchdog::end_waiting() {
  const std::scoped_lock lock(mutex_);
  where_.clear();
  board_.places[static_cast<std::size_t>(rank_)].failed_since = 0;
}

bool Watchdog::someone_gave_up() const {
  const std::int64_t patience = scaled(std::chrono::milliseconds(patience_after_failure)).count();
  for (int r = 0; r < size_; ++r) {
    const std::int64_t since = board_.places[static_cast<std::size_t>(r)].failed_since;
    if (since != 0 && now_ms() - since > patience) return true;
  }
  return false;
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, poll_interval);
    if (stopping_) return;
    tell_crash();
    if (Clock::now() >= deadline_) {
      std::ostringstream reason;
      reason << "the time limit of " << static_cast<double>(limit_.count()) / 1000.0
             << " s is over";
      expire(reason.str());
    }
    if (someone_gave_up()) {
      expire("a rank failed, left the test and waited in vain for the others");
    }
    if (board_.expired) expire("another rank ran out of time");
  }
}

/// Called with mutex_ held, which is never given back: the main thread stays where it is.
void Watchdog::expire(const std::string& reason) {
  board_.expired = true;
  signal(SIGALRM, [](int) { _exit(exit_timed_out); });
  alarm(last_resort_seconds);  // should naming the frames hang, say in the dynamic linker's lock
  print_stack(reason);
  board_.places[static_cast<std::size_t>(rank_)].printed = true;
  wait_for_other_stacks();
  _exit(exit_timed_out);
}

void Watchdog::print_stack(const std::string& reason) {
  const Stack stack = stack_of(main_thread_, stack_patience);
  std::ostringstream text;
  text << "\n[rank " << rank_ << " of " << size_ << "] " << what_ << ": " << reason
       << "; this rank is " << (where_.empty() ? "inside it" : where_) << '\n'
       << notes_;
  if (stack.depth > 0) {
    text << describe(stack);
  } else {
    text << "  (its main thread does not answer)\n";
  }
  write_all(STDERR_FILENO, text.str());
}

/// The first process that exits takes the others with it: mpiexec ends them.
void Watchdog::wait_for_other_stacks() const {
  const auto deadline = Clock::now() + others_patience;
  while (Clock::now() < deadline) {
    bool all = true;
    for (int r = 0; r < size_; ++r) {
      all = all && board_.places[static_cast<std::size_t>(r)].printed;
    }
    if (all) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

namespace {

enum class CrashState { none, taken, told };

std::atomic<CrashState> crash_state{CrashState::none};
Stack crash_stack;
int crash_signal = 0;

/// The heap may be what broke, so this thread only takes its stack; the watchdog names the frames.
/// Should that not come about, the raw addresses are written here.
void crash(int number) {
  crash_signal = number;
  crash_stack = stack_here();
  crash_state = CrashState::taken;
  const auto deadline = Watchdog::Clock::now() + crash_patience;
  while (crash_state != CrashState::told && Watchdog::Clock::now() < deadline) usleep(10000);
  if (crash_state != CrashState::told) write_raw(crash_stack, STDERR_FILENO);
  raise(number);  // SA_RESETHAND: the default action ends the process with this signal
}

}  // namespace

void Watchdog::tell_crash() {
  if (crash_state != CrashState::taken) return;
  std::ostringstream text;
  text << "\n[rank " << rank_ << " of " << size_ << "] " << what_ << ": fatal signal "
       << crash_signal << " (" << strsignal(crash_signal) << ")\n"
       << describe(crash_stack);
  write_all(STDERR_FILENO, text.str());
  crash_state = CrashState::told;
}

void report_crashes() {
#if defined(__SANITIZE_ADDRESS__)
  return;  // the sanitizer's own report says more
#endif
  // A stack that overflowed cannot run its own handler.
  static std::array<char, std::size_t{64} * 1024> alternate;
  stack_t stack{};
  stack.ss_sp = alternate.data();
  stack.ss_size = alternate.size();
  sigaltstack(&stack, nullptr);
  struct sigaction action{};
  action.sa_handler = &crash;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_ONSTACK);
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    sigaction(number, &action, nullptr);
  }
}

}  // namespace matrass::test
