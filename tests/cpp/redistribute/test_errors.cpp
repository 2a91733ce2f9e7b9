// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// An error on one rank only reaches all ranks as the same error, on every path, and nobody hangs:
/// memory that is refused, callbacks that throw, before, inside and after nested collective calls,
/// calls that differ. Next: tests/cpp/mpi/test_agree.cpp
#include <gtest/gtest.h>

#include <limits>
#include <matrass/redistribute/tiles.hpp>

#include "support/matrices.hpp"
#include "support/paths.hpp"
#include "support/same_error.hpp"

namespace matrass {
namespace {

using namespace test;

int size_of(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  return size;
}

int rank_of(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank;
}

/// The whole machinery still works on this communicator.
void expect_sound(MPI_Comm comm) {
  const ProcessGrid grid(comm);
  expect_oracle(redistribute(oracle_matrix<double>(grid, {19, 23}, MC_MR, {.block = Block{2, 3}}),
                             STAR_VC, {.block = Block{1, 1}}));
}

/// While one lives, this process gets no large memory.
class NoMemory {
 public:
  explicit NoMemory(bool here) : here_(here) {
    if (here_) MemoryPool::instance().set_limit(MemoryPool::instance().use().in_use);
  }
  ~NoMemory() {
    if (here_) MemoryPool::instance().set_limit(std::numeric_limits<std::size_t>::max());
  }
  NoMemory(const NoMemory&) = delete;
  NoMemory& operator=(const NoMemory&) = delete;

 private:
  bool here_;
};

/// Each rank's share of it is more than a megabyte: it comes from the pool.
constexpr Shape large{1200, 1100};

/// Calls f(grid, culprit) with every rank of every communicator as the culprit.
template <class F>
void for_each_culprit(F&& f) {
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (int culprit = 0; culprit < size_of(comm); ++culprit) {
      SCOPED_TRACE("culprit " + std::to_string(culprit));
      f(grid, culprit);
      expect_sound(comm);
      if (testing::Test::HasFailure()) return;
    }
  });
}

/// "rank 2: " where only rank 2 failed; alone it is everybody.
std::string prefix(const ProcessGrid& grid, int culprit) {
  return grid.comm().size() == 1 ? "" : "rank " + std::to_string(culprit) + ": ";
}

TEST(Errors, MemoryRefusedForANewMatrix) {
  for_each_culprit([](const ProcessGrid& grid, int culprit) {
    const NoMemory none(grid.rank() == culprit);
    expect_same_error<MemoryLimitError>(grid, [&] { DistMatrix<double>(grid, large, MC_MR); },
                                        {prefix(grid, culprit) + "memory"});
    expect_same_error<MemoryLimitError>(grid, [&] { oracle_matrix<double>(grid, large, VC_STAR); },
                                        {prefix(grid, culprit)});
  });
}

TEST(Errors, MemoryRefusedForARedistribution) {
  for_each_culprit([](const ProcessGrid& grid, int culprit) {
    if (grid.comm().size() == 1) return;  // nothing moves: a view needs no memory
    const auto a = oracle_matrix<double>(grid, large, VC_STAR);
    {
      const NoMemory none(grid.rank() == culprit);
      expect_same_error<MemoryLimitError>(
          grid, [&] { redistribute(a, STAR_STAR, {.block = Block{7, 7}}); }, {});
      expect_same_error<MemoryLimitError>(grid, [&] { a.copy(); }, {});
    }
    expect_oracle(a);
  });
}

TEST(Errors, MemoryRefusedForTheMessages) {
  for_each_culprit([](const ProcessGrid& grid, int culprit) {
    if (grid.comm().size() == 1) return;  // no messages
    const TakePath messages(Path::message);
    const auto a = oracle_matrix<double>(grid, large, VC_STAR);
    const DistMatrix<double> b(grid, large, STAR_VC);
    {
      const NoMemory none(grid.rank() == culprit);
      expect_same_error<MemoryLimitError>(grid, [&] { redistribute_into(a, b); },
                                          {prefix(grid, culprit)});
    }
    redistribute_into(a, b);
    expect_oracle(b);
  });
}

TEST(Errors, MemoryRefusedForTiles) {
  for_each_culprit([](const ProcessGrid& grid, int culprit) {
    const Index n = ceil_div(large.cols, grid.comm().size());
    const Index j0 = std::min(large.cols, n * grid.rank());
    const Index width = std::min(large.cols, j0 + n) - j0;
    std::vector<double> memory(static_cast<std::size_t>(large.rows * width), 1.0);
    const Tile<const double> tile{0, j0, {memory.data(), {large.rows, width}, 1, large.rows}};
    const Distribution wanted(grid.map(), large, VC_STAR);
    const NoMemory none(grid.rank() == culprit);
    expect_same_error<MemoryLimitError>(grid, [&] { from_tiles<double>(grid, {tile}, wanted); },
                                        {});
  });
}

TEST(Errors, ACallbackThrowsOnOneRank) {
  for_each_culprit([](const ProcessGrid& grid, int culprit) {
    const auto f = [&](Index i, Index) -> double {
      if (i >= 0 && grid.rank() == culprit) throw std::out_of_range("no such thing");
      return 1.0;
    };
    // Every rank has all of [STAR,STAR], so that the culprit is asked.
    expect_same_error<RoutineError>(grid,
                                    [&] { from_function<double>(grid, {5, 5}, STAR_STAR, f); },
                                    {prefix(grid, culprit) + "no such thing"});
  });
}

