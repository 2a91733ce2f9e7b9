// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// MPI_Comm_split and the like wait inside MPI, in a loop around UCX's progress function. MPI's
/// import of that function is led here: below a native call it pauses politely when nothing
/// arrives, and once the flag is set it throws through MPI's frames. MPI is not usable afterwards
/// (it may still hold its lock), but the world is dead then and the guard lets no call in.
///
/// MPI_Finalize closes its connections, then waits in a blocking read for the process manager to
/// say that all ranks have. Over TCP a closing needs the peer's answer, and who waits there gives
/// none: both wait for ever (MPICH before 4.2, github.com/pmodels/mpich/pull/6596). MPI's import
/// of read is led here, too, and makes progress until there is something to read. Next: wait.hpp,
/// native()
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "below_mpi.hpp"
#include "imports.hpp"
#include "wait.hpp"

namespace matrass::guard::detail {

namespace {

using Progress = unsigned (*)(void* worker);
using Destroy = void (*)(void* worker);
Progress ucx_progress = nullptr;
Destroy ucx_destroy = nullptr;

// Read at every poll and lock below MPI, so no call into the loader for them.
[[gnu::tls_model("initial-exec")]] thread_local int depth = 0;
[[gnu::tls_model("initial-exec")]] thread_local std::array<pthread_mutex_t*, 4> held{};
thread_local Pause pause;
thread_local void* polled = nullptr;  ///< the worker of this thread's native call, while it lives

/// MPICH's lock, by its layout in memory (MPIDU_Thread_mutex_t).
struct MpichLock {
  pthread_mutex_t mutex;
  pthread_t owner;
  int entered;
};

int lock(pthread_mutex_t* mutex) {
  const int error = pthread_mutex_lock(mutex);
  if (depth > 0) *std::find(held.begin(), held.end() - 1, nullptr) = mutex;
  return error;
}

int unlock(pthread_mutex_t* mutex) {
  if (depth > 0)
    std::replace(held.begin(), held.end(), mutex, static_cast<pthread_mutex_t*>(nullptr));
  return pthread_mutex_unlock(mutex);
}

/// Gives back what this thread's native call has locked; leaves alone what does not look as
/// expected.
void give_back_locks() {
  for (auto* mutex : held) {
    auto* const mpich_lock = reinterpret_cast<MpichLock*>(mutex);
    if (mutex == nullptr || pthread_equal(mpich_lock->owner, pthread_self()) == 0 ||
        mpich_lock->entered != 1)
      continue;
    mpich_lock->owner = 0;
    mpich_lock->entered = 0;
    pthread_mutex_unlock(mutex);
  }
  held = {};
}

[[noreturn, gnu::cold]] void leave() {
  give_back_locks();
  throw LeaveNative{};  // NOLINT(bugprone-std-exception-baseclass): not for any catch but
                        // native()'s
}

unsigned progress(void* worker) {
  const unsigned events = ucx_progress(worker);
  if (depth == 0) [[likely]]
    return events;
  polled = worker;
  if (stopped()) leave();
  if (events == 0)
    pause();
  else
    pause = {};
  return events;
}

void destroy(void* worker) {
  if (polled == worker) polled = nullptr;
  ucx_destroy(worker);
}

bool readable(int file) {
  pollfd wanted{file, POLLIN, 0};
  return ::poll(&wanted, 1, 0) != 0;  // an end of file or an error as well: read says which
}

ssize_t read_with_progress(int file, void* into, std::size_t size) {
  while (depth > 0 && polled != nullptr && !readable(file)) progress(polled);
  return ::read(file, into, size);
}

}  // namespace

NativeCall::NativeCall() noexcept {
  native_calls.fetch_add(1, std::memory_order_relaxed);
  if (depth++ > 0) return;
  pause = {};
  held = {};
  polled = nullptr;
}

NativeCall::~NativeCall() {
  --depth;
  native_calls.fetch_sub(1, std::memory_order_relaxed);
}

void watch_native_progress() {
  void* const ucp = dlopen("libucp.so.0", RTLD_LAZY | RTLD_NOLOAD);
  Dl_info mpi{};
  if (ucp == nullptr || dladdr(reinterpret_cast<void*>(&PMPI_Send), &mpi) == 0) return;
  ucx_progress = reinterpret_cast<Progress>(dlsym(ucp, "ucp_worker_progress"));
  ucx_destroy = reinterpret_cast<Destroy>(dlsym(ucp, "ucp_worker_destroy"));
  if (ucx_progress == nullptr || ucx_destroy == nullptr) return;
  redirect_import(mpi.dli_fname, "ucp_worker_destroy", reinterpret_cast<void*>(&destroy));
  redirect_import(mpi.dli_fname, "read", reinterpret_cast<void*>(&read_with_progress));
  redirect_import(mpi.dli_fname, "ucp_worker_progress", reinterpret_cast<void*>(&progress));
  redirect_import(mpi.dli_fname, "pthread_mutex_lock", reinterpret_cast<void*>(&lock));
  redirect_import(mpi.dli_fname, "pthread_mutex_unlock", reinterpret_cast<void*>(&unlock));
}

}  // namespace matrass::guard::detail
