// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The pool of large blocks, and storage on it.
/// Next: tests/cpp/matrix/test_dist_matrix.cpp
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <matrass/matrix/storage.hpp>
#include <thread>
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

TEST(MemoryPool, ManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (std::size_t k = 1; k < 60; ++k) {
        const auto block = MemoryPool::instance().allocate((k % 7 + 1) * mega, false);
        block.get()[0] = static_cast<std::byte>(t);
        block.get()[mega] = static_cast<std::byte>(t);
        std::this_thread::yield();
        EXPECT_EQ(block.get()[0], static_cast<std::byte>(t));
        EXPECT_EQ(block.get()[mega - 1], block.get()[mega - 1]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
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
