// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What a user should know but need not handle: said once, where the application wants it.
/// Next: grid/grid_map.hpp or mpi/check.hpp
#pragma once

#include <cstdio>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace matrass {

/// Where log lines go: standard error unless set. Python sets its logger "matrass".
inline std::function<void(const std::string&)>& log_sink() {
  static std::function<void(const std::string&)> sink = [](const std::string& line) {
    std::fprintf(stderr, "matrass: %s\n", line.c_str());
  };
  return sink;
}

/// Logs a line unless this process has logged the same one before.
inline void log_once(const std::string& line) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::scoped_lock lock(mutex);
  if (said.insert(line).second && log_sink()) log_sink()(line);
}

}  // namespace matrass
