// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The fault tests' C interface for ctypes: a native watcher, and ScaLAPACK in a Scope.
/// Next: tests/python/guard/rank.py
#include <mpi.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "matrass/mpi/guard.hpp"
#include "routines.hpp"

namespace guard = matrass::guard;

namespace {

using Clock = std::chrono::steady_clock;
std::atomic<Clock::rep> flag_set_at{0};
matrass::test::Problem problem;

/// Nanoseconds that the main thread was ready to run and other work had its core; 0 if not known.
long long waited_for_a_core() {
  long long ran = 0, waited = 0;
  std::ifstream("/proc/self/schedstat") >> ran >> waited;
  return waited;
}

std::atomic<long long> waited_before_flag{0};

void watch(int fd) {
  std::array<char, 256> reason{};
  pollfd waiting{fd, POLLIN, 0};
  while (poll(&waiting, 1, -1) < 0) {
  }
  const auto length = read(fd, reason.data(), reason.size() - 1);
  waited_before_flag = waited_for_a_core();
  flag_set_at = Clock::now().time_since_epoch().count();
  guard::interrupt(guard::Kind::rank_lost, length > 0 ? reason.data() : "the controller went away");
}

void copy(const std::string& text, char* out, int size) {
  std::strncpy(out, text.c_str(), static_cast<std::size_t>(size) - 1);
  out[size - 1] = '\0';
}

}  // namespace

extern "C" {

/// Starts the thread that sets the flag, with the line read from `fd` as the reason. It needs no
/// GIL.
__attribute__((visibility("default"))) void shim_watch(int fd) { std::thread(watch, fd).detach(); }

/// Seconds since the flag was set, less those in which this process had no core to run on (the
/// tests' deadline is about the guard, not about how busy the machine is); negative if it is not
/// set.
__attribute__((visibility("default"))) double shim_seconds_since_flag() {
  const auto set_at = flag_set_at.load();
  if (set_at == 0) return -1;
  const std::chrono::duration<double> passed{
      Clock::duration(Clock::now().time_since_epoch().count() - set_at)};
  const double starved = 1e-9 * static_cast<double>(waited_for_a_core() - waited_before_flag);
  return std::max(0.0, passed.count() - starved);
}

/// A clock in seconds that stands still while this process is ready and has no core.
__attribute__((visibility("default"))) double shim_clock() {
  const std::chrono::duration<double> now = Clock::now().time_since_epoch();
  return now.count() - 1e-9 * static_cast<double>(waited_for_a_core());
}

/// How many buffers are kept because abandoned messages may touch them.
__attribute__((visibility("default"))) int shim_quarantined() {
  return static_cast<int>(guard::quarantined());
}

__attribute__((visibility("default"))) void shim_grid(int n, int block) {
  const guard::Scope scope;
  problem = matrass::test::make_problem(n, block);
}

/// Runs a routine in a Scope. 0: it returned, `*info` is ScaLAPACK's and `text` what it said;
/// 1: Interrupted; 2: Aborted; `text` is the exception's.
__attribute__((visibility("default"))) int shim_run(const char* name, int* info, char* text,
                                                    int size) {
  try {
    const guard::Scope scope;
    *info = matrass::test::routines().at(name)(problem);
    copy(guard::take_text(), text, size);
    return 0;
  } catch (const guard::Interrupted& e) {
    copy(e.what(), text, size);
    return 1;
  } catch (const guard::Aborted& e) {
    *info = e.code();
    copy(e.what(), text, size);
    return 2;
  }
}
}
