// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The cache of plans: what is known, what is dropped, several threads.
/// Next: tests/cpp/redistribute/test_exchange.cpp
#include <gtest/gtest.h>

#include <matrass/redistribute/plan_cache.hpp>
#include <thread>
#include <vector>

namespace matrass {
namespace {

/// A matrix of `columns` columns on the 2 x 3 grid.
Distribution matrix(Layout layout, Index columns = 8) {
  return {{{2, 3}, GridOrder::column_major, 6}, {20, columns}, layout, {.block = Block{2, 2}}};
}

TEST(PlanCache, KnowsAPlanAgain) {
  PlanCache cache;
  const auto first = cache(matrix(MC_MR), matrix(VC_STAR), 1);
  EXPECT_EQ(cache.hits(), 0U);
  EXPECT_EQ(cache(matrix(MC_MR), matrix(VC_STAR), 1), first);
  EXPECT_EQ(cache.hits(), 1U);
  EXPECT_EQ(first->elements_received(), plan_cost(matrix(MC_MR), matrix(VC_STAR), 1).received);
}

/// Every part of the key counts.
TEST(PlanCache, TakesNothingForTheSame) {
  PlanCache cache;
  const auto plan = cache(matrix(MC_MR), matrix(VC_STAR), 1);
  const Distribution row_major({{2, 3}, GridOrder::row_major, 6}, {20, 8}, MC_MR,
                               {.block = Block{2, 2}});
  EXPECT_NE(cache(matrix(MC_MR), matrix(VC_STAR), 2), plan);
  EXPECT_NE(cache(matrix(VC_STAR), matrix(MC_MR), 1), plan);
  EXPECT_NE(cache(row_major, matrix(VC_STAR), 1), plan);
  EXPECT_NE(cache(matrix(MC_MR, 9).slice(0, 20, 1, 9), matrix(VC_STAR), 1), plan);
  EXPECT_EQ(cache.hits(), 0U);
  EXPECT_EQ(cache.size(), 5U);
}

TEST(PlanCache, DropsThePlanThatWasUsedLongestAgo) {
  PlanCache cache(2);
  const auto get = [&](Index columns) {
    return cache(matrix(MC_MR, columns), matrix(VC_STAR, columns), 0);
  };
  get(1);
  get(2);
  get(1);
  get(3);  // drops 2
  EXPECT_EQ(cache.hits(), 1U);
  get(1);
  EXPECT_EQ(cache.hits(), 2U);
  get(2);
  EXPECT_EQ(cache.hits(), 2U);
  EXPECT_EQ(cache.size(), 2U);
}

/// A plan on 6 ranks has 12 streams.
TEST(PlanCache, KeepsNoMoreThanItsWeight) {
  PlanCache none(64, 11);
  none(matrix(MC_MR), matrix(VC_STAR), 0);
  EXPECT_EQ(none.size(), 0U);
  PlanCache some(64, 200);
  for (Index columns = 1; columns < 30; ++columns) {
    some(matrix(MC_MR, columns), matrix(VC_STAR, columns), 0);
  }
  EXPECT_GT(some.size(), 0U);
  EXPECT_LT(some.size(), 17U);
}

TEST(PlanCache, PlansLiveOnWhenItIsCleared) {
  PlanCache cache;
  const auto plan = cache(matrix(MC_MR), matrix(VC_STAR), 1);
  cache.clear();
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(plan.use_count(), 1);
  EXPECT_NE(cache(matrix(MC_MR), matrix(VC_STAR), 1), plan);
}

TEST(PlanCache, ThreadsShareOnePlan) {
  PlanCache cache(4);
  constexpr int rounds = 200;
  std::vector<std::thread> threads;
  for (int n = 0; n < 4; ++n) {
    threads.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) {
        const Index columns = 1 + k % 5;  // more than it keeps
        const auto plan = cache(matrix(MC_MR, columns), matrix(VC_STAR, columns), 1);
        EXPECT_EQ(plan->sends[1].size + plan->elements_received(),
                  matrix(VC_STAR, columns).local_shape(1).size());
        if (k % 50 == 0) cache.clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.size(), 4U);
}

TEST(PlanCache, TheProcessHasOne) {
  plan_cache().clear();
  const auto before = plan_cache().hits();
  const auto plan = cached_plan(matrix(STAR_VR), matrix(MR_MC), 3);
  EXPECT_EQ(cached_plan(matrix(STAR_VR), matrix(MR_MC), 3), plan);
  EXPECT_EQ(plan_cache().hits(), before + 1);
}

}  // namespace
}  // namespace matrass
