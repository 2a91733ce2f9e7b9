// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// One-sided communication. Collectives agree on the window's companion communicator, MPI_Win_wait
/// has a test; passive-target calls (lock, flush) have neither and stay MPI's own once they are in.
/// Next: files.cpp
#include "companions.hpp"

namespace guard = matrass::guard::detail;

/// A call that makes window `win` over communicator `comm` (letters of the parameter list).
#define MATRASS_WINDOW_ONE(count, name, comm, win)                              \
  int MPI_##name(MATRASS_PARAMS_##count(MPI_##name)) {                          \
    return guard::windows.create(comm, win, PMPI_##name, MATRASS_ARGS_##count); \
  }
#define MATRASS_WINDOW(count, name, comm, win) \
  MATRASS_WINDOW_ONE(count, name, comm, win)   \
  MATRASS_WINDOW_ONE(count, name##_c, comm, win)

extern "C" {

MATRASS_WINDOW(6, Win_create, e, g)
MATRASS_WINDOW(6, Win_allocate, d, g)
MATRASS_WINDOW(6, Win_allocate_shared, d, g)
MATRASS_WINDOW_ONE(3, Win_create_dynamic, b, c)

int MPI_Win_fence(int assert_, MPI_Win win) {
  return guard::windows.agreed(win, PMPI_Win_fence, assert_, win);
}

int MPI_Win_set_info(MPI_Win win, MPI_Info info) {
  return guard::windows.agreed(win, PMPI_Win_set_info, win, info);
}

int MPI_Win_free(MPI_Win* win) { return guard::windows.free(win, MPI_WIN_NULL, PMPI_Win_free); }

int MPI_Win_wait(MPI_Win win) {
  if (const int error = guard::enter(MPI_COMM_NULL); error != MPI_SUCCESS) return error;
  return guard::poll(MPI_COMM_NULL, [=](int* done) { return PMPI_Win_test(win, done); });
}

MATRASS_CHECKED_ONE(2, Win_test)
MATRASS_NATIVE_ONE(3, Win_start)
MATRASS_NATIVE_ONE(3, Win_post)
MATRASS_NATIVE_ONE(1, Win_complete)
MATRASS_NATIVE_ONE(4, Win_lock)
MATRASS_NATIVE_ONE(2, Win_lock_all)
MATRASS_NATIVE_ONE(2, Win_unlock)
MATRASS_NATIVE_ONE(1, Win_unlock_all)
MATRASS_NATIVE_ONE(2, Win_flush)
MATRASS_NATIVE_ONE(1, Win_flush_all)
MATRASS_NATIVE_ONE(2, Win_flush_local)
MATRASS_NATIVE_ONE(1, Win_flush_local_all)

MATRASS_CHECKED(8, Put)
MATRASS_CHECKED(8, Get)
MATRASS_CHECKED(9, Accumulate)
MATRASS_CHECKED(12, Get_accumulate)
MATRASS_CHECKED(9, Rput)
MATRASS_CHECKED(9, Rget)
MATRASS_CHECKED(10, Raccumulate)
MATRASS_CHECKED(13, Rget_accumulate)
MATRASS_CHECKED_ONE(7, Fetch_and_op)
MATRASS_CHECKED_ONE(7, Compare_and_swap)
}
