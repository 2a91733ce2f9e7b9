// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Cache lines: where the next one begins, and writing whole ones from any elements.
/// Next: tests/cpp/redistribute/test_weave.cpp
#include <gtest/gtest.h>

#include <complex>
#include <matrass/redistribute/lines.hpp>

#include "support/guarded.hpp"

namespace matrass::detail {
namespace {

using namespace test;

template <class T>
class Lines : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(Lines, Scalars);

TYPED_TEST(Lines, TheNextOneBeginsAtAMultipleOfItsSize) {
  using T = TypeParam;
  alignas(cache_line) std::array<T, 3 * line_of<T>> memory{};
  for (Index k = 0; k <= line_of<T>; ++k) {
    const T* const to = memory.data() + k;
    const Index before = (line_of<T> - k) % line_of<T>;
    EXPECT_EQ(starts_line(to), before == 0);
    for (Index length = 0; length < 2 * line_of<T>; ++length) {
      EXPECT_EQ(to_next_line(to, length), std::min(length, before)) << k << " " << length;
    }
  }
}

template <class T>
class ComplexLines : public testing::Test {};
using ComplexScalars = testing::Types<std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(ComplexLines, ComplexScalars);

/// Elements in memory that is aligned for their parts only: no line begins with one, and what is
/// left of a line is rounded up.
TYPED_TEST(ComplexLines, HalfElementsDoNotStartOne) {
  using T = TypeParam;
  alignas(cache_line) std::array<T, 3 * line_of<T>> memory{};
  for (Index k = 0; k < line_of<T>; ++k) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(memory.data() + k);
    const auto* const to = reinterpret_cast<const T*>(bytes + sizeof(T) / 2);
    EXPECT_FALSE(starts_line(to));
    EXPECT_EQ(to_next_line(to, 100), line_of<T> - k);
    EXPECT_FALSE(starts_line(to + to_next_line(to, 100)));
  }
}

/// Elements that lie anywhere, backwards too, become a line; nothing beside it changes.
TYPED_TEST(Lines, AreWrittenFromElementsAnywhere) {
  using T = TypeParam;
  const Index line = line_of<T>;
  for (const Index stride : {1, 2, 3, 7, 100, -1, -5}) {
    for (Index misplaced = 0; misplaced < 2; ++misplaced) {
      const Numbers<T> from(line * 100 + 1);
      const T* const first = from.data() + misplaced + (stride < 0 ? -stride * (line - 1) : 0);
      const auto at = [&](Index k) { return first + k * stride; };
      for (const bool past_cache : {true, false}) {
        Guarded<T> to(line, 0);
        if (past_cache) {
          write_line<Write::past_cache>(at, to.data());
        } else {
          write_line<Write::cached>(at, to.data());
        }
        finish_writing();
        to.expect([&](Index k) { return *at(k); });
      }
      if (stride != 1) continue;
      Guarded<T> to(line, 0);
      write_line_past_cache(first, to.data());
      finish_writing();
      to.expect([&](Index k) { return first[k]; });
    }
  }
}

}  // namespace
}  // namespace matrass::detail
