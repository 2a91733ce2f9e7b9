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

std::atomic<long> count{0};
std::atomic<long> fatal{0};

void started() {
  if (++count == fatal) kill(getpid(), SIGKILL);
}

/// The function of this name in the next library, MPI itself.
template <class Function>
Function* next(Function*, const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define MATRASS_COUNTED(name, parameters, arguments)  \
  int name parameters {                               \
    static auto* const original = next(&name, #name); \
    started();                                        \
    return original arguments;                        \
  }

extern "C" {

/// The n-th start from now on is the last; 0 never.
__attribute__((visibility("default"))) void victim_arm(long n) {
  count = 0;
  fatal = n;
}
__attribute__((visibility("default"))) long victim_count() { return count; }

#define MATRASS_SEND(name, Count)                                                               \
  MATRASS_COUNTED(                                                                              \
      name, (const void* b, Count n, MPI_Datatype t, int d, int g, MPI_Comm c, MPI_Request* r), \
      (b, n, t, d, g, c, r))
MATRASS_SEND(PMPI_Isend, int)
MATRASS_SEND(PMPI_Isend_c, MPI_Count)
MATRASS_SEND(PMPI_Issend, int)
MATRASS_SEND(PMPI_Issend_c, MPI_Count)
MATRASS_SEND(PMPI_Irsend, int)
MATRASS_SEND(PMPI_Irsend_c, MPI_Count)
MATRASS_COUNTED(PMPI_Irecv,
                (void* b, int n, MPI_Datatype t, int s, int g, MPI_Comm c, MPI_Request* r),
                (b, n, t, s, g, c, r))
MATRASS_COUNTED(PMPI_Irecv_c,
                (void* b, MPI_Count n, MPI_Datatype t, int s, int g, MPI_Comm c, MPI_Request* r),
                (b, n, t, s, g, c, r))
MATRASS_COUNTED(PMPI_Ibarrier, (MPI_Comm c, MPI_Request* r), (c, r))
MATRASS_COUNTED(PMPI_Ibcast, (void* b, int n, MPI_Datatype t, int root, MPI_Comm c, MPI_Request* r),
                (b, n, t, root, c, r))
MATRASS_COUNTED(PMPI_Ireduce,
                (const void* a, void* b, int n, MPI_Datatype t, MPI_Op o, int root, MPI_Comm c,
                 MPI_Request* r),
                (a, b, n, t, o, root, c, r))
MATRASS_COUNTED(PMPI_Iallreduce,
                (const void* a, void* b, int n, MPI_Datatype t, MPI_Op o, MPI_Comm c,
                 MPI_Request* r),
                (a, b, n, t, o, c, r))
}
