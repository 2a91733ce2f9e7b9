// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Forked processes: for limits that must not bind the test itself, and for what forks do wrong.
/// Next: tests/cpp/matrix/test_arena.cpp
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

namespace matrass::test {

/// A process that runs `body` and tells what it returns, an exception's text too; it leaves by
/// _exit, so that nothing of the parent's is ended twice.
class Child {
 public:
  explicit Child(const std::function<std::string()>& body) {
    if (::pipe(pipe_.data()) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ != 0) {
      ::close(pipe_[1]);
      return;
    }
    std::string text;
    try {
      text = body();
    } catch (const std::exception& error) {
      text = error.what();
    }
    const bool told =
        ::write(pipe_[1], text.data(), text.size()) == static_cast<::ssize_t>(text.size());
    ::_exit(told ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) kill();
    ::close(pipe_[0]);
  }

  pid_t pid() const { return pid_; }

  /// What `body` returned, once it has; a child that dies before is a failure.
  std::string text() {
    std::string all;
    std::array<char, 256> buffer{};
    for (::ssize_t size = 0; (size = ::read(pipe_[0], buffer.data(), buffer.size())) > 0;) {
      all.append(buffer.data(), static_cast<std::size_t>(size));
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << "the forked process ended with status " << status;
    return all;
  }

  /// Ends it in the middle of what it does; it leaves nothing but its exit status.
  void kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  std::array<int, 2> pipe_{};
  pid_t pid_ = -1;
};

/// What `body` returns in a forked process.
inline std::string in_child(const std::function<std::string()>& body) { return Child(body).text(); }

/// Sets a limit of this process (RLIMIT_...): for children, which do not outlive it.
inline void limit_to(int resource, rlim_t most) {
  const rlimit limit{most, most};
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) {
    throw std::runtime_error("setrlimit");
  }
}

/// Bytes of addresses that this process has in use.
inline std::size_t addresses_in_use() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace matrass::test
