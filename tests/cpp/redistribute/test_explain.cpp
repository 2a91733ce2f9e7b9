// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What explain() tells is held against what happens then: counters, messages, the pool's peak.
/// Next: tests/cpp/redistribute/test_convert.cpp
#include <gtest/gtest.h>

#include <matrass/redistribute/convert.hpp>
#include <matrass/redistribute/counters.hpp>
#include <matrass/redistribute/redistribute.hpp>

#include "support/matrices.hpp"
#include "support/paths.hpp"

namespace matrass {
namespace {

using namespace test;

/// All memory from the pool, whose peak is measured.
class EverythingPooled {
 public:
  EverythingPooled() { pooled_from() = 0; }
  ~EverythingPooled() { pooled_from() = before_; }
  EverythingPooled(const EverythingPooled&) = delete;
  EverythingPooled& operator=(const EverythingPooled&) = delete;

 private:
  std::size_t before_ = pooled_from();
};

/// What happens on this rank while it lives.
class Watch {
 public:
  Watch() { MemoryPool::instance().reset_peak(); }

  Index peak() const {
    return static_cast<Index>(MemoryPool::instance().use().peak - before_.in_use);
  }
  TransferCounts counts() const {
    const TransferCounts now = transfer_counts();
    return {now.messages_sent - counts_.messages_sent,
            now.messages_received - counts_.messages_received,
            now.bytes_sent - counts_.bytes_sent,
            now.bytes_received - counts_.bytes_received,
            now.bytes_pushed - counts_.bytes_pushed,
            now.bytes_pulled - counts_.bytes_pulled,
            now.bytes_kept - counts_.bytes_kept};
  }

