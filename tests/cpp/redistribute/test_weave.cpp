// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Dealing a stretch out to several and putting it together again: against a plain loop, for every
/// number of lanes, length and place in a cache line.
/// Next: tests/cpp/redistribute/test_walk.cpp
#include <gtest/gtest.h>

#include <complex>
#include <cstdlib>
#include <deque>
#include <matrass/redistribute/weave.hpp>

#include "support/guarded.hpp"

namespace matrass::detail {
namespace {

using namespace test;

constexpr Index most_lanes = most_interleaved;
constexpr Index longest = 200;

template <class T>
class Weave : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(Weave, Scalars);

template <class T>
void expect_interleaved(Index lanes, Index length, Index offset) {
  SCOPED_TRACE(std::to_string(lanes) + " lanes, length " + std::to_string(length) + ", offset " +
               std::to_string(offset));
  std::deque<Numbers<T>> numbers;
  std::vector<const T*> from;
  for (Index lane = 0; lane < lanes; ++lane) {
    numbers.emplace_back((length + lanes - 1) / lanes + 1, 1000 * lane + 1);
    from.push_back(numbers.back().data() + lane % 2);  // sources are anywhere in their lines
  }
  const auto expected = [&](Index k) {
    return from[static_cast<std::size_t>(k % lanes)][k / lanes];
  };
  Guarded<T> cached(length, offset);
  interleave<Write::cached, T>(from, cached.data(), length);
  cached.expect(expected);
  Guarded<T> past_cache(length, offset);
  interleave<Write::past_cache, T>(from, past_cache.data(), length);
  finish_writing();
  past_cache.expect(expected);
}

TYPED_TEST(Weave, InterleavesAnyLanesLengthsAndPlaces) {
  using T = TypeParam;
  set_time_limit(std::chrono::seconds(240));
  for (Index lanes = 1; lanes <= most_lanes; ++lanes) {
    for (Index length = 0; length <= longest; ++length) {
      for (Index offset = 0; offset < line_of<T>; ++offset) {
        expect_interleaved<T>(lanes, length, offset);
        if (this->HasFailure()) return;
      }
    }
  }
}

/// Many periods: of 15 lanes of floats one has 240 elements.
TYPED_TEST(Weave, InterleavesLongStretches) {
  for (Index lanes = 1; lanes <= most_lanes; ++lanes) {
    for (const Index length : {2000, 2053}) expect_interleaved<TypeParam>(lanes, length, lanes % 3);
  }
}

/// One stretch of memory dealt out to `lanes` targets, each of which begins at its own place in a
/// line. With `stride` = lanes they share the source out between them.
template <class T>
void expect_gathered(Index lanes, Index length, Index stride, Index offset) {
  SCOPED_TRACE(std::to_string(lanes) + " lanes, length " + std::to_string(length) + ", stride " +
               std::to_string(stride) + ", offset " + std::to_string(offset));
  const Numbers<T> source(std::abs(stride) * (length + 1) + lanes);
  std::deque<Guarded<T>> targets;
  std::vector<Thread<T>> threads;
  for (Index lane = 0; lane < lanes; ++lane) {
    const Index own_length = std::max<Index>(0, length - lane % 3);  // the last ones end earlier
    targets.emplace_back(own_length, (offset + lane * 3) % line_of<T>);
    const T* const first = source.data() + lane + (stride < 0 ? -stride * length : 0);
    threads.push_back({first, stride, targets.back().data(), own_length});
  }
  gather_together<T>(threads);
  finish_writing();
  for (std::size_t lane = 0; lane < threads.size(); ++lane) {
    targets[lane].expect([&](Index k) { return threads[lane].from[k * stride]; });
  }
}

TYPED_TEST(Weave, GathersAnyLanesLengthsAndPlaces) {
  using T = TypeParam;
  set_time_limit(std::chrono::seconds(240));
  for (Index lanes = 1; lanes <= most_lanes; ++lanes) {
    for (Index length = 0; length <= longest; ++length) {
      for (Index offset = 0; offset < line_of<T>; ++offset) {
        expect_gathered<T>(lanes, length, lanes, offset);
        if (this->HasFailure()) return;
      }
    }
  }
}

TYPED_TEST(Weave, GathersWithAnyStride) {
  for (const Index stride : {1, 2, 5, 64, 100, -1, -3, -64}) {
    for (Index lanes = 1; lanes <= most_lanes; lanes += 3) {
      for (const Index length : {1, 17, 63, 64, 65, 199}) {
        expect_gathered<TypeParam>(lanes, length, stride, length % 5);
      }
    }
  }
}

template <class T>
class ComplexWeave : public testing::Test {};
using ComplexScalars = testing::Types<std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(ComplexWeave, ComplexScalars);

/// In memory that is aligned for their parts only, where no line begins with an element.
TYPED_TEST(ComplexWeave, HalfElements) {
  using T = TypeParam;
  constexpr Index length = 100;
  Guarded<T> to(length + 1, 0);
  auto* const half = reinterpret_cast<T*>(reinterpret_cast<std::byte*>(to.data()) + sizeof(T) / 2);
  const Numbers<T> a(length);
  const Numbers<T> b(length, 1000);
  const auto expect = [&](Index stride, const auto& expected) {
    for (Index k = 0; k < length; ++k) {
      ASSERT_EQ(half[k], expected(k)) << "stride " << stride << " element " << k;
    }
  };
  const std::array<const T*, 2> from{a.data(), b.data()};
  interleave<Write::past_cache, T>(from, half, length);
  finish_writing();
  expect(2, [&](Index k) { return from[static_cast<std::size_t>(k % 2)][k / 2]; });
  const Thread<T> thread{a.data(), 1, half, length};
  gather_together<T>({&thread, 1});
  finish_writing();
  expect(1, [&](Index k) { return a.data()[k]; });
}

}  // namespace
}  // namespace matrass::detail
