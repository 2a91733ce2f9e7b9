// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Copies from and to another process: every way of lying in memory, and refusals.
/// Next: tests/python/session/test_transfer.py
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <matrass/core/shown.hpp>
#include <matrass/redistribute/process_copy.hpp>
#include <string>
#include <vector>

namespace matrass {
namespace {

/// An array of `Item` bytes an element, with a(i, j) = i + m j in its first bytes.
struct Array {
  std::vector<std::byte> memory;
  RawArray raw;

  Array(Shape shape, Index item, bool by_rows, Index gap) {
    const Index inner = by_rows ? shape.cols : shape.rows;
    const Index outer = by_rows ? shape.rows : shape.cols;
    const Index line = (inner + gap) * item;
    memory.assign(static_cast<std::size_t>(outer * line + 64), std::byte{0xee});
    raw = {memory.data(), shape, by_rows ? line : item, by_rows ? item : line};
  }

  std::int32_t& at(Index i, Index j) const {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    return *reinterpret_cast<std::int32_t*>(raw.address + i * raw.row_stride + j * raw.col_stride);
  }
  void number() const {
    for (Index j = 0; j < raw.shape.cols; ++j) {
      for (Index i = 0; i < raw.shape.rows; ++i) {
        at(i, j) = static_cast<std::int32_t>(i + raw.shape.rows * j);
      }
    }
  }
  bool is_numbered() const {
    for (Index j = 0; j < raw.shape.cols; ++j) {
      for (Index i = 0; i < raw.shape.rows; ++i) {
        if (at(i, j) != static_cast<std::int32_t>(i + raw.shape.rows * j)) return false;
      }
    }
    return true;
  }
};

TEST(ProcessCopy, EveryWayOfLyingBothWays) {
  for (const Shape shape : {Shape{1, 1}, Shape{1, 700}, Shape{700, 1}, Shape{17, 5}, Shape{0, 3},
                            Shape{300, 1000}, Shape{3, 200000}}) {
    for (const Index item : {4, 8, 16}) {
      for (int how = 0; how < 8; ++how) {
        SCOPED_TRACE(shown(shape) + " of " + std::to_string(item) + ", " + std::to_string(how));
        Array there(shape, item, (how & 1) != 0, (how & 4) != 0 ? 3 : 0);
        Array here(shape, item, (how & 2) != 0, (how & 4) != 0 ? 1 : 0);
        there.number();
        copy_process(::getpid(), there.raw, here.raw, item, Way::from_process);
        EXPECT_TRUE(here.is_numbered());
        Array back(shape, item, (how & 1) != 0, 2);
        copy_process(::getpid(), back.raw, here.raw, item, Way::to_process);
        EXPECT_TRUE(back.is_numbered());
        if (shape.size() > 0) {
          EXPECT_EQ(*(back.raw.address + back.memory.size() - 1), std::byte{0xee});
        }
      }
    }
  }
}

TEST(ProcessCopy, EveryOtherElement) {
  Array there({40, 30}, 8, false, 0);
  there.number();
  RawArray half = there.raw;
  half.shape.rows = 20;
  half.row_stride *= 2;
  Array here({20, 30}, 8, true, 0);
  copy_process(::getpid(), half, here.raw, 8, Way::from_process);
  for (Index i = 0; i < 20; ++i) {
    for (Index j = 0; j < 30; ++j) EXPECT_EQ(here.at(i, j), 2 * i + 40 * j);
  }
  EXPECT_THROW(copy_process(::getpid(), half, here.raw, 8, Way::to_process), InvalidArgument);
  EXPECT_TRUE(there.is_numbered());
}

TEST(ProcessCopy, AnotherProcess) {
  Array there({1000, 100}, 8, true, 0);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {  // the same addresses, other pages
    there.number();
    const char done = 1;
    [[maybe_unused]] const auto written = ::write(ready[1], &done, 1);
    ::pause();
    ::_exit(0);
  }
  char done = 0;
  ASSERT_EQ(::read(ready[0], &done, 1), 1);
  Array here({1000, 100}, 8, false, 0);
  copy_process(child, there.raw, here.raw, 8, Way::from_process);
  EXPECT_TRUE(here.is_numbered());
  EXPECT_FALSE(there.is_numbered());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  try {
    copy_process(child, there.raw, here.raw, 8, Way::from_process);
    FAIL() << "a process that is gone";
  } catch (const MPIError& error) {
    EXPECT_NE(std::string(error.what()).find("must be reachable"), std::string::npos);
  }
  EXPECT_THROW(
      copy_process(::getpid(), RawArray{nullptr, {1, 1}, 8, 8}, here.raw, 8, Way::from_process),
      MPIError);
}

}  // namespace
}  // namespace matrass
