// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The memory of other processes: ranks of a node see each other's bytes, whatever was mapped
/// before; what is no arena, or belongs to a process that is gone, does no harm.
/// Next: tests/cpp/redistribute/test_private_rank.cpp
#include <gtest/gtest.h>

#include <algorithm>
#include <matrass/matrix/node_memory.hpp>

#include "support/child.hpp"
#include "support/mpi_test.hpp"

namespace matrass {
namespace {

using namespace test;

constexpr std::size_t mega = std::size_t{1} << 20U;

std::byte mark(int rank, int round) { return static_cast<std::byte>(1 + rank + 10 * round); }

std::size_t offset_of(const std::shared_ptr<std::byte>& block) {
  return static_cast<std::size_t>(block.get() - MemoryPool::instance().arena().base());
}

bool all_are(const std::byte* at, std::size_t size, std::byte value) {
  return std::all_of(at, at + size, [&](std::byte x) { return x == value; });
}

/// What a rank tells of a block of its own.
struct Place {
  std::size_t offset;
  std::size_t reach;
};

/// Every rank of the node reads a block of `size` bytes of every other, and writes a byte there.
void see_each_other(const NodeMemory& node, std::size_t size, int round) {
  const auto block = MemoryPool::instance().allocate(size, false);
  const auto ranks = static_cast<std::size_t>(node.node().size());
  int me = 0;
  MPI_Comm_rank(node.node().comm, &me);
  std::fill_n(block.get(), size, mark(me, round));
  const auto places = node.exchange(Place{offset_of(block), MemoryPool::instance().reach()});
  for (std::size_t k = 0; k < ranks; ++k) {
    const std::byte* at = node.at(node.node().ranks[k], places[k].offset, places[k].reach);
    EXPECT_TRUE(all_are(at, size, mark(static_cast<int>(k), round))) << "of rank " << k;
  }
  node.wait_for_all();
  for (std::size_t k = 0; k < ranks; ++k) {
    std::byte* at = node.at(node.node().ranks[k], places[k].offset, places[k].reach);
    at[static_cast<std::size_t>(me) * 4096] = mark(me, round + 1);
    at[size - 1 - static_cast<std::size_t>(me)] = mark(me, round + 1);
  }
  node.wait_for_all();
  for (std::size_t k = 0; k < ranks; ++k) {
    EXPECT_EQ(block.get()[k * 4096], mark(static_cast<int>(k), round + 1));
    EXPECT_EQ(block.get()[size - 1 - k], mark(static_cast<int>(k), round + 1));
  }
  node.wait_for_all();
}

TEST(NodeMemory, RanksSeeEachOthersBytes) {
  for_each_rank_count([](MPI_Comm user) {
    const mpi::Communicator comm(user);
    const NodeMemory& node = NodeMemory::of(comm);
    ASSERT_TRUE(node.shared()) << MemoryPool::instance().arena().why_private();
    EXPECT_EQ(&node, &NodeMemory::of(comm));
    see_each_other(node, 3 * mega, 1);
    see_each_other(node, 40'000, 3);  // pages that were used before
    MemoryPool::instance().trim();
    see_each_other(node, 3 * mega, 5);  // and pages that are new again
  });
}

TEST(NodeMemory, AMappingGrowsAndWhatWasMappedBeforeStays) {
  const mpi::Communicator comm(world());
  const NodeMemory& node = NodeMemory::of(comm);
  ASSERT_TRUE(node.shared());
  std::vector<std::shared_ptr<std::byte>> blocks;
  std::vector<std::vector<const std::byte*>> seen;  // by round and rank
  for (int round = 0; round < 6; ++round) {
    const std::size_t size = mega << static_cast<unsigned>(round);
    blocks.push_back(MemoryPool::instance().allocate(size, false));
    std::fill_n(blocks.back().get(), size, mark(comm.rank(), round));
    const auto places =
        node.exchange(Place{offset_of(blocks.back()), MemoryPool::instance().reach()});
    seen.emplace_back();
    for (int rank = 0; rank < comm.size(); ++rank) {
      const Place& place = places[static_cast<std::size_t>(rank)];
      seen.back().push_back(node.at(rank, place.offset, place.reach));
      EXPECT_EQ(seen.back().back()[size - 1], mark(rank, round));
    }
    for (int before = 0; before <= round; ++before) {
      for (int rank = 0; rank < comm.size(); ++rank) {
        EXPECT_EQ(*seen[static_cast<std::size_t>(before)][static_cast<std::size_t>(rank)],
                  mark(rank, before));
      }
    }
    node.wait_for_all();
  }
}

TEST(NodeMemory, IsThatOfTheRanksOfOneNode) {
  const int before = mpi::ranks_per_node();
  for_each_rank_count([](MPI_Comm user) {
    const mpi::Communicator comm(user);
    for (const int each : {1, 2, 4}) {
      SCOPED_TRACE(std::to_string(each) + " ranks per node");
      mpi::ranks_per_node() = each;
      NodeMemory node(comm);
      EXPECT_EQ(node.node().ranks.front(), comm.rank() / each * each);
      EXPECT_EQ(node.node().size(), std::min(each, comm.size() - node.node().ranks.front()));
      EXPECT_TRUE(node.shared());
      see_each_other(node, 100'000, 1);
      node.free();
    }
  });
  mpi::ranks_per_node() = before;
}

TEST(NodeMemory, ExchangesListsOfAnyLength) {
  for_each_rank_count([](MPI_Comm user) {
    const mpi::Communicator comm(user);
    const NodeMemory& node = NodeMemory::of(comm);
    std::vector<std::int64_t> counts;
    std::vector<std::int64_t> expected;
    for (int rank = 0; rank < comm.size(); ++rank) {
      counts.push_back(rank % 3);
      for (int k = 0; k < rank % 3; ++k) expected.push_back(100 * rank + k);
    }
    std::vector<std::int64_t> mine;
    for (int k = 0; k < comm.rank() % 3; ++k) mine.push_back(100 * comm.rank() + k);
    EXPECT_EQ(node.exchange(mine, counts), expected);
  });
}

/// A process may have ended, and its number or its descriptor may be another one's by now.
TEST(PeerArena, OpensOnlyWhatTheTicketMeans) {
  const std::size_t capacity = 8 * Arena::page;
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  Child child([&]() -> std::string {
    const Arena arena(capacity, true);
    const ArenaTicket ticket = arena.ticket();
    if (::write(pipe[1], &ticket, sizeof ticket) != sizeof ticket) return "not told";
    ::pause();
    return "";
  });
  ArenaTicket ticket;
  ASSERT_EQ(::read(pipe[0], &ticket, sizeof ticket), static_cast<::ssize_t>(sizeof ticket));
  EXPECT_TRUE(PeerArena(ticket).open());
  const auto opens = [&](auto&& change) {
    ArenaTicket changed = ticket;
    change(changed);
    return PeerArena(changed).open();
  };
  EXPECT_FALSE(opens([](ArenaTicket& t) { ++t.secret; }));
  EXPECT_FALSE(opens([](ArenaTicket& t) { t.file = -1; }));
  EXPECT_FALSE(opens([](ArenaTicket& t) { t.file = 0; }));
  EXPECT_FALSE(opens([](ArenaTicket& t) { t.file = 12345; }));
  EXPECT_FALSE(opens([](ArenaTicket& t) { t.pid = 1 << 30; }));
  child.kill();
  EXPECT_FALSE(PeerArena(ticket).open());
  ::close(pipe[0]);
  ::close(pipe[1]);
}

/// Its memory would live as long as anybody maps it.
TEST(PeerArena, FreesTheMemoryOfAProcessThatIsGoneAndNoOther) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  Child child([&]() -> std::string {
    Arena arena(16 * Arena::page, true);
    if (!arena.populate(Arena::page, 4 * Arena::page)) return "no pages";
    std::fill_n(arena.base() + Arena::page, 4 * Arena::page, std::byte{7});
    const ArenaTicket ticket = arena.ticket();
    if (::write(pipe[1], &ticket, sizeof ticket) != sizeof ticket) return "not told";
    ::pause();
    return "";
  });
  ArenaTicket ticket;
  ASSERT_EQ(::read(pipe[0], &ticket, sizeof ticket), static_cast<::ssize_t>(sizeof ticket));
  PeerArena arena(ticket);
  ASSERT_TRUE(arena.open());
  const std::byte* const at = arena.at(Arena::page, 5 * Arena::page);
  ASSERT_NE(at, nullptr);
  arena.free_if_orphan();
  EXPECT_TRUE(all_are(at, 4 * Arena::page, std::byte{7}));
  child.kill();
  EXPECT_TRUE(all_are(at, 4 * Arena::page, std::byte{7})) << "mapped memory outlives its process";
  arena.free_if_orphan();
  EXPECT_TRUE(all_are(at, 4 * Arena::page, std::byte{0}));
  arena.close();
  EXPECT_FALSE(arena.open());
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(PeerArena, SaysWhenThereAreNoAddresses) {
  Arena arena(std::size_t{1} << 32U, true);
  ASSERT_TRUE(arena.shared());
  const ArenaTicket ticket = arena.ticket();
  EXPECT_EQ(in_child([&]() -> std::string {  // another process than the ticket's
              PeerArena peer(ticket);
              if (!peer.open()) return "not opened";
              limit_to(RLIMIT_AS, addresses_in_use() + 64 * Arena::page);
              if (peer.at(0, std::size_t{1} << 31U) != nullptr) return "mapped";
              return peer.at(0, 8 * Arena::page) != nullptr ? "refused" : "closed";
            }),
            "refused");
}

}  // namespace
}  // namespace matrass
