// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// How much memory this process could still get: Linux promises more than there is.
/// Next: matrix/arena.hpp
#pragma once

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <limits>
#include <string>

namespace matrass::detail {

/// The first number in a file; `otherwise` where there is none ("max", no such file).
inline std::size_t number_in(const char* path, std::size_t otherwise) {
  std::ifstream file(path);
  std::size_t value = 0;
  return file >> value ? value : otherwise;
}

/// MemAvailable of the machine, and what the container's limit leaves; in bytes. Pages that are
/// promised but not touched yet, of this process or another, are not seen.
inline std::size_t available_memory() {
  constexpr std::size_t unknown = std::numeric_limits<std::size_t>::max();
  std::size_t machine = unknown;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string name; meminfo >> name;) {
    if (name == "MemAvailable:") {
      std::size_t kilobytes = 0;
      if (meminfo >> kilobytes) machine = kilobytes * 1024;
      break;
    }
  }
  const std::size_t limit = number_in("/sys/fs/cgroup/memory.max", unknown);
  const std::size_t used = number_in("/sys/fs/cgroup/memory.current", 0);
  const std::size_t container = limit == unknown ? unknown : limit - std::min(limit, used);
  return std::min(machine, container);
}

}  // namespace matrass::detail
