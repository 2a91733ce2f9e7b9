/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 * The guard's C interface: what a watchdog thread, ctypes or a C program needs of it.
 * Next: guard.hpp (the same for C++, with scopes and exceptions)
 */
#ifndef MATRASS_MPI_GUARD_H
#define MATRASS_MPI_GUARD_H

#include <stddef.h>

#define MATRASS_GUARD_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/** Why the world was ended. */
enum matrass_guard_kind {
  MATRASS_GUARD_RUNNING = 0,
  MATRASS_GUARD_RANK_LOST = 1,
  MATRASS_GUARD_CANCELLED = 2
};

/**
 * Ends the world for this process: every blocked MPI call returns at its next poll, later ones at
 * once. The first call wins, later ones change nothing. From any thread and from signal handlers;
 * needs no MPI and no GIL. Not collective: each process has its own flag.
 * @param kind MATRASS_GUARD_RANK_LOST or MATRASS_GUARD_CANCELLED
 * @param reason one line for people, copied; longer ones than 480 bytes are cut. NULL is "".
 * @returns 1 if this call set the flag, 0 if it was set before or `kind` is not one of the two
 */
MATRASS_GUARD_API int matrass_guard_interrupt(int kind, const char* reason);

/**
 * The kind (0 while the world is alive) and, if `size` > 0, the reason, always terminated.
 */
MATRASS_GUARD_API int matrass_guard_state(char* reason, size_t size);

/**
 * How many threads are now inside an MPI call that the guard cannot interrupt (MPI_Comm_split has
 * no non-blocking form, for instance). A watchdog that sees this above zero long after it set the
 * flag knows that the thread will not come back and may end the process.
 */
MATRASS_GUARD_API int matrass_guard_native_calls(void);

/**
 * How often this process asked the guard for an MPI call that can block. Shows that a library's
 * calls do pass through the guard (another MPI, loaded before, would have taken them).
 */
MATRASS_GUARD_API unsigned long long matrass_guard_calls(void);

#ifdef __cplusplus
}
#endif

#endif
