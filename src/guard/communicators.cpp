// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Making communicators. Duplication has a non-blocking form; for the rest all ranks first arrive
/// in a guarded barrier on the parent. Next: companions.hpp (windows and files, whose handles do
/// not give their communicator back)
#include "signature.hpp"

namespace guard = matrass::guard::detail;

namespace {

/// MPI_Intercomm_create waits for the other group through its two leaders. They meet first,
/// guarded, on the same peer communicator and tag that the caller set aside for this call.
int leaders_meet(MPI_Comm local_comm, int local_leader, MPI_Comm peer_comm, int remote_leader,
                 int tag) {
  int rank = 0;
  if (const int error = PMPI_Comm_rank(local_comm, &rank); error != MPI_SUCCESS) return error;
  if (rank != local_leader) return MPI_SUCCESS;
  return MPI_Sendrecv(nullptr, 0, MPI_BYTE, remote_leader, tag, nullptr, 0, MPI_BYTE, remote_leader,
                      tag, peer_comm, MPI_STATUS_IGNORE);
}

}  // namespace

extern "C" {

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm* duplicate) {
  if (const int error = guard::enter(comm); error != MPI_SUCCESS) return error;
  MPI_Request request = MPI_REQUEST_NULL;
  const int error = PMPI_Comm_idup(comm, duplicate, &request);
  return error != MPI_SUCCESS ? error : guard::wait(comm, &request, MPI_STATUS_IGNORE);
}

int MPI_Comm_dup_with_info(MPI_Comm comm, MPI_Info info, MPI_Comm* duplicate) {
  if (const int error = guard::enter(comm); error != MPI_SUCCESS) return error;
  MPI_Request request = MPI_REQUEST_NULL;
  const int error = PMPI_Comm_idup_with_info(comm, info, duplicate, &request);
  return error != MPI_SUCCESS ? error : guard::wait(comm, &request, MPI_STATUS_IGNORE);
}

int MPI_Intercomm_create(MPI_Comm local_comm, int local_leader, MPI_Comm peer_comm,
                         int remote_leader, int tag, MPI_Comm* result) {
  if (const int error = guard::enter(local_comm); error != MPI_SUCCESS) return error;
  if (const int error = leaders_meet(local_comm, local_leader, peer_comm, remote_leader, tag);
      error != MPI_SUCCESS)
    return error;
  return guard::agreed(local_comm, PMPI_Intercomm_create, local_comm, local_leader, peer_comm,
                       remote_leader, tag, result);
}

// The parameter named last is the communicator whose ranks all take part.
MATRASS_AGREED_ONE(4, Comm_split, a)
MATRASS_AGREED_ONE(5, Comm_split_type, a)
MATRASS_AGREED_ONE(3, Comm_create, a)
MATRASS_AGREED_ONE(3, Intercomm_merge, a)
MATRASS_AGREED_ONE(6, Cart_create, a)
MATRASS_AGREED_ONE(3, Cart_sub, a)
MATRASS_AGREED_ONE(6, Graph_create, a)
MATRASS_AGREED_ONE(9, Dist_graph_create, a)
MATRASS_AGREED_ONE(10, Dist_graph_create_adjacent, a)

// Over a group or over another job: there is no communicator on which to meet before.
MATRASS_NATIVE_ONE(4, Comm_create_group)
MATRASS_NATIVE_ONE(5, Comm_create_from_group)
MATRASS_NATIVE_ONE(8, Intercomm_create_from_groups)
MATRASS_NATIVE_ONE(8, Comm_spawn)
MATRASS_NATIVE_ONE(9, Comm_spawn_multiple)
MATRASS_NATIVE_ONE(5, Comm_accept)
MATRASS_NATIVE_ONE(5, Comm_connect)
MATRASS_NATIVE_ONE(2, Comm_join)

// Collective by the standard, local in MPICH (nothing to wait for, so nothing to agree on). In a
// dead world the handle is dropped and the object left alone: destructors and exit handlers must
// get by.
int MPI_Comm_free(MPI_Comm* comm) {
  if (!guard::stopped()) return PMPI_Comm_free(comm);
  *comm = MPI_COMM_NULL;
  return MPI_SUCCESS;
}

int MPI_Comm_disconnect(MPI_Comm* comm) {
  if (!guard::stopped()) return guard::agreed(*comm, PMPI_Comm_disconnect, comm);
  *comm = MPI_COMM_NULL;
  return MPI_SUCCESS;
}
}
