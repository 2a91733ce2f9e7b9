// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The addresses of local parts: pages that come as zeros and go, files that others map, and what
/// is left where the system refuses these.
/// Next: tests/cpp/matrix/test_memory_pool.cpp
#include <gtest/gtest.h>

#include <algorithm>
#include <matrass/matrix/arena.hpp>
#include <vector>

#include "support/child.hpp"

namespace matrass {
namespace {

using namespace test;

constexpr std::size_t page = Arena::page;

/// Bytes of [offset, offset + size) that are in memory.
std::size_t resident(const Arena& arena, std::size_t offset, std::size_t size) {
  constexpr std::size_t unit = 4096;
  std::vector<unsigned char> pages(size / unit);
  EXPECT_EQ(::mincore(arena.base() + offset, size, pages.data()), 0);
  return unit * static_cast<std::size_t>(std::count_if(pages.begin(), pages.end(),
                                                       [](unsigned char p) { return p % 2 == 1; }));
}

/// Bytes of memory that the arena's file has.
std::size_t in_file(const Arena& arena) {
  struct stat file{};
  EXPECT_EQ(::fstat(static_cast<int>(arena.ticket().file), &file), 0);
  return static_cast<std::size_t>(file.st_blocks) * 512;
}

bool all_are(const std::byte* at, std::size_t size, std::byte value) {
  return std::all_of(at, at + size, [&](std::byte x) { return x == value; });
}

TEST(Arena, IsAFileThatWhoHasTheTicketCanMap) {
  const Arena arena(32 * page, true);
  ASSERT_TRUE(arena.shared()) << arena.why_private();
  EXPECT_EQ(arena.why_private(), "");
  EXPECT_EQ(arena.capacity(), 32 * page);
  EXPECT_EQ(arena.reserved(), page);
  const ArenaTicket ticket = arena.ticket();
  EXPECT_EQ(ticket.pid, ::getpid());
  EXPECT_EQ(ticket.capacity, arena.capacity());

  std::byte* const mapped = Arena::map(2 * page, static_cast<int>(ticket.file));
  ASSERT_NE(mapped, nullptr);
  EXPECT_EQ(std::memcmp(mapped, &ticket.secret, sizeof ticket.secret), 0);
  arena.base()[page + 17] = std::byte{5};
  EXPECT_EQ(mapped[page + 17], std::byte{5});
  mapped[page + 18] = std::byte{6};
  EXPECT_EQ(arena.base()[page + 18], std::byte{6});
  ::munmap(mapped, 2 * page);
}

TEST(Arena, IsPrivateWhereNobodyAsked) {
  const Arena arena(32 * page, false);
  EXPECT_FALSE(arena.shared());
  EXPECT_EQ(arena.capacity(), 32 * page);
  EXPECT_EQ(arena.reserved(), 0U);
  EXPECT_EQ(arena.ticket().file, -1);
}

TEST(Arena, EachHasASecretOfItsOwn) {
  const Arena one(4 * page, true);
  const Arena other(4 * page, true);
  ASSERT_TRUE(one.shared() && other.shared());
  EXPECT_NE(one.ticket().secret, other.ticket().secret);
}

TEST(Arena, HasWholePagesAtAddressesThatSuitHugeOnes) {
  for (const bool shared : {true, false}) {
    const Arena arena(7 * page + 4096, shared);
    EXPECT_EQ(arena.capacity(), 7 * page);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena.base()) % page, 0U);
    EXPECT_TRUE(arena.contains(arena.base()));
    EXPECT_TRUE(arena.contains(arena.base() + 7 * page - 1));
    EXPECT_FALSE(arena.contains(arena.base() + 7 * page));
    EXPECT_FALSE(arena.contains(arena.base() - 1));
  }
}

TEST(Arena, WithoutAddressesContainsNothing) {
  for (const bool shared : {true, false}) {
    const Arena arena(page - 1, shared);
    EXPECT_EQ(arena.capacity(), 0U);
    EXPECT_FALSE(arena.shared());
    EXPECT_FALSE(arena.contains(&arena));
    EXPECT_FALSE(arena.contains(nullptr));
  }
}

