// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A library for LD_PRELOAD: makes the system one before Linux 5.14, which knows neither
/// MADV_POPULATE_WRITE nor MADV_COLLAPSE. By a filter of system calls, for UCX leads the function
/// `madvise` of every library to itself. Next: tests/cpp/redistribute/CMakeLists.txt
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr unsigned populate_write = 23;
constexpr unsigned collapse = 25;

constexpr sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset));
}

/// Goes on `skip` instructions further if the loaded word is (not) `value`.
constexpr sock_filter if_equal(unsigned value, unsigned char skip) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skip, 0);
}
constexpr sock_filter if_other(unsigned value, unsigned char skip) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

constexpr sock_filter answer(unsigned what) { return BPF_STMT(BPF_RET | BPF_K, what); }

[[gnu::constructor]] void forget() {
  std::array<sock_filter, 7> filter{load(offsetof(seccomp_data, nr)),
                                    if_other(SYS_madvise, 3),
                                    load(offsetof(seccomp_data, args[2])),
                                    if_equal(populate_write, 2),
                                    if_equal(collapse, 1),
                                    answer(SECCOMP_RET_ALLOW),
                                    answer(SECCOMP_RET_ERRNO | EINVAL)};
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    std::perror("old_kernel");
    std::exit(1);
  }
}

}  // namespace
