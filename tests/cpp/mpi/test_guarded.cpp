// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The boundary around ScaLAPACK: what PBLAS has to say arrives as an error of the library.
/// Next: tests/cpp/guard/scope.cpp
#include <gtest/gtest.h>

#include <matrass/mpi/agree.hpp>
#include <matrass/mpi/guarded.hpp>
#include <stdexcept>
#include <string>

#include "guard/routines.hpp"
#include "support/mpi_test.hpp"

namespace matrass {
namespace {

using namespace test;

/// PBLAS's text for "bad pdgemm".
void expect_pblas_text(const ScaLAPACKError& error) {
  const std::string text = error.what();
  EXPECT_NE(text.find("PDGEMM"), std::string::npos) << text;
  EXPECT_NE(text.find("illegal value"), std::string::npos) << text;
  EXPECT_EQ(error.kind(), ErrorKind::scalapack);
}

TEST(Guarded, ABadPblasArgumentIsScalapackErrorWithPblassText) {
  const Problem problem = make_problem(40, 8);
  try {
    mpi::guarded([&] { routines().at("bad pdgemm")(problem); });
    FAIL() << "pdgemm took a block of 0 columns";
  } catch (const ScaLAPACKError& error) {
    expect_pblas_text(error);
    EXPECT_FALSE(error.agreed());  // what one rank met; agreeing is the caller's
  }
  EXPECT_EQ(mpi::guarded([&] { return routines().at("pdgemm")(problem); }), 0);
}

TEST(Guarded, AnAgreementMakesItTheErrorOfAllRanks) {
  const Problem problem = make_problem(40, 8);
  const mpi::Communicator comm(world());
  try {
    mpi::throw_together(comm, [&] { mpi::guarded([&] { routines().at("bad pdgemm")(problem); }); });
    FAIL() << "pdgemm took a block of 0 columns";
  } catch (const ScaLAPACKError& error) {
    expect_pblas_text(error);
    EXPECT_TRUE(error.agreed());
    EXPECT_EQ(error.rank(), -1);  // no single rank: all of them
  }
}

TEST(Guarded, GivesBackWhatTheCallReturns) {
  int x = 5;
  int& same = mpi::guarded([&]() -> int& { return x; });
  EXPECT_EQ(&same, &x);
}

TEST(Guarded, LeavesOtherExceptionsAlone) {
  EXPECT_THROW(mpi::guarded([] { throw std::out_of_range("mine"); }), std::out_of_range);
}

}  // namespace
}  // namespace matrass
