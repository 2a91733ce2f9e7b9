// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A library for LD_PRELOAD: a system before Linux 5.14, which knows neither MADV_POPULATE_WRITE
/// nor MADV_COLLAPSE. Next: tests/cpp/redistribute/CMakeLists.txt
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

extern "C" int madvise(void* at, size_t size, int advice) noexcept {
  constexpr int populate_write = 23;
  constexpr int collapse = 25;
  if (advice == populate_write || advice == collapse) {
    errno = EINVAL;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_madvise, at, size, advice));
}
