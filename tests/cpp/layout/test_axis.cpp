// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// One dealt axis against ScaLAPACK's own index functions, and beyond what 32 bits can say.
/// Next: tests/cpp/layout/test_distribution.cpp
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <matrass/layout/axis.hpp>

#include "support/reference.hpp"

extern "C" {
// ScaLAPACK TOOLS: 1-based indices; the second-last arguments of indxg2l and indxl2g are not read.
int numroc_(const int* n, const int* nb, const int* iproc, const int* isrcproc, const int* nprocs);
int indxg2p_(const int* index, const int* nb, const int* iproc, const int* isrcproc,
             const int* nprocs);
int indxg2l_(const int* index, const int* nb, const int* iproc, const int* isrcproc,
             const int* nprocs);
int indxl2g_(const int* index, const int* nb, const int* iproc, const int* isrcproc,
             const int* nprocs);
}

namespace matrass {
namespace {

/// Calls f(axis) for every combination that is small enough to look at each index.
template <class F>
void for_each_small_axis(F&& f) {
  for (const Index extent : {0, 1, 2, 3, 7, 13, 64, 65, 130}) {
    for (const Index block : {1, 2, 3, 5, 64, 200}) {
      for (int nprocs = 1; nprocs <= 6; ++nprocs) {
        for (int source = 0; source < nprocs; ++source) {
          f(BlockCyclicAxis{extent, block, nprocs, source, 0});
        }
      }
    }
  }
}

std::string name(const BlockCyclicAxis& x) {
  return "extent " + std::to_string(x.extent) + " block " + std::to_string(x.block) + " nprocs " +
         std::to_string(x.nprocs) + " source " + std::to_string(x.source) + " first " +
         std::to_string(x.first);
}

TEST(BlockCyclicAxis, AgreesWithScaLAPACKOnEveryIndex) {
  for_each_small_axis([](const BlockCyclicAxis& x) {
    const int nb = static_cast<int>(x.block);
    const int extent = static_cast<int>(x.extent);
    const int zero = 0;
    for (int i = 0; i < extent; ++i) {
      const int one_based = i + 1;
      const int p = indxg2p_(&one_based, &nb, &zero, &x.source, &x.nprocs);
      const int local = indxg2l_(&one_based, &nb, &zero, &x.source, &x.nprocs);
      ASSERT_EQ(x.owner(i), p) << name(x) << " i " << i;
      ASSERT_EQ(x.local_index(i), local - 1) << name(x) << " i " << i;
      ASSERT_EQ(x.global_index(local - 1, p), i) << name(x) << " i " << i;
      ASSERT_EQ(indxl2g_(&local, &nb, &p, &x.source, &x.nprocs), one_based) << name(x);
    }
    for (int p = 0; p < x.nprocs; ++p) {
      ASSERT_EQ(x.local_extent(p), numroc_(&extent, &nb, &p, &x.source, &x.nprocs))
          << name(x) << " place " << p;
    }
  });
}

TEST(BlockCyclicAxis, DealsAsByHand) {
  for_each_small_axis([](const BlockCyclicAxis& x) {
    const std::vector<int> dealt = test::deal(x.extent, x.block, x.nprocs, x.source);
    std::map<int, std::vector<Index>> of_place;
    for (Index i = 0; i < x.extent; ++i) of_place[dealt[static_cast<std::size_t>(i)]].push_back(i);
    Index most = 0;
    for (int p = 0; p < x.nprocs; ++p) {
      ASSERT_EQ(x.global_indices(p), of_place[p]) << name(x) << " place " << p;
      most = std::max(most, static_cast<Index>(of_place[p].size()));
    }
    ASSERT_EQ(x.largest_local_extent(), most) << name(x);
  });
}

TEST(BlockCyclicAxis, ExampleOfTheDocumentation) {
  const BlockCyclicAxis x{5, 2, 2, 0, 0};
  EXPECT_EQ(x.global_indices(0), (std::vector<Index>{0, 1, 4}));
  EXPECT_EQ(x.global_indices(1), (std::vector<Index>{2, 3}));
}

TEST(BlockCyclicAxis, SliceKeepsEveryIndexAtItsPlaceAndInOrder) {
  for (const Index block : {1, 2, 3, 5, 20}) {
    for (int nprocs = 1; nprocs <= 4; ++nprocs) {
      const BlockCyclicAxis whole{17, block, nprocs, nprocs - 1, 0};
      for (Index begin = 0; begin <= 17; ++begin) {
        for (Index end = begin; end <= 17; ++end) {
          const BlockCyclicAxis part = whole.slice(begin, end);
          ASSERT_EQ(part.extent, end - begin);
          for (int p = 0; p < nprocs; ++p) {
            std::vector<Index> expected;
            for (const Index i : whole.global_indices(p)) {
              if (i >= begin && i < end) expected.push_back(i - begin);
            }
            ASSERT_EQ(part.global_indices(p), expected)
                << name(whole) << " [" << begin << ", " << end << ") place " << p;
            for (std::size_t k = 0; k < expected.size(); ++k) {
              ASSERT_EQ(part.owner(expected[k]), p);
              ASSERT_EQ(part.local_index(expected[k]), static_cast<Index>(k)) << name(part);
            }
          }
        }
      }
    }
  }
}

TEST(BlockCyclicAxis, SliceOfASliceIsASlice) {
  const BlockCyclicAxis whole{40, 3, 4, 2, 0};
  for (Index a = 0; a <= 40; a += 3) {
    for (Index b = a; b <= 40; b += 2) {
      for (Index c = 0; c <= b - a; c += 5) {
        const BlockCyclicAxis twice = whole.slice(a, b).slice(c, b - a);
        const BlockCyclicAxis once = whole.slice(a + c, b);
        for (int p = 0; p < 4; ++p) ASSERT_EQ(twice.global_indices(p), once.global_indices(p));
      }
    }
  }
}

TEST(BlockCyclicAxis, IndicesBeyond32Bits) {
  const Index extent = (Index{1} << 40) + 12345;
  for (const Index block : {Index{1}, Index{64}, Index{1000003}, extent / 6 + 1, 2 * extent}) {
    const BlockCyclicAxis x{extent, block, 6, 5, 0};
    Index sum = 0;
    for (int p = 0; p < 6; ++p) sum += x.local_extent(p);
    EXPECT_EQ(sum, extent) << name(x);
    for (const Index i : {Index{0}, block - 1, extent / 3, extent - 2, extent - 1}) {
      if (i >= extent) continue;
      const int p = x.owner(i);
      EXPECT_EQ(p, static_cast<int>((i / block + 5) % 6)) << name(x) << " i " << i;
      EXPECT_EQ(x.global_index(x.local_index(i), p), i) << name(x);
      EXPECT_LT(x.local_index(i), x.local_extent(p)) << name(x);
    }
  }
}

TEST(BlockCyclicAxis, WorksAtCompileTime) {
  constexpr BlockCyclicAxis x{10, 3, 2, 0, 0};
  static_assert(x.owner(3) == 1 && x.local_index(6) == 3 && x.local_extent(1) == 4);
  SUCCEED();
}

/// Where a view lies within one block, it does not matter where in the block it begins.
TEST(BlockCyclicAxis, SliceWithinOneBlockBeginsABlock) {
  constexpr BlockCyclicAxis whole{17, 5, 3, 2, 0};
  static_assert(whole.slice(6, 9) == BlockCyclicAxis{3, 5, 3, 0, 0});
  static_assert(whole.slice(6, 10) == BlockCyclicAxis{4, 5, 3, 0, 0});
  static_assert(whole.slice(6, 11) == BlockCyclicAxis{5, 5, 3, 0, 1});
  static_assert(whole.slice(10, 17) == BlockCyclicAxis{7, 5, 3, 1, 0});
  static_assert(whole.slice(7, 7) == BlockCyclicAxis{0, 5, 3, 0, 0});
  static_assert(whole.slice(6, 17).slice(0, 4) == whole.slice(6, 10));
  static_assert(whole.slice(6, 17).slice(3, 5) == BlockCyclicAxis{2, 5, 3, 0, 4});
  for (const Index block : {1, 2, 3, 5, 20}) {
    const BlockCyclicAxis x{17, block, 3, 1, 0};
    for (Index begin = 0; begin <= 17; ++begin) {
      for (Index end = begin; end <= 17; ++end) {
        const bool one_block = begin == end || begin / block == (end - 1) / block;
        const BlockCyclicAxis part = x.slice(begin, end);
        ASSERT_EQ(part.first, one_block ? 0 : begin % block) << name(x) << " from " << begin;
        ASSERT_EQ(part.source, static_cast<int>((begin / block + 1) % 3)) << name(x);
      }
    }
  }
}

}  // namespace
}  // namespace matrass
