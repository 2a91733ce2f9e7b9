// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The tree of errors, and what an error knows of itself.
/// Next: tests/cpp/mpi/test_agree.cpp
#include <gtest/gtest.h>

#include <concepts>
#include <matrass/core/error.hpp>

namespace matrass {
namespace {

static_assert(std::derived_from<Error, std::runtime_error>);
static_assert(std::derived_from<ShapeError, InvalidArgument>);
static_assert(std::derived_from<LayoutError, InvalidArgument>);
static_assert(std::derived_from<DTypeError, InvalidArgument>);
static_assert(!std::derived_from<MemoryLimitError, InvalidArgument>);
static_assert(!std::derived_from<ScaLAPACKError, InvalidArgument>);

/// Throwing by the number under which errors travel gives the class of that number.
template <class E>
void check(ErrorKind kind) {
  EXPECT_EQ(E("x").kind(), kind);
  EXPECT_FALSE(E("x").agreed());
  EXPECT_EQ(E("x").rank(), -1);
  try {
    detail::throw_agreed(Agreement{1, 7, 4}, kind, "the text", 3, "the trace");
  } catch (const E& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_STREQ(error.what(), "the text");
    ASSERT_TRUE(error.agreed());
    EXPECT_EQ(*error.agreement(), (Agreement{1, 7, 4}));
    EXPECT_EQ(error.rank(), 3);
    EXPECT_EQ(error.trace(), "the trace");
    EXPECT_EQ(error.cause(), nullptr);
    return;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another class for kind " << static_cast<int>(kind) << ": " << error.what();
    return;
  }
  ADD_FAILURE() << "nothing was thrown";
}

TEST(Error, EveryKindIsItsClass) {
  check<Error>(ErrorKind::error);
  check<InvalidArgument>(ErrorKind::invalid_argument);
  check<ShapeError>(ErrorKind::shape);
  check<LayoutError>(ErrorKind::layout);
  check<DTypeError>(ErrorKind::dtype);
  check<MPIError>(ErrorKind::mpi);
  check<ScaLAPACKError>(ErrorKind::scalapack);
  check<NotPositiveDefiniteError>(ErrorKind::not_positive_definite);
  check<SingularError>(ErrorKind::singular);
  check<MemoryLimitError>(ErrorKind::memory_limit);
  check<RankLostError>(ErrorKind::rank_lost);
  check<RoutineError>(ErrorKind::routine);
  check<CancelledError>(ErrorKind::cancelled);
}

TEST(Error, KeepsItsCause) {
  RoutineError error("outer");
  error.mark_agreed(Agreement{1, 1, 3}, 2, std::make_exception_ptr(std::out_of_range("inner")));
  const Error copy = error;
  ASSERT_NE(copy.cause(), nullptr);
  EXPECT_THROW(std::rethrow_exception(copy.cause()), std::out_of_range);
}

}  // namespace
}  // namespace matrass
