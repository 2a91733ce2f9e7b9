// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// throw_together: what one rank throws, all throw.
/// Next: tests/cpp/redistribute/test_errors.cpp
#include <gtest/gtest.h>

#include <matrass/mpi/agree.hpp>
#include <memory>
#include <new>

#include "support/mpi_test.hpp"
#include "support/same_error.hpp"

namespace matrass {
namespace {

using namespace test;

TEST(Agree, GivesEachRankItsOwnResult) {
  for_each_rank_count([](MPI_Comm comm) {
    const mpi::Communicator c(comm);
    EXPECT_EQ(mpi::throw_together(c, [&] { return 10 * c.rank(); }), 10 * c.rank());
    const auto held = mpi::throw_together(c, [&] { return std::make_unique<int>(c.rank()); });
    EXPECT_EQ(*held, c.rank());
    int calls = 0;
    mpi::throw_together(c, [&] { ++calls; });
    EXPECT_EQ(calls, 1);
  });
}

template <class E>
void check_class(const ProcessGrid& grid, const char* text) {
  for (int culprit = 0; culprit < grid.comm().size(); ++culprit) {
    expect_same_error<E>(
        grid,
        [&] {
          mpi::throw_together(grid.comm(), [&] {
            if (grid.rank() == culprit) throw E(text);
          });
        },
        {text, grid.comm().size() > 1 ? "rank " + std::to_string(culprit) + ": " : ""});
  }
}

TEST(Agree, EveryErrorClassArrivesAsItself) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    check_class<Error>(grid, "plain");
    check_class<InvalidArgument>(grid, "argument");
    check_class<ShapeError>(grid, "shape");
    check_class<LayoutError>(grid, "layout");
    check_class<DTypeError>(grid, "dtype");
    check_class<MPIError>(grid, "mpi");
    check_class<ScaLAPACKError>(grid, "scalapack");
    check_class<NotPositiveDefiniteError>(grid, "definite");
    check_class<SingularError>(grid, "singular");
    check_class<MemoryLimitError>(grid, "memory");
    check_class<RankLostError>(grid, "lost");
    check_class<RoutineError>(grid, "routine");
    check_class<CancelledError>(grid, "cancelled");
  });
}

TEST(Agree, OtherExceptionsHaveAPlace) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const int culprit = grid.comm().size() - 1;
    const auto together = [&](auto&& thrower) {
      return [&] {
        mpi::throw_together(grid.comm(), [&] {
          if (grid.rank() == culprit) thrower();
        });
      };
    };
    expect_same_error<MemoryLimitError>(grid, together([] { throw std::bad_alloc(); }), {"memory"});
    expect_same_error<RoutineError>(grid, together([] { throw std::logic_error("why"); }), {"why"});
    // NOLINTNEXTLINE(bugprone-std-exception-baseclass): that this has a place is what is tested
    expect_same_error<RoutineError>(grid, together([] { throw 7; }), {"unknown"});
    expect_same_error<RoutineError>(grid, together([] { throw std::runtime_error(""); }), {});
  });
}

TEST(Agree, OfSeveralTheFirstRankIsHeard) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const int size = grid.comm().size();
    if (size < 3) return;
    expect_same_error<ShapeError>(grid,
                                  [&] {
                                    mpi::throw_together(grid.comm(), [&] {
                                      if (grid.rank() == 1) throw ShapeError("from one");
                                      if (grid.rank() == 2) throw LayoutError("from two");
                                    });
                                  },
                                  {"rank 1: from one"});
  });
}

TEST(Agree, WhereAllFailNoRankIsNamed) {
  for_each_rank_count([](MPI_Comm comm) {
    const mpi::Communicator c(comm);
    try {
      mpi::throw_together(c, [] { throw ShapeError("everybody"); });
      ADD_FAILURE();
    } catch (const ShapeError& error) {
      EXPECT_STREQ(error.what(), "everybody");
      EXPECT_EQ(error.rank(), -1);
      EXPECT_NE(error.cause(), nullptr);
    }
  });
}

