// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A redistribution in a loop: results come and go in the same warm pages, and nothing is mapped
/// anew. Next: tests/cpp/redistribute/test_tiles.cpp
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <matrass/redistribute/redistribute.hpp>

#include "support/matrices.hpp"
#include "support/paths.hpp"

namespace matrass {
namespace {

using namespace test;

constexpr Shape shape{4096, 2048};  // 64 MB of doubles
constexpr int warm_up = 3;
constexpr int rounds = 10;
/// A part of 32 MB in new pages of 4 KB would be 8192 faults, in huge ones 16, each round. Under
/// AddressSanitizer what the heap gives is fresh for a while.
#ifdef __SANITIZE_ADDRESS__
constexpr long few_faults = 1024;
#else
constexpr long few_faults = 64;
#endif

/// Pages that this process had to wait for so far.
long faults() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  return use.ru_minflt;
}

void expect_warm(const ProcessGrid& grid, Path path, Layout to, const LayoutOptions& options) {
  const TakePath taken(path);
  const auto a = oracle_matrix<double>(grid, shape, VC_STAR);
  const MemoryPool& pool = MemoryPool::instance();
  MemoryUse before;
  long faults_before = 0;
  for (int round = 0; round < warm_up + rounds; ++round) {
    if (round == warm_up) {
      before = pool.use();
      faults_before = faults();
    }
    const auto b = redistribute(a, to, options);
    ASSERT_EQ(b.shape(), shape);
  }
  EXPECT_LE(faults() - faults_before, few_faults);
  EXPECT_EQ(pool.use().in_use, before.in_use);
  EXPECT_EQ(pool.use().kept, before.kept);
  EXPECT_EQ(pool.use().peak, before.peak);
  expect_oracle(redistribute(a, to, options));
}

TEST(Warm, TenMoreRoundsNeedNoNewPages) {
  set_time_limit(std::chrono::seconds(240));
  const ProcessGrid grid(world());
  const std::vector<std::pair<Path, std::string>> paths{{Path::automatic, "automatic"},
                                                        {Path::push, "push"},
                                                        {Path::pull, "pull"},
                                                        {Path::message, "message"}};
  for (const auto& [path, name] : paths) {
    SCOPED_TRACE(name);
    expect_warm(grid, path, STAR_VR, {});
    expect_warm(grid, path, VC_STAR, {.block = Block{1, 1}});
  }
}

}  // namespace
}  // namespace matrass
