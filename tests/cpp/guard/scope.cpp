// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Scopes: MPI_Abort and ScaLAPACK's complaints become exceptions and text, on every rank.
/// Next: unchanged.cpp
#include <dlfcn.h>

#include <stdexcept>
#include <string>

#include "matrass/mpi/guard.hpp"
#include "routines.hpp"
#include "support/mpi_test.hpp"

namespace guard = matrass::guard;
using matrass::test::make_problem;
using matrass::test::routines;

extern "C" {
void Cblacs_get(int context, int what, int* value);
void Cblacs_gridinit(int* context, const char* order, int rows, int cols);
void Cdgebs2d(int context, const char* scope, const char* topology, int m, int n, double* a,
              int ld);
}

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(GuardScope, AbortThrowsItsCode) {
  try {
    const guard::Scope scope;
    MPI_Abort(MPI_COMM_WORLD, 17);
    FAIL() << "MPI_Abort returned";
  } catch (const guard::Aborted& e) {
    EXPECT_EQ(e.code(), 17);
    EXPECT_TRUE(contains(e.what(), "17")) << e.what();
  }
}

TEST(GuardScope, AbortInAnInnerScopeThrowsAndTheOuterOneStillDoes) {
  const guard::Scope outer;
  EXPECT_THROW(
      {
        const guard::Scope inner;
        MPI_Abort(MPI_COMM_WORLD, 1);
      },
      guard::Aborted);
  EXPECT_THROW(MPI_Abort(MPI_COMM_WORLD, 2), guard::Aborted);
}

/// A destructor that aborts must not end the process while another exception is on its way.
TEST(GuardScope, NothingIsThrownThroughAnotherException) {
  struct Aborting {
    ~Aborting() { code = MPI_Abort(MPI_COMM_WORLD, 1); }
    int& code;
  };
  int code = MPI_SUCCESS;
  EXPECT_THROW(
      {
        const guard::Scope scope;
        const Aborting aborting{code};
        throw std::out_of_range("first");
      },
      std::out_of_range);
  EXPECT_NE(code, MPI_SUCCESS);
}

TEST(GuardScope, AScopeThatBeginsDuringUnwindingMayThrow) {
  struct Computing {
    ~Computing() {
      try {
        const guard::Scope scope;
        MPI_Abort(MPI_COMM_WORLD, 3);
      } catch (const guard::Aborted&) {
        caught = true;
      }
    }
    bool& caught;
  };
  bool caught = false;
  try {
    const Computing computing{caught};
    throw std::out_of_range("first");
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "first");
  }
  EXPECT_TRUE(caught);
}

TEST(GuardScope, BadPblasArgumentIsAnExceptionWithItsTextOnEveryRank) {
  const auto problem = make_problem(40, 8);
  try {
    const guard::Scope scope;
    routines().at("bad pdgemm")(problem);
    FAIL() << "pdgemm took a block of 0 columns";
  } catch (const guard::Aborted& e) {
    EXPECT_TRUE(contains(e.what(), "PDGEMM")) << e.what();
    EXPECT_TRUE(contains(e.what(), "illegal value")) << e.what();
  }
  EXPECT_EQ(routines().at("pdgemm")(problem), 0);  // the world is as good as before
}

TEST(GuardScope, ABlacsGridOfTooManyProcessesIsAnExceptionWithItsText) {
  int context = 0;
  Cblacs_get(-1, 0, &context);
  try {
    const guard::Scope scope;
    Cblacs_gridinit(&context, "C", 2, matrass::test::world_size());
    FAIL() << "BLACS made a grid of twice as many processes as there are";
  } catch (const guard::Aborted& e) {
    EXPECT_TRUE(contains(e.what(), "BLACS error")) << e.what();
    EXPECT_TRUE(contains(e.what(), "Illegal grid (2 x ")) << e.what();
  }
  EXPECT_EQ(routines().at("pdgemm")(make_problem(40, 8)), 0);  // the world is as good as before
}

TEST(GuardScope, ABlacsErrorNamesItsContext) {
  const auto problem = make_problem(40, 8);
  double x = 1;
  try {
    const guard::Scope scope;
    Cdgebs2d(problem.context, "X", " ", 1, 1, &x, 1);
    FAIL() << "BLACS knows a scope X";
  } catch (const guard::Aborted& e) {
    EXPECT_TRUE(contains(e.what(), "Unknown scope")) << e.what();
    EXPECT_TRUE(contains(e.what(), "context " + std::to_string(problem.context))) << e.what();
  }
  EXPECT_EQ(routines().at("pdgemm")(problem), 0);
}

TEST(GuardScope, PxerblaTextIsKeptForWhoAsks) {
  const auto problem = make_problem(40, 8);
  {
    const guard::Scope scope;
    EXPECT_LT(routines().at("bad pdgesv")(problem), 0);
  }
  const std::string text = guard::take_text();
  EXPECT_TRUE(contains(text, "PDGESV")) << text;
  EXPECT_TRUE(contains(text, "parameter number 1")) << text;
  EXPECT_EQ(guard::take_text(), "");
}

TEST(GuardScope, ANewScopeStartsWithAnEmptyText) {
  const auto problem = make_problem(40, 8);
  {
    const guard::Scope scope;
    routines().at("bad pdgesv")(problem);
  }
  {
    const guard::Scope scope;
  }
  EXPECT_EQ(guard::take_text(), "");
}

TEST(GuardScope, EveryRoutineOfTheFaultTestsRuns) {
  const auto problem = make_problem(60, 8);
  for (const auto& [name, call] : routines()) {
    if (name.starts_with("bad ")) continue;
    const guard::Scope scope;
    EXPECT_EQ(call(problem), 0) << name << ": " << guard::take_text();
  }
}

TEST(GuardState, ScalapacksCallsPassThroughTheGuard) {
  if (matrass::test::world_size() == 1) GTEST_SKIP() << "one rank has nothing to say to anybody";
  const auto problem = make_problem(60, 8);
  const auto before = matrass_guard_calls();
  routines().at("pdgesv")(problem);
  EXPECT_GT(matrass_guard_calls(), before);
}

TEST(GuardState, NeedsNoScalapackItself) {
  Dl_info info{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&matrass_guard_calls), &info), 0);
  EXPECT_TRUE(contains(info.dli_fname, "libmpi.so.12") || contains(info.dli_fname, "matrass_guard"))
      << info.dli_fname;
}

TEST(GuardState, QuarantineKeepsWhatItIsGiven) {
  const auto before = guard::quarantined();
  auto buffer = std::make_shared<int>(5);
  const std::weak_ptr<int> seen = buffer;
  guard::quarantine(std::move(buffer));
  EXPECT_EQ(guard::quarantined(), before + 1);
  EXPECT_FALSE(seen.expired());
}

TEST(GuardState, AnUnknownKindDoesNotEndTheWorld) {
  EXPECT_EQ(matrass_guard_interrupt(0, "no kind"), 0);
  EXPECT_EQ(matrass_guard_interrupt(7, "no kind"), 0);
  EXPECT_FALSE(guard::interrupted());
  char reason[8] = "before";
  EXPECT_EQ(matrass_guard_state(reason, sizeof reason), 0);
  EXPECT_STREQ(reason, "");
  EXPECT_EQ(guard::state().kind, guard::Kind::running);
}

}  // namespace
