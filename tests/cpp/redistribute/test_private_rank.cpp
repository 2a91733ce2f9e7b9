// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// One rank whose memory nobody can map: its node knows, says so once, and exchanges messages.
/// A program of its own, for memory is shared or not from its first use on.
/// Next: tests/cpp/redistribute/test_tiles.cpp
#include <gtest/gtest.h>

#include <cstdlib>
#include <matrass/redistribute/redistribute.hpp>

#include "support/matrices.hpp"

namespace matrass {
namespace {

using namespace test;

constexpr int private_rank = 1;

TEST(PrivateRank, ItsNodeExchangesMessagesAndTheOthersDoNot) {
  if (world_size() <= private_rank) GTEST_SKIP() << "needs 2 ranks";
  if (world_rank() == private_rank) ::setenv("MATRASS_SHARED_MEMORY", "off", 1);
  std::vector<std::string> said;
  log_sink() = [&](const std::string& line) { said.push_back(line); };
  const ProcessGrid grid(world());
  const NodeMemory& node = NodeMemory::of(grid.comm());
  EXPECT_EQ(MemoryPool::instance().arena().shared(), world_rank() != private_rank);
  const bool in_its_node = node.node().has(private_rank);
  EXPECT_EQ(node.shared(), !in_its_node || node.node().size() == 1);

  for (const auto& [from, to] : std::vector<std::pair<Layout, Layout>>{
           {VC_STAR, MC_MR}, {MC_MR, STAR_VC}, {MC_MR, STAR_STAR}, {STAR_VR, MR_MC}}) {
    const auto a = oracle_matrix<double>(grid, {403, 397}, from);  // large enough to be shared
    expect_oracle(redistribute(a, to));
    expect_oracle(redistribute(a, to, {.block = Block{1, 1}}));
    expect_oracle(a);
  }

  const bool speaks =
      in_its_node && node.node().size() > 1 && world_rank() == node.node().ranks.front();
  ASSERT_EQ(said.size(), speaks ? 1U : 0U);
  if (!speaks) return;
  const std::string word = "messages: the memory of process ";
  EXPECT_NE(said.front().find(word), std::string::npos) << said.front();
}

}  // namespace
}  // namespace matrass
