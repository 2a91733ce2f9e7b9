// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Numbers of bytes as people read them. tests/python/memory/test_pool.py has the same table.
/// Next: tests/cpp/core/test_log.cpp
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <matrass/core/shown.hpp>
#include <string>
#include <utility>
#include <vector>

namespace matrass {
namespace {

TEST(Shown, HasSixSignificantDigits) {
  const std::vector<std::pair<double, std::string>> table{
      {0.1, "0.1"},         {1e-10, "1e-10"}, {-1.0 / 3, "-0.333333"}, {1.5e300, "1.5e+300"},
      {123456.7, "123457"}, {64, "64"},       {HUGE_VAL, "inf"},
  };
  for (const auto& [number, text] : table) EXPECT_EQ(shown(number), text);
}

TEST(ShownBytes, HasThreeSignificantDigits) {
  const std::vector<std::pair<std::uint64_t, std::string>> table{
      {0, "0 bytes"},
      {1, "1 byte"},
      {512, "512 bytes"},
      {999, "999 bytes"},
      {1000, "1 kB"},
      {1004, "1 kB"},
      {1005, "1.01 kB"},
      {1500, "1.5 kB"},
      {9994, "9.99 kB"},
      {9995, "10 kB"},
      {32768, "32.8 kB"},
      {99950, "100 kB"},
      {999'499, "999 kB"},
      {999'500, "1 MB"},
      {2'097'152, "2.1 MB"},
      {268'435'456, "268 MB"},
      {1'073'741'824, "1.07 GB"},
      {1'500'000'000, "1.5 GB"},
      {12'000'000'000, "12 GB"},
      {1'000'000'000'000, "1 TB"},
      {std::uint64_t{1} << 50U, "1.13 PB"},
      {std::numeric_limits<std::uint64_t>::max(), "18.4 EB"},
  };
  for (const auto& [bytes, text] : table) EXPECT_EQ(shown_bytes(bytes), text) << bytes;
}

TEST(ShownBytes, TheExactNumberStandsBesideIt) {
  EXPECT_EQ(shown_bytes_exactly(1'073'741'824), "1.07 GB (1073741824 bytes)");
  EXPECT_EQ(shown_bytes_exactly(512), "512 bytes");
}

}  // namespace
}  // namespace matrass
