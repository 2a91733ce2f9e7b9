// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// From 64 bits to 32, and integer division that rounds as it should.
/// Next: tests/cpp/layout/test_axis.cpp
#include <gtest/gtest.h>

#include <limits>
#include <matrass/core/narrow.hpp>
#include <string>

namespace matrass {
namespace {

TEST(Narrow, KeepsWhatFits) {
  constexpr Index most = std::numeric_limits<int>::max();
  for (const Index value : {Index{0}, Index{1}, most - 1, most})
    EXPECT_EQ(narrow(value, "x"), value);
}

TEST(Narrow, RefusesTheRestAndNamesIt) {
  constexpr Index most = std::numeric_limits<int>::max();
  for (const Index value : {Index{-1}, most + 1, Index{1} << 32, std::numeric_limits<Index>::max(),
                            std::numeric_limits<Index>::min()}) {
    try {
      narrow(value, "matmul: local rows");
      ADD_FAILURE() << value;
    } catch (const InvalidArgument& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("matmul: local rows"), std::string::npos) << text;
      EXPECT_NE(text.find(std::to_string(value)), std::string::npos) << text;
    }
  }
}

TEST(Division, RoundsUpAndDown) {
  for (Index a = 0; a < 50; ++a) {
    for (Index b = 1; b < 12; ++b) {
      const Index up = ceil_div(a, b);
      EXPECT_TRUE(up * b >= a && (up - 1) * b < a) << a << " " << b;
    }
  }
  for (Index a = -50; a < 50; ++a) {
    for (Index b = 1; b < 12; ++b) {
      EXPECT_TRUE(floor_mod(a, b) >= 0 && floor_mod(a, b) < b) << a << " " << b;
      EXPECT_EQ(floor_div(a, b) * b + floor_mod(a, b), a);
    }
  }
}

}  // namespace
}  // namespace matrass