 private:
  MemoryUse before_ = MemoryPool::instance().use();
  TransferCounts counts_ = transfer_counts();
};

Index sum_over_ranks(const mpi::Communicator& comm, Index value) {
  Index sum = 0;
  MPI_Allreduce(&value, &sum, 1, MPI_INT64_T, MPI_SUM, comm.own());
  return sum;
}

/// Holds `e`, of this rank, against what was watched.
void expect_told(const mpi::Communicator& comm, const Explanation& e, const Watch& watch) {
  const TransferCounts counts = watch.counts();
  EXPECT_EQ(watch.peak(), e.peak_bytes());
  EXPECT_EQ(counts.messages_sent, e.messages);
  EXPECT_EQ(counts.bytes_kept, e.bytes_kept);
  EXPECT_LE(counts.bytes_sent + counts.bytes_pushed, e.bytes_sent);
  EXPECT_LE(counts.bytes_received + counts.bytes_pulled, e.bytes_received);
  const Index moved = counts.bytes_sent + counts.bytes_pushed + counts.bytes_pulled;
  EXPECT_EQ(sum_over_ranks(comm, moved), sum_over_ranks(comm, e.bytes_sent));
  EXPECT_EQ(sum_over_ranks(comm, e.bytes_received), sum_over_ranks(comm, e.bytes_sent));
  const Index direct = counts.bytes_pushed + counts.bytes_pulled;
  const Index by_messages = counts.bytes_sent + counts.bytes_received;
  if (e.path == "message") {
    EXPECT_EQ(direct, 0);
    EXPECT_EQ(by_messages, e.bytes_sent + e.bytes_received);
  }
  if (e.path == "direct") {
    EXPECT_EQ(by_messages, 0);
  }
  if (e.path == "mixed") {
    EXPECT_GT(by_messages, 0);
  }
  if (e.path == "local") {
    EXPECT_EQ(e.bytes_sent + e.bytes_received + direct + by_messages, 0);
  }
  if (e.path == "none") {
    EXPECT_EQ(e.bytes_kept + e.peak_bytes() + direct + by_messages, 0);
  }
}

constexpr std::array<Layout, 7> layouts{MC_MR,   VC_STAR, STAR_VR,  STAR_STAR,
                                        MD_STAR, MR_MC,   CIRC_CIRC};

/// Calls f(a, grid, wanted) for 1 in `rate` pairs of layouts, on grids of every kind.
template <Scalar T, class F>
void for_each_move(MPI_Comm comm, std::uint64_t rate, F&& f) {
  Sample sample(rate);
  for (const Layout from : layouts) {
    for (const Layout to : layouts) {
      if (!sample.take()) continue;
      const ProcessGrid grid = any_grid(comm, sample);
      const Shape shape = sample.choose(2) == 0 ? Shape{173, 211} : Shape{1200, 7};
      const auto a = oracle_matrix<T>(grid, shape, from,
                                      any_options(grid.map(), from, any_block(sample), sample));
      const Distribution wanted(grid.map(), shape, to,
                                any_options(grid.map(), to, any_block(sample), sample));
      SCOPED_TRACE(to_string(a.distribution()) + "  ->  " + to_string(wanted));
      f(a, grid, wanted);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(Explain, TellsWhatHappensThen) {
  set_time_limit(std::chrono::seconds(240));
  const EverythingPooled pooled;
  for_each_rank_count([](MPI_Comm comm) {
    for_each_move<double>(comm, 2, [](const auto& a, const auto& grid, const auto& wanted) {
      const Watch silent;
      const Explanation e = explain(a, grid, wanted);
      EXPECT_EQ(silent.peak(), 0);
      EXPECT_EQ(silent.counts().bytes_kept + silent.counts().messages_sent, 0);
      const Watch watch;
      const DistMatrix<double> b = redistribute(a, grid, wanted);
      expect_told(grid.comm(), e, watch);
      expect_oracle(b);
    });
  });
}

TEST(Explain, TellsWhatHappensIntoAMatrixOrAView) {
  set_time_limit(std::chrono::seconds(240));
  const EverythingPooled pooled;
  for_each_rank_count([](MPI_Comm comm) {
    for_each_move<float>(comm, 4, [](const auto& a, const auto& grid, const auto& wanted) {
      const DistMatrix<float> b(grid, wanted, false);
      const Explanation e = explain_into(a, b);
      EXPECT_EQ(e.result_bytes, 0);
      const Watch watch;
      redistribute_into(a, b);
      expect_told(grid.comm(), e, watch);
      expect_oracle(b);
    });
    // One half of a matrix into the other, which overlaps it.
    const ProcessGrid grid(comm);
    const auto a = oracle_matrix<double>(grid, {90, 90}, MC_MR, {.block = Block{4, 4}});
    const auto from = a.slice(0, 60, 0, 60);
    const auto to = a.slice(30, 90, 30, 90);
    const Explanation e = explain_into(from, to);
    const Watch watch;
    redistribute_into(from, to);
    expect_told(grid.comm(), e, watch);
    expect_entries(to, [](Index i, Index j) { return oracle<double>(i, j, 90); });
  });
}

TEST(Explain, AViewNeedsNothing) {
  run_on(world_size(), [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = oracle_matrix<double>(grid, {40, 30}, VC_STAR);
    const Explanation e = explain(a, grid, a.distribution());
    EXPECT_EQ(e.path, "none");
    EXPECT_EQ(e.peak_bytes(), 0);
  });
}

/// Budgets from what is just enough to what changes nothing.
TEST(MaxMemory, IsKeptWithinOrRefused) {
  set_time_limit(std::chrono::seconds(240));
  const EverythingPooled pooled;
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const Shape shape{1000, 700};
    const auto a = oracle_matrix<double>(grid, shape, VC_STAR);
    const Distribution wanted(grid.map(), shape, STAR_VR, {.block = Block{1, 1}});
    if (detail::nothing_moves(a, grid, wanted)) return;
    const Explanation free = explain(a, grid, wanted);
    Index largest_result = free.result_bytes;
    Index largest_work = free.work_bytes;
    for (Index* value : {&largest_result, &largest_work}) {
      MPI_Allreduce(MPI_IN_PLACE, value, 1, MPI_INT64_T, MPI_MAX, grid.comm().own());
    }
    const Index least_work =
        largest_work == 0 ? 0 : (grid.size() - 1) * 4 * detail::least_message_bytes;
    for (const Index work : {least_work, least_work * 3 / 2, least_work * 2, largest_work}) {
      const MoveOptions options{.max_memory = largest_result + std::max(work, least_work)};
      SCOPED_TRACE(*options.max_memory);
      const Explanation e = explain(a, grid, wanted, options);
      EXPECT_LE(e.peak_bytes(), *options.max_memory);
      const Watch watch;
      const DistMatrix<double> b = redistribute(a, grid, wanted, options);
      expect_told(grid.comm(), e, watch);
      EXPECT_LE(watch.peak(), *options.max_memory);
      expect_oracle(b);
    }
    // What ranks of one machine copy directly needs no buffers.
    const bool all_messages = free.path == "message" && mpi::ranks_per_node() == 0;
    for (const Index budget : {Index{0}, largest_result + (all_messages ? least_work : 0) - 1}) {
      const MoveOptions options{.max_memory = budget};
      const Watch watch;
      const auto missing = [&](auto&& call) {
        try {
          call();
          ADD_FAILURE() << "no error for " << budget;
        } catch (const MemoryLimitError& error) {
          EXPECT_NE(std::string(error.what()).find("missing"), std::string::npos) << error.what();
        }
      };
      missing([&] { redistribute(a, grid, wanted, options); });
      missing([&] { explain(a, grid, wanted, options); });
      EXPECT_EQ(watch.peak(), 0);
      EXPECT_EQ(watch.counts().bytes_kept, 0);
    }
  });
}

/// Another scalar type goes in panels.
TEST(Explain, TellsWhatAConversionDoes) {
  set_time_limit(std::chrono::seconds(240));
  const EverythingPooled pooled;
  for_each_rank_count([](MPI_Comm comm) {
    for_each_move<double>(comm, 8, [](const auto& a, const auto& grid, const auto& wanted) {
      const auto check = [&](auto scalar, const MoveOptions& options) {
        using To = decltype(scalar);
        const Explanation e = explain_as<To>(a, grid, wanted, options);
        const Watch watch;
        const DistMatrix<To> b = redistribute_as<To>(a, grid, wanted, options);
        expect_told(grid.comm(), e, watch);
        EXPECT_LE(watch.peak(), options.max_memory.value_or(watch.peak()));
        const Index m = a.shape().rows;
        expect_entries(
            b, [&](Index i, Index j) { return detail::converted<To>(oracle<double>(i, j, m)); });
      };
      check(float{}, {});
      check(std::complex<double>{}, {});
      const Index whole =
          a.shape().size() * 16 + (grid.comm().size() + 1) * 4 * detail::least_message_bytes;
      check(float{}, {.max_memory = whole});
      check(std::complex<float>{}, {.max_memory = whole});
    });
  });
}

}  // namespace
}  // namespace matrass
