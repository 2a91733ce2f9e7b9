// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A line is said once, and whoever hears it may log in turn.
/// Next: tests/cpp/core/test_narrow.cpp
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <matrass/core/log.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace matrass {
namespace {

/// Another sink for the time of a test.
class Sink {
 public:
  explicit Sink(std::function<void(const std::string&)> sink)
      : before_(std::exchange(log_sink(), std::move(sink))) {}
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink() { log_sink() = std::move(before_); }

 private:
  std::function<void(const std::string&)> before_;
};

TEST(Log, SaysALineOnce) {
  std::vector<std::string> said;
  const Sink sink([&](const std::string& line) { said.push_back(line); });
  for (int k = 0; k < 3; ++k) log_once("once");
  log_once("another");
  EXPECT_EQ(said, (std::vector<std::string>{"once", "another"}));
}

TEST(Log, NoSinkIsNoError) {
  const Sink sink(nullptr);
  log_once("to nobody");
}

TEST(Log, ASinkMayLog) {
  std::vector<std::string> said;
  const Sink sink([&](const std::string& line) {
    said.push_back(line);
    log_once("an echo");
  });
  log_once("a call");
  EXPECT_EQ(said, (std::vector<std::string>{"a call", "an echo"}));
}

/// As Python's, which waits for the GIL while the thread that has the GIL logs.
TEST(Log, ASinkMayWaitForAnotherThreadThatLogs) {
  std::atomic<int> heard{0};
  const Sink sink([&](const std::string& line) {
    ++heard;
    if (line != "the first") return;
    std::thread([] { log_once("the second"); }).join();
  });
  log_once("the first");
  EXPECT_EQ(heard, 2);
}

}  // namespace
}  // namespace matrass
