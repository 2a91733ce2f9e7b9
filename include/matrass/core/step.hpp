// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Between two steps of a long routine: who watches it hears how far it is, and may end it.
/// Next: core/types.hpp
#pragma once

#include <chrono>
#include <functional>

namespace matrass {

/// Called by routines of this thread between their steps, on every rank; what it throws on one rank
/// ends the routine on all. Empty where nobody watches.
/// Its argument is how much is done, from 0 to 1, or negative where that is not known.
inline std::function<void(double)>& step_watcher() {
  thread_local std::function<void(double)> watcher;
  return watcher;
}

/// Says that a step is done, at most 20 times a second. To be called inside an agreement
/// (mpi::throw_together), by every rank: then what the watcher throws is thrown by all.
inline void mark_step(double done = -1) {
  using Clock = std::chrono::steady_clock;
  thread_local Clock::time_point next{};
  auto& watcher = step_watcher();
  if (!watcher) return;
  const auto now = Clock::now();
  if (now < next) return;
  next = now + std::chrono::milliseconds(50);
  watcher(done);
}

}  // namespace matrass