TEST(Agree, LongTextsArrive) {
  const ProcessGrid grid(world());
  const std::string text(300'000, 'x');
  expect_same_error<RoutineError>(grid,
                                  [&] {
                                    mpi::throw_together(grid.comm(), [&] {
                                      if (grid.rank() == 0) throw std::runtime_error(text);
                                    });
                                  },
                                  {text});
}

TEST(Agree, ATraceTravelsWithTheError) {
  const mpi::Communicator c(world());
  try {
    mpi::throw_together(c, [&] {
      if (c.rank() == c.size() - 1) {
        RoutineError error("bad");
        error.set_trace("line 1\nline 2");
        throw error;
      }
    });
    ADD_FAILURE();
  } catch (const RoutineError& error) {
    EXPECT_EQ(error.trace(), "line 1\nline 2");
  }
}

TEST(Agree, AnAgreedErrorPassesThroughUntouched) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    expect_same_error<ShapeError>(grid,
                                  [&] {
                                    mpi::throw_together(grid.comm(), [&] {
                                      mpi::throw_together(grid.comm(), [&] {
                                        mpi::throw_together(grid.comm(), [&] {
                                          if (grid.rank() == 0) throw ShapeError("deep");
                                        });
                                      });
                                    });
                                  },
                                  {"deep"});
  });
}

TEST(Agree, DifferentCallsAreNamed) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    if (grid.comm().size() < 2) return;
    const bool last = grid.rank() == grid.comm().size() - 1;
    expect_same_error<InvalidArgument>(
        grid,
        [&] { mpi::throw_together(grid.comm(), mpi::Call(last ? "sum" : "product", 3), [] {}); },
        {"product", "sum", "rank " + std::to_string(grid.comm().size() - 1)});
    expect_same_error<InvalidArgument>(
        grid, [&] { mpi::throw_together(grid.comm(), mpi::Call("sum", last ? 4 : 3), [] {}); },
        {"sum", "arguments"});
    mpi::throw_together(grid.comm(), mpi::Call("sum", 3), [] {});
  });
}

/// Steps with messages between them, as TSQR's: the culprit fails in the second of three.
void check_attempts(const ProcessGrid& grid, int culprit) {
  const mpi::Communicator& c = grid.comm();
  const int left = (c.rank() + c.size() - 1) % c.size();
  const int right = (c.rank() + 1) % c.size();
  mpi::Attempts attempt;
  std::vector<int> done;
  for (int step = 0; step < 3; ++step) {
    attempt([&] {
      if (step == 1 && c.rank() == culprit) throw ShapeError("step 1");
      done.push_back(step);
    });
    EXPECT_EQ(attempt.failed(), step >= 1 && c.rank() == culprit);
    int received = -1;
    MPI_Sendrecv(&step, 1, MPI_INT, right, 5, &received, 1, MPI_INT, left, 5, c.own(),
                 MPI_STATUS_IGNORE);
    EXPECT_EQ(received, step) << "the messages go on";
  }
  EXPECT_EQ(done, c.rank() == culprit ? std::vector<int>{0} : (std::vector<int>{0, 1, 2}));
  if (culprit < 0) {
    attempt.agree(c);
    return;
  }
  const std::string prefix = c.size() > 1 ? "rank " + std::to_string(culprit) + ": " : "";
  expect_same_error<ShapeError>(grid, [&] { attempt.agree(c); }, {prefix + "step 1"});
}

TEST(Attempts, WhatFailsBetweenMessagesIsEverybodysErrorAfterThem) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (int culprit = -1; culprit < grid.comm().size(); ++culprit) check_attempts(grid, culprit);
  });
}

TEST(Attempts, TheFirstFailureOfARankIsKept) {
  for_each_rank_count([](MPI_Comm comm) {
    const mpi::Communicator c(comm);
    mpi::Attempts attempt;
    attempt([] { throw std::bad_alloc(); });
    attempt([] { throw ShapeError("later"); });
    try {
      attempt.agree(c);
      ADD_FAILURE();
    } catch (const MemoryLimitError& error) {
      EXPECT_STREQ(error.what(), "out of memory");
      EXPECT_EQ(error.rank(), -1) << "all ranks failed";
    }
  });
}

}  // namespace
}  // namespace matrass