/// Addresses cost nothing: an arena is far larger than memory.
TEST(Arena, HasNoPagesBeforePopulate) {
  for (const bool shared : {true, false}) {
    const Arena arena(std::size_t{1} << 40U, shared);
    EXPECT_EQ(arena.capacity(), std::size_t{1} << 40U);
    EXPECT_EQ(resident(arena, page, 64 * page), 0U);
    if (shared) {
      EXPECT_LE(in_file(arena), page);
    }
  }
}

TEST(Arena, PagesComeAsZerosAndGo) {
  for (const bool shared : {true, false}) {
    SCOPED_TRACE(shared ? "shared" : "private");
    Arena arena(32 * page, shared);
    std::byte* const at = arena.base() + 4 * page;
    for (int round = 0; round < 3; ++round) {
      ASSERT_TRUE(arena.populate(4 * page, 3 * page));
      EXPECT_EQ(resident(arena, 4 * page, 3 * page), 3 * page);
      EXPECT_TRUE(all_are(at, 3 * page, std::byte{0}));
      std::fill_n(at, 3 * page, std::byte{0xff});
      arena.discard(5 * page, page);
      EXPECT_EQ(resident(arena, 4 * page, 3 * page), 2 * page);
      EXPECT_TRUE(all_are(at, page, std::byte{0xff}));
      EXPECT_TRUE(all_are(at + 2 * page, page, std::byte{0xff}));
      ASSERT_TRUE(arena.populate(5 * page, page));
      EXPECT_TRUE(all_are(at + page, page, std::byte{0}));
      arena.discard(4 * page, 3 * page);
      EXPECT_EQ(resident(arena, 4 * page, 3 * page), 0U);
    }
  }
}

TEST(Arena, DiscardTakesThePagesFromAllWhoHaveMappedThem) {
  Arena arena(32 * page, true);
  ASSERT_TRUE(arena.shared());
  const std::size_t before = in_file(arena);
  std::byte* const mapped = Arena::map(8 * page, static_cast<int>(arena.ticket().file));
  ASSERT_NE(mapped, nullptr);
  ASSERT_TRUE(arena.populate(2 * page, 4 * page));
  EXPECT_EQ(in_file(arena), before + 4 * page);
  std::fill_n(mapped + 2 * page, 4 * page, std::byte{7});
  arena.discard(2 * page, 4 * page);
  EXPECT_EQ(in_file(arena), before);
  EXPECT_TRUE(all_are(mapped + 2 * page, 4 * page, std::byte{0}));
  ::munmap(mapped, 8 * page);
}

/// The arena that a limited process gets, in words: "private 7 pages: why".
std::string described(std::size_t capacity) {
  Arena arena(capacity, true);
  if (arena.base() == nullptr) return "none: " + arena.why_private();
  const bool usable =
      arena.populate(0, page) && (arena.base()[page - 1] = std::byte{1}) == std::byte{1};
  return std::string(arena.shared() ? "shared " : "private ") +
         std::to_string(arena.capacity() / page) + " pages" + (usable ? "" : ", unusable") + ": " +
         arena.why_private();
}

TEST(Arena, ALimitOfFileSizesMakesItPrivate) {
  EXPECT_EQ(in_child([] {
              limit_to(RLIMIT_FSIZE, 1U << 20U);
              return described(64 * page);
            }),
            "private 64 pages: the limit of file sizes (ulimit -f) is too low");
  EXPECT_EQ(in_child([] {
              limit_to(RLIMIT_FSIZE, 64 * page);
              return described(64 * page);
            }),
            "shared 64 pages: ");
}

TEST(Arena, WithoutADescriptorItIsPrivate) {
  EXPECT_EQ(in_child([] {
              limit_to(RLIMIT_NOFILE, 3);
              return described(64 * page);
            }),
            "private 64 pages: memfd_create: Too many open files");
}

/// It takes what is there: a half, a quarter, ... of what it should have been.
TEST(Arena, WithFewAddressesItIsSmaller) {
  EXPECT_EQ(in_child([] {
              limit_to(RLIMIT_AS, addresses_in_use() + 40 * page);
              return described(256 * page);
            }),
            "private 32 pages: mmap: Cannot allocate memory");
  EXPECT_EQ(in_child([] {
              limit_to(RLIMIT_AS, addresses_in_use() + page);
              return described(256 * page);
            }),
            "none: mmap: Cannot allocate memory");
}

}  // namespace
}  // namespace matrass
