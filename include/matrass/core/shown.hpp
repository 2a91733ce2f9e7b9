// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Numbers as people read them: 1e-10, (3, 4), 1.5 GB.
/// Next: core/log.hpp
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <matrass/core/types.hpp>
#include <string>

namespace matrass {

/// A number in a message, to six significant digits: "0.1", "1.79769e+308".
inline std::string shown(double number) {
  std::array<char, 32> text{};
  char* const end =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::general, 6)
          .ptr;
  return {text.data(), end};
}

/// A place in a matrix, or its extents.
inline std::string shown(Index i, Index j) {
  return "(" + std::to_string(i) + ", " + std::to_string(j) + ")";
}

inline std::string shown(Shape shape) { return shown(shape.rows, shape.cols); }

/// "512 bytes", and from 1000 on three significant digits in decimal units: "1.5 GB", "268 MB".
/// matrass/pool.py has the same rule.
inline std::string shown_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
  constexpr std::array units{"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
  // bytes = digits * 10^power with digits in [100, 999], rounded.
  std::uint64_t step = 1;
  std::size_t power = 0;
  for (; bytes / step >= 1000; step *= 10) ++power;
  std::uint64_t digits = bytes / step + (bytes % step * 2 >= step ? 1 : 0);
  if (digits == 1000) {
    digits = 100;
    ++power;
  }
  constexpr std::array divisors{100.0, 10.0, 1.0};  // places before the point: 1, 2, 3
  const double number = static_cast<double>(digits) / divisors[(power + 2) % 3];
  return shown(number) + " " + units[(power + 2) / 3];
}

/// The same with the number itself, for programs: "1.07 GB (1073741824 bytes)".
inline std::string shown_bytes_exactly(std::uint64_t bytes) {
  if (bytes < 1000) return shown_bytes(bytes);
  return shown_bytes(bytes) + " (" + std::to_string(bytes) + " bytes)";
}

}  // namespace matrass
