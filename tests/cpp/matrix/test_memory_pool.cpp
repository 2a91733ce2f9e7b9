// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The pool of large blocks, and storage on it.
/// Next: tests/cpp/matrix/test_dist_matrix.cpp
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <matrass/matrix/storage.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "support/child.hpp"

namespace matrass {
namespace {

using namespace test;

constexpr std::size_t mega = std::size_t{1} << 20U;

TEST(MemoryPool, GivesZerosWhereAsked) {
  MemoryPool& pool = MemoryPool::instance();
  for (int k = 0; k < 4; ++k) {  // fresh the first time, used later
    const auto block = pool.allocate(3 * mega, true);
    for (std::size_t i = 0; i < 3 * mega; i += 511) ASSERT_EQ(block.get()[i], std::byte{0});
    std::fill_n(block.get(), 3 * mega, std::byte{0xff});
  }
}

TEST(MemoryPool, CountsAndReuses) {
  MemoryPool& pool = MemoryPool::instance();
  pool.trim();
  EXPECT_EQ(pool.use().kept, 0U);
  const std::size_t before = pool.use().in_use;
  const std::byte* first = nullptr;
  {
    const auto block = pool.allocate(8 * mega, false);
    first = block.get();
    EXPECT_GE(pool.use().in_use, before + 8 * mega);
    EXPECT_GE(pool.use().peak, pool.use().in_use);
  }
  EXPECT_EQ(pool.use().in_use, before);
  EXPECT_GE(pool.use().kept, 8 * mega);
  EXPECT_EQ(pool.allocate(8 * mega, false).get(), first);
  const std::size_t kept = pool.use().kept;
  EXPECT_EQ(pool.trim(), kept);
  EXPECT_EQ(pool.use().kept, 0U);
  EXPECT_EQ(pool.trim(), 0U);
}

TEST(MemoryPool, ThePeakCanBeReset) {
  MemoryPool& pool = MemoryPool::instance();
  const std::size_t before = pool.use().in_use;
  pool.allocate(16 * mega, false);
  EXPECT_GE(pool.use().peak, before + 16 * mega);
  pool.reset_peak();
  EXPECT_EQ(pool.use().peak, before);
  const auto block = pool.allocate(mega, false);
  EXPECT_EQ(pool.use().peak, before + mega);
}

TEST(MemoryPool, RefusesBeyondItsLimitAndSaysHowMuchIsMissing) {
  MemoryPool& pool = MemoryPool::instance();
  pool.set_limit(pool.use().in_use + 10 * mega);
  try {
    pool.allocate(100 * mega, false);
    ADD_FAILURE();
  } catch (const MemoryLimitError& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find("memory: 105 MB (104857600 bytes) do not fit: 94.4 MB missing (limit "), 0U)
        << text;
  }
  EXPECT_NO_THROW(pool.allocate(8 * mega, false));
  pool.set_limit(std::numeric_limits<std::size_t>::max());
  EXPECT_NO_THROW(pool.allocate(100 * mega, false));
}

TEST(MemoryPool, WhatTheSystemCannotGiveIsAnError) {
  EXPECT_THROW(MemoryPool::instance().allocate(std::size_t{1} << 60U, false), MemoryLimitError);
  EXPECT_EQ(MemoryPool::instance().use().in_use % mega, 0U);
}

/// Sizes whose bytes do not fit the address space must not wrap around into small ones.
TEST(Storage, AbsurdSizesAreRefused) {
  for (const Index size :
       {Index{1} << 61, (Index{1} << 61) + 1, std::numeric_limits<Index>::max()}) {
    ASSERT_THROW(Storage<double>::allocate(size, false), MemoryLimitError) << size;
    ASSERT_THROW(Storage<double>::allocate(size, true), MemoryLimitError) << size;
  }
}

TEST(MemoryPool, KeepsNoMoreThanAsked) {
  MemoryPool& pool = MemoryPool::instance();
  pool.trim();
  pool.set_keep(4 * mega);
  {
    const auto block = pool.allocate(64 * mega, false);
  }
  EXPECT_LE(pool.use().kept, 4 * mega);
  pool.set_keep(std::size_t{1} << 30U);
}

/// Bytes of memory that the pool's file has; what its books say where it has none.
std::size_t in_memory() {
  const MemoryPool& pool = MemoryPool::instance();
  struct stat file{};
  if (!pool.arena().shared()) return pool.use().in_use + pool.use().kept;
  EXPECT_EQ(::fstat(static_cast<int>(pool.arena().ticket().file), &file), 0);
  return static_cast<std::size_t>(file.st_blocks) * 512;
}

bool all_are(const std::byte* at, std::size_t size, std::byte value) {
  return std::all_of(at, at + size, [&](std::byte x) { return x == value; });
}

TEST(MemoryPool, WhatIsFreedAndAskedForAgainHasTheSameAddress) {
  MemoryPool& pool = MemoryPool::instance();
  for (const std::size_t size : {std::size_t{1}, 5000 * mega / 4096, 3 * mega, 17 * mega + 3}) {
    const auto below = pool.allocate(mega, false);
    auto block = pool.allocate(size, false);
    const auto above = pool.allocate(mega, false);
    const std::byte* const first = block.get();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 4096, 0U);
    for (int k = 0; k < 10; ++k) {
      block.reset();
      if (k % 3 == 2) pool.trim();
      block = pool.allocate(size, k % 2 == 0);
      ASSERT_EQ(block.get(), first) << size << " bytes, round " << k;
    }
  }
}

