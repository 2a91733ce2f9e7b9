// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// MPI_Comm_split and the like wait inside MPI, in a loop around UCX's progress function. MPI's
/// import of that function is led here: below a native call it pauses politely when nothing
/// arrives, and once the flag is set it throws through MPI's frames. MPI is not usable afterwards
/// (it may still hold its lock), but the world is dead then and the guard lets no call in. Next:
/// wait.hpp, native()
#include <dlfcn.h>
#include <pthread.h>

#include <algorithm>
#include <array>

#include "below_mpi.hpp"
#include "imports.hpp"
#include "wait.hpp"

namespace matrass::guard::detail {

namespace {

using Progress = unsigned (*)(void* worker);
Progress ucx_progress = nullptr;

// Read at every poll and lock below MPI, so no call into the loader for them.
[[gnu::tls_model("initial-exec")]] thread_local int depth = 0;
[[gnu::tls_model("initial-exec")]] thread_local std::array<pthread_mutex_t*, 4> held{};
thread_local Pause pause;

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
  if (stopped()) leave();
  if (events == 0)
    pause();
  else
    pause = {};
  return events;
}

}  // namespace

NativeCall::NativeCall() noexcept {
  native_calls.fetch_add(1, std::memory_order_relaxed);
  if (depth++ > 0) return;
  pause = {};
  held = {};
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
  if (ucx_progress == nullptr) return;
  redirect_import(mpi.dli_fname, "ucp_worker_progress", reinterpret_cast<void*>(&progress));
  redirect_import(mpi.dli_fname, "pthread_mutex_lock", reinterpret_cast<void*>(&lock));
  redirect_import(mpi.dli_fname, "pthread_mutex_unlock", reinterpret_cast<void*>(&unlock));
}

}  // namespace matrass::guard::detail
