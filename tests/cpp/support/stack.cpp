// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Takes stacks by signal and backtrace(3), names frames by dladdr and addr2line.
/// Next: tests/cpp/support/watchdog.cpp
#include "stack.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

namespace matrass::test {
namespace {

Stack asked_stack;                  // written by the handler, read after `answered`
std::atomic<bool> answered{false};  // lock-free: usable in a handler

int stack_signal() { return SIGRTMIN + 7; }

void answer(int /*signal*/) {
  asked_stack = stack_here();
  answered.store(true, std::memory_order_release);
}

struct Frame {
  std::string module;
  std::uintptr_t offset = 0;
  std::string text;
};

std::string demangle(const char* name) {
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return status == 0 ? text.get() : name;
}

/// What the dynamic linker knows: always there, but blind to functions that are not exported.
Frame locate(void* address) {
  Frame frame;
  Dl_info info{};
  std::ostringstream text;
  text << address;
  if (dladdr(address, &info) != 0 && info.dli_fname != nullptr) {
    frame.module = info.dli_fname;
    // A return address is one past the call: step back so that the line is the call's.
    frame.offset = reinterpret_cast<std::uintptr_t>(address) -
                   reinterpret_cast<std::uintptr_t>(info.dli_fbase) - 1;
    text << ' ' << info.dli_fname;
    if (info.dli_sname != nullptr) text << ' ' << demangle(info.dli_sname);
  }
  frame.text = text.str();
  return frame;
}

bool has_line_numbers(const std::string& module) {
  return !module.empty() && !module.starts_with("/usr/lib") && !module.starts_with("/lib");
}

/// One entry a frame; a frame has several lines where functions were inlined.
std::vector<std::string> lines_of(const std::string& command) {
  std::vector<std::string> lines;
  // NOLINTNEXTLINE(bugprone-command-processor): our own command
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "re"), &pclose);
  if (!pipe) return lines;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) {
    std::string line = buffer.data();
    if (!line.empty() && line.back() == '\n') line.pop_back();
    if (line.starts_with(" (inlined by)") && !lines.empty()) {
      lines.back() += "\n  " + line;
    } else {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

/// One addr2line for all frames of a module; a frame keeps dladdr's text where addr2line knows
/// nothing.
void add_lines(std::vector<Frame>& frames, const std::string& module,
               const std::vector<std::size_t>& which) {
  std::ostringstream command;
  command << "addr2line -C -f -i -p -e '" << module << "'" << std::hex;
  for (const std::size_t k : which) command << " 0x" << frames[k].offset;
  command << " 2>/dev/null";
  const std::vector<std::string> lines = lines_of(command.str());
  if (lines.size() != which.size()) return;
  for (std::size_t k = 0; k < which.size(); ++k) {
    if (!lines[k].starts_with("?? ")) frames[which[k]].text = lines[k];
  }
}

/// The frames of the signal handler are no part of the story: they end with the kernel's trampoline
/// in libc.
std::size_t innermost(const std::vector<Frame>& frames) {
  std::size_t k = 0;
  while (k < frames.size() && frames[k].text.find("libc.so") == std::string::npos) ++k;
  return k + 1;
}

/// Where GoogleTest called the test.
bool is_runner(const Frame& frame) {
  return frame.text.find("testing::internal::") != std::string::npos;
}

}  // namespace

void prepare_stacks() {
  stack_here();  // the first backtrace() loads libgcc_s, which a handler must not do
  struct sigaction action{};
  action.sa_handler = &answer;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(stack_signal(), &action, nullptr);
}

Stack stack_here() {
  Stack stack;
  stack.depth = backtrace(stack.frames.data(), static_cast<int>(stack.frames.size()));
  return stack;
}

Stack stack_of(pthread_t thread, std::chrono::milliseconds patience) {
  answered.store(false, std::memory_order_release);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  pthread_kill(thread, stack_signal());
  while (!answered.load(std::memory_order_acquire)) {
    if (std::chrono::steady_clock::now() > deadline) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return asked_stack;
}

std::string describe(const Stack& stack) {
  std::vector<Frame> frames;
  std::map<std::string, std::vector<std::size_t>> modules;
  for (int k = 0; k < stack.depth; ++k) {
    frames.push_back(locate(stack.frames[static_cast<std::size_t>(k)]));
    if (has_line_numbers(frames.back().module)) {
      modules[frames.back().module].push_back(frames.size() - 1);
    }
  }
  for (const auto& [module, which] : modules) add_lines(frames, module, which);
  std::ostringstream text;
  for (std::size_t k = innermost(frames); k < frames.size() && !is_runner(frames[k]); ++k) {
    text << "  " << frames[k].text << '\n';
  }
  return text.str();
}

void write_raw(const Stack& stack, int file) {
  backtrace_symbols_fd(stack.frames.data(), stack.depth, file);
}

}  // namespace matrass::test