TEST(Errors, TheCulpritKeepsItsOwnException) {
  for_each_culprit([](const ProcessGrid& grid, int culprit) {
    try {
      from_function<double>(grid, {5, 5}, STAR_STAR, [&](Index, Index) -> double {
        if (grid.rank() == culprit) throw std::out_of_range("no such thing");
        return 1.0;
      });
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_TRUE(error.agreed());
      EXPECT_EQ(error.rank(), grid.comm().size() == 1 ? -1 : culprit);
      ASSERT_EQ(error.cause() != nullptr, grid.rank() == culprit);
      if (error.cause()) {
        EXPECT_THROW(std::rethrow_exception(error.cause()), std::out_of_range);
      }
    }
  });
}

// --- nested collective calls ---

enum class When { before, inside, after };

/// A callback that makes a collective call, which makes one more, and throws on the culprit at the
/// given time and depth.
void nested(const ProcessGrid& grid, int culprit, int depth, int at_depth, When when) {
  const bool here = depth == at_depth && grid.rank() == culprit;
  const auto throw_if = [&](When now) {
    if (here && when == now) throw ShapeError("thrown at depth " + std::to_string(depth));
  };
  throw_if(When::before);
  bool first = true;
  from_function<double>(grid, {3, 3}, STAR_STAR, [&](Index, Index) {
    if (first && depth < 3) nested(grid, culprit, depth + 1, at_depth, when);
    first = false;
    throw_if(When::inside);
    return 0.0;
  });
  const auto a = oracle_matrix<double>(grid, {4, 4}, MC_MR);
  redistribute(a, VC_STAR);
  throw_if(When::after);
}

TEST(Errors, BeforeInsideAndAfterNestedCollectives) {
  set_time_limit(std::chrono::seconds(120));
  for_each_culprit([](const ProcessGrid& grid, int culprit) {
    for (int depth = 1; depth <= 3; ++depth) {
      for (const When when : {When::before, When::inside, When::after}) {
        SCOPED_TRACE("depth " + std::to_string(depth) + " when " +
                     std::to_string(static_cast<int>(when)));
        expect_same_error<ShapeError>(
            grid,
            [&] {
              mpi::throw_together(grid.comm(), [&] { nested(grid, culprit, 1, depth, when); });
            },
            {prefix(grid, culprit) + "thrown at depth " + std::to_string(depth)});
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

/// Two ranks fail at different places: all raise the error of one of them.
TEST(Errors, TwoRanksFailAtDifferentDepths) {
  for_each_rank_count([](MPI_Comm comm) {
    if (size_of(comm) < 2) return;
    const ProcessGrid grid(comm);
    for (int repeat = 0; repeat < 5; ++repeat) {
      expect_same_error<Error>(grid,
                               [&] {
                                 mpi::throw_together(grid.comm(), [&] {
                                   if (grid.rank() == 0) throw LayoutError("outside");
                                   from_function<double>(grid, {3, 3}, STAR_STAR,
                                                         [&](Index, Index) -> double {
                                                           if (grid.rank() == 1)
                                                             throw ShapeError("inside");
                                                           return 0.0;
                                                         });
                                 });
                               },
                               {});
      expect_sound(comm);
    }
  });
}

/// An error that passed once is no burden for the next: alternate good and bad calls.
TEST(Errors, ManyErrorsInARow) {
  run_on(std::min(3, world_size()), [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (int k = 0; k < 100; ++k) {
      const int culprit = k % size_of(comm);
      expect_same_error<RoutineError>(
          grid,
          [&] {
            from_function<float>(grid, {2, 2}, STAR_STAR, [&](Index, Index) -> float {
              if (grid.rank() == culprit) throw std::runtime_error("number " + std::to_string(k));
              return 0.0F;
            });
          },
          {"number " + std::to_string(k)});
      const auto a = oracle_matrix<double>(grid, {6, 5}, MC_MR, {.block = Block{1, 1}});
      expect_oracle(redistribute(a, VC_STAR));
    }
  });
}

// --- calls that differ ---

TEST(Errors, DifferentCallsAreAnErrorNoHang) {
  for_each_rank_count([](MPI_Comm comm) {
    if (size_of(comm) < 2) return;
    const ProcessGrid grid(comm);
    const bool odd = rank_of(comm) == 1;
    const auto a = oracle_matrix<double>(grid, {6, 5}, MC_MR, {.block = Block{1, 1}});
    expect_same_error<InvalidArgument>(grid, [&] { redistribute(a, odd ? VC_STAR : STAR_VC); },
                                       {"rank 1"});
    expect_sound(comm);
    expect_same_error<InvalidArgument>(grid,
                                       [&] {
                                         const Shape shape{odd ? 7 : 6, 5};
                                         oracle_matrix<double>(grid, shape, MC_MR);
                                       },
                                       {"rank 1"});
    expect_sound(comm);
    expect_same_error<InvalidArgument>(grid,
                                       [&] {
                                         if (odd) {
                                           redistribute(a, VC_STAR);
                                         } else {
                                           oracle_matrix<double>(grid, {6, 5}, MC_MR);
                                         }
                                       },
                                       {"rank 1"});
    expect_sound(comm);
  });
}

}  // namespace
}  // namespace matrass
