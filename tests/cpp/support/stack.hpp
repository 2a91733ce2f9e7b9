// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The C++ stack of a thread, taken in a signal handler and named later by another thread.
/// Next: tests/cpp/support/watchdog.hpp
#pragma once

#include <pthread.h>

#include <array>
#include <chrono>
#include <string>

namespace matrass::test {

/// Return addresses, innermost first.
struct Stack {
  std::array<void*, 64> frames{};
  int depth = 0;
};

/// Loads what unwinding needs and installs the signal handler, so that taking a stack allocates
/// nothing later.
void prepare_stacks();

/// Stops `thread` by a signal and takes its stack.
/// @returns depth 0 when the thread did not answer in time (it blocks all signals, or the process
/// is stopped)
Stack stack_of(pthread_t thread, std::chrono::milliseconds patience);

/// The stack of the caller; safe in a signal handler after prepare_stacks().
Stack stack_here();

/// What the interrupted code was doing, for a stack taken in a signal handler. One line a frame:
/// function, file and line by addr2line where the module has them, else symbol + offset. Allocates
/// and starts a process: not for signal handlers.
std::string describe(const Stack& stack);

/// Symbol + offset of each frame, written at once to a file descriptor; allocates nothing.
void write_raw(const Stack& stack, int file);

}  // namespace matrass::test
