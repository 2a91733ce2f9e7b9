// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Long messages between ranks of one node are copied by the receiver straight out of the sender's
/// memory (process_vm_readv, in UCX's module libuct_cma). If the sender was killed, UCX takes the
/// failure for a bug and aborts the process. So the module's two imports are led here: a dead peer
/// ends the world by the guard's flag, and UCX is told that the bytes came, which nobody will look
/// at. (Without this transport UCX copies twice: a 64 KB message takes 2.6 times as long.) Source:
/// the ELF specification (dynamic section, RELA relocations), process_vm_readv(2). Next:
/// lifetime.cpp (who calls this)
#include <sys/uio.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "below_mpi.hpp"
#include "imports.hpp"
#include "matrass/mpi/guard.hpp"

namespace matrass::guard::detail {

namespace {

/// The watchdog knows better who died and why: it has a second to say so before this does.
void report_dead(pid_t pid) {
  constexpr timespec nap{0, 1'000'000};
  for (int i = 0; i < 1000 && !interrupted(); ++i) nanosleep(&nap, nullptr);
  std::array<char, 80> reason{};
  std::snprintf(reason.data(), reason.size(), "process %d of this world is gone",
                static_cast<int>(pid));
  interrupt(Kind::rank_lost, reason.data());
}

ssize_t total(const iovec* parts, unsigned long count) {
  ssize_t bytes = 0;
  for (unsigned long i = 0; i < count; ++i) bytes += static_cast<ssize_t>(parts[i].iov_len);
  return bytes;
}

/// What the kernel says, unless it says that the peer is gone. A process on its way out has lost
/// its address space (EFAULT) before its number (ESRCH).
template <class Copy>
ssize_t copy(Copy kernel_copy, pid_t pid, const iovec* local, unsigned long local_count,
             const iovec* remote, unsigned long remote_count, unsigned long flags) {
  const ssize_t copied = kernel_copy(pid, local, local_count, remote, remote_count, flags);
  if (copied >= 0 || (errno != ESRCH && errno != EFAULT)) return copied;
  report_dead(pid);
  return total(local, local_count);
}

ssize_t read_peer(pid_t pid, const iovec* local, unsigned long local_count, const iovec* remote,
                  unsigned long remote_count, unsigned long flags) {
  return copy(process_vm_readv, pid, local, local_count, remote, remote_count, flags);
}

ssize_t write_peer(pid_t pid, const iovec* local, unsigned long local_count, const iovec* remote,
                   unsigned long remote_count, unsigned long flags) {
  return copy(process_vm_writev, pid, local, local_count, remote, remote_count, flags);
}

}  // namespace

void survive_dead_peers() {
  redirect_import("libuct_cma", "process_vm_readv", reinterpret_cast<void*>(&read_peer));
  redirect_import("libuct_cma", "process_vm_writev", reinterpret_cast<void*>(&write_peer));
}

}  // namespace matrass::guard::detail
