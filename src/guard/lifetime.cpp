// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// MPI_Init, MPI_Finalize and MPI_Abort: none may hang or end a process that has other work to do.
/// Next: scalapack_text.cpp (whose aborts these are)
#include <cstdio>
#include <string>

#include "below_mpi.hpp"
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

int MPI_Init(int* argc, char*** argv) {
  const int error = PMPI_Init(argc, argv);
  guard::reach_below_mpi();
  return error;
}

int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
  const int error = PMPI_Init_thread(argc, argv, required, provided);
  guard::reach_below_mpi();
  return error;
}

int MPI_Session_init(MPI_Info info, MPI_Errhandler handler, MPI_Session* session) {
  const int error = PMPI_Session_init(info, handler, session);
  guard::reach_below_mpi();
  return error;
}

/// In a dead world this does nothing and succeeds: the process may exit. It never throws.
int MPI_Finalize() {
  if (guard::stopped()) return MPI_SUCCESS;
  int initialised = 0, finalised = 0;
  PMPI_Initialized(&initialised);
  PMPI_Finalized(&finalised);
  if (initialised != 0 && finalised == 0 && !world_arrives()) return MPI_SUCCESS;
  try {
    const guard::NativeCall inside;
    return PMPI_Finalize();
  } catch (const guard::LeaveNative&) {
    return MPI_SUCCESS;
  }
}

/// As MPI_Finalize. Sessions have no communicator of all who take part, on which to meet.
int MPI_Session_finalize(MPI_Session* session) {
  if (!guard::stopped()) {
    try {
      const guard::NativeCall inside;
      return PMPI_Session_finalize(session);
    } catch (const guard::LeaveNative&) {  // NOLINT(bugprone-empty-catch): the world has died
    }
  }
  *session = MPI_SESSION_NULL;
  return MPI_SUCCESS;
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
