// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A rank that kills itself in the middle: preloaded into the victim, counts the communication that
/// MPI is asked to start (below the guard) and raises SIGKILL at the n-th. Next:
/// tests/python/guard/world.py (who preloads it)
#pragma GCC visibility push(default)
#include <mpi.h>
#pragma GCC visibility pop

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

namespace {

struct Counter {
  std::atomic<long> count{0}, last{0};
  void operator()() {
    if (++count == last) kill(getpid(), SIGKILL);
  }
  void arm(long n) {
    last = n;
    count = 0;
  }
};

Counter started, polled;

/// MPI's own function of this name. By handle, for this library must not be linked to MPI:
/// preloaded, it would bring MPI before the guard.
template <class Function>
Function* original_of(Function*, const char* name) {
  static void* const mpi = dlopen(MATRASS_TEST_MPI, RTLD_LAZY);
  return reinterpret_cast<Function*>(dlsym(mpi, name));
}

}  // namespace

#define MATRASS_COUNTED(counter, name, parameters, arguments) \
  int name parameters {                                       \
    static auto* const original = original_of(&name, #name);  \
    counter();                                                \
    return original arguments;                                \
  }

extern "C" {

/// The n-th operation started, or the n-th poll, from now on is the last; 0 is never.
__attribute__((visibility("default"))) void victim_arm(long starts, long polls) {
  started.arm(starts);
  polled.arm(polls);
}
/// How many operations were started since.
__attribute__((visibility("default"))) long victim_count() { return started.count; }

#define MATRASS_SEND(name, Count)                                                         \
  MATRASS_COUNTED(                                                                        \
      started, name,                                                                      \
      (const void* b, Count n, MPI_Datatype t, int d, int g, MPI_Comm c, MPI_Request* r), \
      (b, n, t, d, g, c, r))
MATRASS_SEND(PMPI_Isend, int)
MATRASS_SEND(PMPI_Isend_c, MPI_Count)
MATRASS_SEND(PMPI_Issend, int)
MATRASS_SEND(PMPI_Issend_c, MPI_Count)
MATRASS_SEND(PMPI_Irsend, int)
MATRASS_SEND(PMPI_Irsend_c, MPI_Count)
MATRASS_COUNTED(started, PMPI_Irecv,
                (void* b, int n, MPI_Datatype t, int s, int g, MPI_Comm c, MPI_Request* r),
                (b, n, t, s, g, c, r))
MATRASS_COUNTED(started, PMPI_Irecv_c,
                (void* b, MPI_Count n, MPI_Datatype t, int s, int g, MPI_Comm c, MPI_Request* r),
                (b, n, t, s, g, c, r))
MATRASS_COUNTED(started, PMPI_Ibarrier, (MPI_Comm c, MPI_Request* r), (c, r))
MATRASS_COUNTED(started, PMPI_Ibcast,
                (void* b, int n, MPI_Datatype t, int root, MPI_Comm c, MPI_Request* r),
                (b, n, t, root, c, r))
MATRASS_COUNTED(started, PMPI_Ireduce,
                (const void* a, void* b, int n, MPI_Datatype t, MPI_Op o, int root, MPI_Comm c,
                 MPI_Request* r),
                (a, b, n, t, o, root, c, r))
MATRASS_COUNTED(started, PMPI_Iallreduce,
                (const void* a, void* b, int n, MPI_Datatype t, MPI_Op o, MPI_Comm c,
                 MPI_Request* r),
                (a, b, n, t, o, c, r))
MATRASS_COUNTED(started, PMPI_Iallgather,
                (const void* a, int m, MPI_Datatype s, void* b, int n, MPI_Datatype t, MPI_Comm c,
                 MPI_Request* r),
                (a, m, s, b, n, t, c, r))
MATRASS_COUNTED(started, PMPI_Iallgatherv,
                (const void* a, int m, MPI_Datatype s, void* b, const int* n, const int* at,
                 MPI_Datatype t, MPI_Comm c, MPI_Request* r),
                (a, m, s, b, n, at, t, c, r))

MATRASS_COUNTED(polled, PMPI_Test, (MPI_Request * r, int* f, MPI_Status* s), (r, f, s))
MATRASS_COUNTED(polled, PMPI_Testall, (int n, MPI_Request* r, int* f, MPI_Status* s), (n, r, f, s))
MATRASS_COUNTED(polled, PMPI_Testany, (int n, MPI_Request* r, int* i, int* f, MPI_Status* s),
                (n, r, i, f, s))
MATRASS_COUNTED(polled, PMPI_Testsome, (int n, MPI_Request* r, int* c, int* i, MPI_Status* s),
                (n, r, c, i, s))
MATRASS_COUNTED(polled, PMPI_Iprobe, (int s, int g, MPI_Comm c, int* f, MPI_Status* t),
                (s, g, c, f, t))
MATRASS_COUNTED(polled, PMPI_Improbe,
                (int s, int g, MPI_Comm c, int* f, MPI_Message* m, MPI_Status* t),
                (s, g, c, f, m, t))
}
