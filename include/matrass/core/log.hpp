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

/// Writes a line to standard error.
inline void log_to_stderr(const std::string& line) {
  std::fprintf(stderr, "matrass: %s\n", line.c_str());
}

/// Where log lines go: standard error unless set, before other threads log. Python sets its logger
/// "matrass". Any thread may call it, also two at a time.
inline std::function<void(const std::string&)>& log_sink() {
  static std::function<void(const std::string&)> sink = log_to_stderr;
  return sink;
}

namespace detail {
/// Whether this process has not logged `line` before.
inline bool is_news(const std::string& line) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::scoped_lock lock(mutex);
  return said.insert(line).second;
}
}  // namespace detail

/// Logs a line unless this process has logged the same one before. The sink runs under no lock of
/// ours: it may wait for another thread that logs, or log itself.
inline void log_once(const std::string& line) {
  if (detail::is_news(line) && log_sink()) log_sink()(line);
}

}  // namespace matrass
