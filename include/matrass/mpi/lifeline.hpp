// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A rank's line to its session: a thread that answers while everything else is busy, and ends the
/// world when it is told to.
/// Next: python/matrass/control/lifeline.py (the other end)
#pragma once

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <matrass/mpi/check.hpp>
#include <matrass/mpi/guard.hpp>
#include <string>
#include <string_view>
#include <thread>

namespace matrass::mpi {

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

/// Connects to a host by name or address. @throws MPIError
inline Descriptor connected(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); code != 0) {
    throw MPIError("session: " + host + " must be known: " + ::gai_strerror(code));
  }
  int error = 0;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Descriptor line(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol));
    if (line.get() >= 0 && ::connect(line.get(), at->ai_addr, at->ai_addrlen) == 0) {
      const int now = 1;
      ::setsockopt(line.get(), IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
      ::freeaddrinfo(found);
      return line;
    }
    error = errno;
  }
  ::freeaddrinfo(found);
  throw MPIError("session: " + host + ":" + port + " must answer: " + std::strerror(error));
}

/// Lines of text, from the session: `ping N` (answered by `pong N CALLS NATIVE`: how many MPI calls
/// this process has made, and how many threads are in one that cannot be interrupted); `end KIND
/// REASON` (the guard's flag is set: blocked calls return); `bye` (the session is over). If the
/// line breaks without it, the session is gone: a rank that is computing is interrupted, and a
/// process that lives for the session alone ends.
///
/// The thread needs neither MPI nor Python's lock, so that an answer tells a process that is busy
/// from one that is stopped.
class Lifeline {
 public:
  /// @param hello the first line that the session hears
  /// @param own  whether this process lives for the session alone
  /// @throws MPIError if nobody answers at host:port
  Lifeline(const std::string& host, const std::string& port, const std::string& hello, bool own)
      : line_(connected(host, port)), wake_(::eventfd(0, EFD_CLOEXEC)), own_(own) {
    say(hello + "\n");
    thread_ = std::thread([this] { run(); });
  }
  Lifeline(const Lifeline&) = delete;
  Lifeline& operator=(const Lifeline&) = delete;
  ~Lifeline() { close(); }

  /// Ends the thread; the session is no longer heard.
  void close() {
    if (!thread_.joinable()) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
    thread_.join();
  }

  /// Whether a routine is running here, which is to be interrupted if the session is gone.
  void set_busy(bool busy) { busy_ = busy; }

 private:
  void run() {
    std::string heard;
    std::array<char, 4096> buffer{};
    while (true) {
      std::array<pollfd, 2> ready{{{line_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
      if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return;
      if (ready[1].revents != 0) return;
      if (ready[0].revents == 0) continue;
      const ssize_t got = ::recv(line_.get(), buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        alone();
        return;
      }
      heard.append(buffer.data(), static_cast<std::size_t>(got));
      for (std::size_t end = heard.find('\n'); end != std::string::npos; end = heard.find('\n')) {
        if (!obey(heard.substr(0, end))) return;
        heard.erase(0, end + 1);
      }
    }
  }

  /// @returns whether to listen on
  bool obey(const std::string& line) {
    if (line == "bye") return false;
    const std::size_t space = line.find(' ');
    const std::string word = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (word == "ping") {
      say("pong " + rest + " " + std::to_string(matrass_guard_calls()) + " " +
          std::to_string(matrass_guard_native_calls()) + "\n");
    } else if (word == "end") {
      const std::size_t second = rest.find(' ');
      const bool lost = rest.substr(0, second) == "lost";
      guard::interrupt(lost ? guard::Kind::rank_lost : guard::Kind::cancelled,
                       second == std::string::npos ? "" : rest.c_str() + second + 1);
    }
    return true;
  }

  void alone() {
    if (own_) ::_exit(86);
    if (busy_) guard::interrupt(guard::Kind::rank_lost, "the session's driver is gone");
  }

  void say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(line_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return;  // recv will find out
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  Descriptor line_;
  Descriptor wake_;
  bool own_;
  std::atomic<bool> busy_{false};
  std::thread thread_;
};

}  // namespace matrass::mpi
