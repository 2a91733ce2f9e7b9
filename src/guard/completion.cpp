// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Waiting for requests and messages: each Wait is its Test in the loop, each Probe its Iprobe.
/// Next: nonblocking.cpp (the calls that start requests)
#include "signature.hpp"

namespace guard = matrass::guard::detail;

namespace {

/// `test(&done)` in the loop, for calls whose arguments do not name a communicator.
template <class Test>
int wait_for(MPI_Comm comm, Test test) {
  if (const int error = guard::enter(comm); error != MPI_SUCCESS) return error;
  return guard::poll(comm, test);
}

}  // namespace

extern "C" {

int MPI_Wait(MPI_Request* request, MPI_Status* status) {
  return wait_for(MPI_COMM_NULL, [=](int* done) { return PMPI_Test(request, done, status); });
}

int MPI_Waitall(int count, MPI_Request requests[], MPI_Status statuses[]) {
  return wait_for(MPI_COMM_NULL,
                  [=](int* done) { return PMPI_Testall(count, requests, done, statuses); });
}

int MPI_Waitany(int count, MPI_Request requests[], int* index, MPI_Status* status) {
  return wait_for(MPI_COMM_NULL,
                  [=](int* done) { return PMPI_Testany(count, requests, index, done, status); });
}

int MPI_Waitsome(int count, MPI_Request requests[], int* finished, int indices[],
                 MPI_Status statuses[]) {
  return wait_for(MPI_COMM_NULL, [=](int* done) {
    const int error = PMPI_Testsome(count, requests, finished, indices, statuses);
    *done = *finished != 0;  // MPI_UNDEFINED, "nothing active", ends the wait too
    return error;
  });
}

int MPI_Probe(int source, int tag, MPI_Comm comm, MPI_Status* status) {
  return wait_for(comm, [=](int* done) { return PMPI_Iprobe(source, tag, comm, done, status); });
}

int MPI_Mprobe(int source, int tag, MPI_Comm comm, MPI_Message* message, MPI_Status* status) {
  return wait_for(
      comm, [=](int* done) { return PMPI_Improbe(source, tag, comm, done, message, status); });
}

MATRASS_CHECKED_ONE(3, Test)
MATRASS_CHECKED_ONE(4, Testall)
MATRASS_CHECKED_ONE(5, Testany)
MATRASS_CHECKED_ONE(5, Testsome)
MATRASS_CHECKED_ONE(3, Request_get_status)
MATRASS_CHECKED_ONE(5, Iprobe)
MATRASS_CHECKED_ONE(6, Improbe)
MATRASS_CHECKED_ONE(3, Parrived)
}