/// Pages that are new, kept, or trimmed and new again, and blocks that begin and end within a page
/// of which the rest is in use.
TEST(MemoryPool, ZerosAreZerosWhateverThePagesHaveSeen) {
  MemoryPool& pool = MemoryPool::instance();
  const std::byte used{0xff};
  for (int round = 0; round < 6; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const auto below = pool.allocate(mega / 2, false);
    auto block = pool.allocate(9 * mega + 12345, false);
    const auto above = pool.allocate(mega / 2, false);
    std::fill_n(below.get(), mega / 2, used);
    std::fill_n(block.get(), 9 * mega + 12345, used);
    std::fill_n(above.get(), mega / 2, used);
    block.reset();
    if (round % 2 == 0) pool.trim();
    block = pool.allocate(9 * mega + 12345, true);
    EXPECT_TRUE(all_are(block.get(), 9 * mega + 12345, std::byte{0}));
    EXPECT_TRUE(all_are(below.get(), mega / 2, used));
    EXPECT_TRUE(all_are(above.get(), mega / 2, used));
  }
}

/// Pages that the system does not take back, as a program's that locks its memory.
TEST(MemoryPool, PagesThatCannotBeGivenBackAreNotTakenForNewOnes) {
  MemoryPool& pool = MemoryPool::instance();
  pool.trim();
  auto block = pool.allocate(6 * mega, false);
  std::byte* const at = block.get();
  std::fill_n(at, 6 * mega, std::byte{0xff});
  if (::mlock(at, 6 * mega) != 0) GTEST_SKIP() << "the limit of locked memory is too low";
  block.reset();
  pool.trim();
  block = pool.allocate(6 * mega, true);
  EXPECT_EQ(block.get(), at);
  EXPECT_TRUE(all_are(at, 6 * mega, std::byte{0}));
  ::munlock(at, 6 * mega);
}

TEST(MemoryPool, TrimGivesMemoryBackToTheSystem) {
  MemoryPool& pool = MemoryPool::instance();
  pool.trim();
  const std::size_t before = in_memory();
  auto low = pool.allocate(16 * mega, false);
  const auto middle = pool.allocate(16 * mega, false);
  auto high = pool.allocate(16 * mega, false);
  EXPECT_GE(in_memory(), before + 48 * mega);
  low.reset();
  high.reset();
  EXPECT_GE(pool.use().kept, 32 * mega);
  pool.trim();
  EXPECT_LE(in_memory(), before + 20 * mega);  // `middle` need not begin with a page
  EXPECT_LE(pool.use().kept, 4 * mega);
}

TEST(MemoryPool, KeepsTheLowestPages) {
  MemoryPool& pool = MemoryPool::instance();
  pool.trim();
  const std::size_t before = in_memory();
  pool.set_keep(8 * mega);
  std::byte* at = nullptr;
  {
    const auto block = pool.allocate(32 * mega, false);
    at = block.get();
    std::fill_n(at, 32 * mega, std::byte{1});
  }
  EXPECT_LE(in_memory(), before + 8 * mega);
  EXPECT_GE(pool.use().kept, 6 * mega);
  EXPECT_EQ(at[4 * mega], std::byte{1});
  pool.set_keep(0);
  EXPECT_EQ(pool.use().kept, 0U);
  EXPECT_EQ(in_memory(), before);
  pool.set_keep(std::size_t{1} << 30U);
}

