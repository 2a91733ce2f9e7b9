// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Sizes of memory for people.
/// Next: core/log.hpp
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

namespace matrass {

/// "512 bytes", "1.07 GB": decimal units, three significant digits.
inline std::string shown_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " bytes";
  constexpr std::array<const char*, 6> units{"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  std::snprintf(text.data(), text.size(), "%.*f %s", digits, value, units[unit]);
  return text.data();
}

}  // namespace matrass
