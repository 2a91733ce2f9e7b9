// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Transfers in pieces of the largest count: what MPI is really given, seen by a program that
/// stands before MPI_Isend and MPI_Irecv. Next: tests/cpp/redistribute/test_redistribute.cpp
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <matrass/redistribute/redistribute.hpp>

#include "support/matrices.hpp"
#include "support/paths.hpp"

namespace {

/// Since the last reset.
struct Messages {
  int largest = 0;
  int number = 0;

  void add(int count) {
    largest = std::max(largest, count);
    ++number;
  }
};

Messages sent;
Messages received;

/// The function of this name in the libraries: the guard's.
template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {
int MPI_Isend(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request* request) {
  static const auto real = next<decltype(&MPI_Isend)>("MPI_Isend");
  sent.add(count);
  return real(data, count, type, to, tag, comm, request);
}
int MPI_Irecv(void* data, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
              MPI_Request* request) {
  static const auto real = next<decltype(&MPI_Irecv)>("MPI_Irecv");
  received.add(count);
  return real(data, count, type, from, tag, comm, request);
}
}

namespace matrass {
namespace {

using namespace test;

/// While it lives no call gets more than this many elements.
class LargestCount {
 public:
  explicit LargestCount(Index count) { mpi::largest_count() = count; }
  ~LargestCount() { mpi::largest_count() = before_; }
  LargestCount(const LargestCount&) = delete;
  LargestCount& operator=(const LargestCount&) = delete;

 private:
  Index before_ = mpi::largest_count();
};

constexpr Shape shape{200, 300};

/// Rows to columns: each pair of ranks exchanges about 60,000 / p^2 elements.
void check_rounds(const ProcessGrid& grid, Index largest) {
  const auto a = oracle_matrix<double>(grid, shape, VC_STAR);
  const DistMatrix<double> b(grid, shape, STAR_VC);
  const auto move = detail::make_move(a, b);
  const auto& exchange = move.first();
  Index longest = 0;
  Index messages_out = 0;
  Index messages_in = 0;
  for (int peer = 0; peer < grid.size(); ++peer) {
    if (peer == grid.rank()) continue;
    const Index out = a.local_shape().rows * b.distribution().local_shape(peer).cols;
    const Index in = a.distribution().local_shape(peer).rows * b.local_shape().cols;
    longest = std::max({longest, out, in});
    messages_out += ceil_div(out, largest);
    messages_in += ceil_div(in, largest);
  }
  EXPECT_LE(exchange.messages().rounds().piece, largest);
  EXPECT_EQ(exchange.messages().rounds().number, ceil_div(longest, largest));
  EXPECT_TRUE(grid.size() == 1 || exchange.messages().rounds().number > 1);
  sent = received = {};
  redistribute_into(a, b);
  EXPECT_EQ(sent.number, messages_out);
  EXPECT_EQ(received.number, messages_in);
  EXPECT_EQ(sent.largest, grid.size() > 1 ? largest : 0);
  EXPECT_EQ(received.largest, grid.size() > 1 ? largest : 0);
  expect_oracle(b);
}

TEST(Exchange, SendsNoMoreThanTheLargestCountAtATime) {
  for (const Index largest : {1000, 999, 64}) {
    const TakePath messages(Path::message);
    const LargestCount limit(largest);
    for_each_rank_count([&](MPI_Comm comm) { check_rounds(ProcessGrid(comm), largest); });
  }
}

/// Streams of 60,000 elements in many rounds, from and to anything.
TEST(Exchange, LargestCountOfAThousandInAllLayouts) {
  set_time_limit(std::chrono::seconds(240));
  const TakePath messages(Path::message);
  const LargestCount limit(1000);
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const Layout from : all_layouts) {
      for (const Layout to : {MC_MR, VC_STAR, STAR_VR, STAR_STAR, CIRC_CIRC, MD_STAR}) {
        const ProcessGrid grid = any_grid(comm, sample);
        const auto a = oracle_matrix<double>(
            grid, shape, from, any_options(grid.map(), from, any_block(sample), sample));
        sent = received = {};
        const auto b = redistribute(a, to, any_options(grid.map(), to, any_block(sample), sample));
        SCOPED_TRACE(to_string(a.distribution()) + "  ->  " + to_string(b.distribution()));
        EXPECT_LE(sent.largest, 1000);
        EXPECT_LE(received.largest, 1000);
        expect_oracle(b);
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

TEST(Exchange, WithoutALimitAMessageIsOfItsOwnSize) {
  if (world_size() < 2) GTEST_SKIP() << "needs 2 ranks";
  run_on(2, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = oracle_matrix<double>(grid, {1000, 1000}, VC_STAR);
    const DistMatrix<double> b(grid, {1000, 1000}, STAR_VC);
    const TakePath messages(Path::message);
    sent = {};
    redistribute_into(a, b);
    EXPECT_EQ(sent.largest, detail::message_bytes(2) / Index{sizeof(double)});
    EXPECT_EQ(sent.number, ceil_div(500 * 500, sent.largest));
  });
}

}  // namespace
}  // namespace matrass
