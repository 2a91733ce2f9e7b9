// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What the guard does below MPI, in UCX: two places where a dead rank would end or hold a live
/// one. Next: peer_memory.cpp, native_progress.cpp
#pragma once

namespace matrass::guard::detail {

/// A long message from a dead peer no longer aborts the process.
void survive_dead_peers();

/// Calls without a non-blocking form wait politely and can be left.
void watch_native_progress();

/// Call after MPI was initialised, on any thread, any number of times.
inline void reach_below_mpi() {
  survive_dead_peers();
  watch_native_progress();
}

}  // namespace matrass::guard::detail
