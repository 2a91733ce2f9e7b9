// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// MPI_Finalize and MPI_Abort: neither may hang or end a process that has other work to do.
/// Next: scalapack_text.cpp (whose aborts these are)
#include <cstdio>
#include <string>

#include "matrass/mpi/guard.hpp"
#include "scope.hpp"
#include "wait.hpp"

namespace guard = matrass::guard::detail;

namespace {

/// True if every rank arrived at the end, false if the world died before.
bool world_arrives() {
  MPI_Request request = MPI_REQUEST_NULL;
  if (PMPI_Ibarrier(MPI_COMM_WORLD, &request) != MPI_SUCCESS)
    return true;  // let MPI say what is wrong
  int done = 0;
  for (guard::Pause pause; done == 0; pause()) {
    if (guard::stopped()) return false;
    if (PMPI_Test(&request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return true;
  }
  return true;
}

}  // namespace

extern "C" {

/// In a dead world this does nothing and succeeds: the process may exit. It never throws.
int MPI_Finalize() {
  if (guard::stopped()) return MPI_SUCCESS;
  int initialised = 0, finalised = 0;
  PMPI_Initialized(&initialised);
  PMPI_Finalized(&finalised);
  if (initialised != 0 && finalised == 0 && !world_arrives()) return MPI_SUCCESS;
  guard::native_calls.fetch_add(1, std::memory_order_relaxed);
  const int error = PMPI_Finalize();
  guard::native_calls.fetch_sub(1, std::memory_order_relaxed);
  return error;
}

/// Inside a Scope an exception with what the aborting library said; outside MPI's own abort.
int MPI_Abort(MPI_Comm comm, int code) {
  if (!guard::in_scope()) return PMPI_Abort(comm, code);
  if (!guard::may_throw()) return MPI_ERR_OTHER;
  std::string text = matrass::guard::take_text();
  if (text.empty()) text = "MPI_Abort was called with code " + std::to_string(code);
  throw matrass::guard::Aborted(code, text);
}
}
