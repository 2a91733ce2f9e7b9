// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The guard's core: a blocking MPI call is its non-blocking form and a polite, interruptible loop.
/// Next: signature.hpp (how the tables of wrappers are written), then collectives.cpp (such a
/// table)
#pragma once

// The library hides its symbols; what mpi.h declares is what it is there to export.
#pragma GCC visibility push(default)
#include <mpi.h>
#pragma GCC visibility pop

#include <atomic>
#include <cstdint>

namespace matrass::guard::detail {

/// Kind of the interruption, 0 while the world is alive; set once, by matrass_guard_interrupt.
extern std::atomic<int> stop_flag;
/// Blocking calls so far; a relaxed load and store, so concurrent threads may lose counts.
extern std::atomic<unsigned long long> call_count;
/// Threads inside MPI calls that cannot be interrupted.
extern std::atomic<int> native_calls;

inline bool stopped() noexcept { return stop_flag.load(std::memory_order_relaxed) != 0; }

/// What a call does once the flag is set: throws Interrupted inside a Scope, else calls a user-made
/// error handler of `comm` and returns the guard's error code. Never aborts, whatever the handler.
[[gnu::cold, gnu::noinline]] int fail(MPI_Comm comm);

/// The pause between two polls that found nothing: none for the first polls (a small message takes
/// less), then sched_yield, and naps once a millisecond went by. Yielding alone is not polite:
/// ranks that a launcher starts in sessions of their own are scheduled by session, and yield to
/// nobody else. docs/guard.md has the measurements behind the three numbers.
class Pause {
 public:
  void operator()() {
    if (++polls_ > free_polls) give_way();
  }

 private:
  static constexpr int free_polls = 300;
  [[gnu::noinline]] void give_way() noexcept;
  int polls_ = 0;
  std::int64_t start_ns_ = 0;
};

/// Repeats `test(&done)` until it is done or fails, or the flag is set.
template <class Test>
int poll(MPI_Comm comm, Test test) {
  for (Pause pause;; pause()) {
    int done = 0;
    const int error = test(&done);
    // The flag first: what completes in a dead world may not hold the data (peer_memory.cpp).
    if (stopped()) [[unlikely]]
      return fail(comm);
    if (error != MPI_SUCCESS || done != 0) return error;
  }
}

inline int wait(MPI_Comm comm, MPI_Request* request, MPI_Status* status) {
  return poll(comm, [=](int* done) { return PMPI_Test(request, done, status); });
}

/// Refuses once the flag is set: MPI_SUCCESS while the world is alive. Counts the call.
inline int enter(MPI_Comm comm) {
  if (stopped()) [[unlikely]]
    return fail(comm);
  call_count.store(call_count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return MPI_SUCCESS;
}

template <class First, class... Rest>
decltype(auto) last(First first, Rest... rest) {
  if constexpr (sizeof...(Rest) == 0)
    return first;
  else
    return last(rest...);
}

/// `start(args..., &request)`, then the loop. The last argument is the communicator, as in every
/// collective and every send.
template <class Start, class... Args>
int guarded(Start start, Args... args) {
  const MPI_Comm comm = last(args...);
  if (const int error = enter(comm); error != MPI_SUCCESS) return error;
  MPI_Request request = MPI_REQUEST_NULL;
  if (const int error = start(args..., &request); error != MPI_SUCCESS) return error;
  return wait(comm, &request, MPI_STATUS_IGNORE);
}

/// A call that does not block: MPI's own, unless the flag is set, before or meanwhile.
template <class Call, class... Args>
int checked(Call call, Args... args) {
  if (stopped()) [[unlikely]]
    return fail(MPI_COMM_NULL);
  const int error = call(args...);
  if (stopped()) [[unlikely]]
    return fail(MPI_COMM_NULL);
  return error;
}

/// Thrown by MPI's progress, below a native call, once the flag is set; never leaves native().
struct LeaveNative {};

/// While one lives, this thread is inside an MPI call that has no non-blocking form.
class NativeCall {
 public:
  NativeCall() noexcept;
  ~NativeCall();
  NativeCall(const NativeCall&) = delete;
  NativeCall& operator=(const NativeCall&) = delete;
};

/// A call that may block and has no non-blocking form. native_progress.cpp gets it out when the
/// flag is set, if MPI is built on UCX; else it is only counted while it runs.
template <class Call, class... Args>
int native(Call call, Args... args) {
  if (const int error = enter(MPI_COMM_NULL); error != MPI_SUCCESS) return error;
  int error = MPI_SUCCESS;
  try {
    const NativeCall inside;
    error = call(args...);
  } catch (const LeaveNative&) {  // NOLINT(bugprone-empty-catch): the flag says what is left to say
  }
  if (stopped()) [[unlikely]]
    return fail(MPI_COMM_NULL);
  return error;
}

/// Waits, guarded, until every rank of `comm` (both groups of an intercommunicator) is here.
int gather_all(MPI_Comm comm);

/// A collective without a non-blocking form: first everybody arrives (guarded), then MPI's own
/// call, which now has nobody to wait for. A rank that dies inside that call is the one gap that
/// remains.
template <class Call, class... Args>
int agreed(MPI_Comm comm, Call call, Args... args) {
  if (const int error = gather_all(comm); error != MPI_SUCCESS) return error;
  return native(call, args...);
}

}  // namespace matrass::guard::detail
