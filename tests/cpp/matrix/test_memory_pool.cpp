// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The pool of large blocks, and storage on it.
/// Next: tests/cpp/matrix/test_dist_matrix.cpp
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <matrass/matrix/storage.hpp>
#include <thread>
#include <utility>
#include <vector>

namespace matrass {
namespace {

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
  pool.trim();
  EXPECT_EQ(pool.use().kept, 0U);
}

TEST(MemoryPool, RefusesBeyondItsLimitAndSaysHowMuchIsMissing) {
  MemoryPool& pool = MemoryPool::instance();
  pool.set_limit(pool.use().in_use + 10 * mega);
  try {
    pool.allocate(100 * mega, false);
    ADD_FAILURE();
  } catch (const MemoryLimitError& error) {
    EXPECT_NE(std::string(error.what()).find("missing"), std::string::npos) << error.what();
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