TEST(MemoryPool, ARefusalLeavesThePoolAsItWas) {
  MemoryPool& pool = MemoryPool::instance();
  pool.trim();
  const MemoryUse before = pool.use();
  const std::size_t memory = in_memory();
  pool.set_limit(before.in_use + 4 * mega);
  EXPECT_THROW(pool.allocate(5 * mega, true), MemoryLimitError);
  pool.set_limit(std::numeric_limits<std::size_t>::max());
  EXPECT_THROW(pool.allocate(std::size_t{1} << 45U, true), MemoryLimitError);
  EXPECT_EQ(pool.use().in_use, before.in_use);
  EXPECT_EQ(pool.use().peak, before.peak);
  EXPECT_EQ(in_memory(), memory);
  EXPECT_NO_THROW(pool.allocate(5 * mega, true));
}

/// The pages are the parent's: what the child frees and trims, by its books of the time of the
/// fork, the parent may have given out again.
TEST(MemoryPool, AForkedProcessCannotDamageItsParents) {
  MemoryPool& pool = MemoryPool::instance();
  pool.trim();
  auto block = pool.allocate(8 * mega, false);
  std::fill_n(block.get(), 8 * mega, std::byte{1});
  {
    const auto kept = pool.allocate(8 * mega, false);  // free when the child is made
  }
  std::array<int, 2> go{};
  ASSERT_EQ(::pipe(go.data()), 0);
  Child child([&]() -> std::string {
    char ready = 0;
    if (::read(go[0], &ready, 1) != 1) return "the parent is gone";
    block.reset();
    pool.trim();
    pool.set_keep(0);
    pool.set_limit(0);
    if (pool.use().in_use != 0 || pool.trim() != 0) return "it has memory";
    pool.allocate(8 * mega, true);
    return "it got memory";
  });
  const auto again = pool.allocate(8 * mega, false);
  std::fill_n(again.get(), 8 * mega, std::byte{2});
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  EXPECT_EQ(child.text(), "memory: a forked process has none of its own");
  EXPECT_TRUE(all_are(block.get(), 8 * mega, std::byte{1}));
  EXPECT_TRUE(all_are(again.get(), 8 * mega, std::byte{2}));
  EXPECT_NE(block.get(), again.get());
  ::close(go[0]);
  ::close(go[1]);
}

/// Blocks of four threads, two of each at a time: what a thread writes everywhere in its own must
/// still be there after the others have written in theirs.
TEST(MemoryPool, ManyThreads) {
  const std::size_t before = MemoryPool::instance().use().in_use;
  std::atomic<int> damaged{0};
  const auto each = [](const std::shared_ptr<std::byte>& block, std::size_t size, auto&& visit) {
    for (std::size_t at = 0; at < size; at += 4093) visit(block.get()[at]);
    visit(block.get()[size - 1]);
  };
  const auto work = [&](std::size_t thread) {
    std::shared_ptr<std::byte> last;
    std::size_t last_size = 0;
    std::byte last_mark{};
    for (std::size_t k = 1; k < 60; ++k) {
      const std::size_t size = ((k + thread) % 7 + 1) * mega;
      const auto mark = static_cast<std::byte>(thread * 60 + k);  // nobody else's
      auto block = MemoryPool::instance().allocate(size, false);
      each(block, size, [&](std::byte& x) { x = mark; });
      std::this_thread::yield();
      if (last) each(last, last_size, [&](std::byte x) { damaged += x == last_mark ? 0 : 1; });
      each(block, size, [&](std::byte x) { damaged += x == mark ? 0 : 1; });
      last = std::move(block);
      last_size = size;
      last_mark = mark;
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) threads.emplace_back(work, t);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(damaged, 0);
  EXPECT_EQ(MemoryPool::instance().use().in_use, before);
}

TEST(Storage, IsAlignedAndZero) {
  for (const Index size : {0, 1, 3, 1000, 100'000, 1'000'000}) {
    const auto storage = Storage<float>::allocate(size, true);
    EXPECT_EQ(storage.size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(storage.data()) % 64, 0U);
    for (Index k = 0; k < size; ++k) ASSERT_EQ(storage.data()[k], 0.0F);
    EXPECT_FALSE(storage.adopted());
  }
}

TEST(Storage, AdoptedMemoryIsItsOwners) {
  auto owner = std::make_shared<std::vector<double>>(10, 1.5);
  const std::weak_ptr<std::vector<double>> watched = owner;
  {
    double* const data = owner->data();
    const auto storage = Storage<double>::adopt(std::move(owner), data, 10);
    const Storage<double> copy = storage;
    EXPECT_TRUE(copy.adopted());
    EXPECT_EQ(copy.data(), data);
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace matrass
