// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Blocking sends and receives, guarded.
/// Next: completion.cpp (waiting for what was started elsewhere)
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "matrass/mpi/guard.hpp"
#include "signature.hpp"

namespace guard = matrass::guard::detail;

namespace {

/// Waits for a receive from `source`. MPICH 4.0.2 leaves the status of a non-blocking receive from
/// MPI_PROC_NULL empty; its blocking one, which does not block then, fills it in.
int wait_received(MPI_Comm comm, int source, MPI_Request* request, MPI_Status* status) {
  const int error = guard::wait(comm, request, status);
  if (error != MPI_SUCCESS || source != MPI_PROC_NULL) return error;
  return PMPI_Recv(nullptr, 0, MPI_BYTE, MPI_PROC_NULL, 0, comm, status);
}

/// A receive has its communicator before the status, and the status comes from the loop.
template <class Start, class Count>
int receive(Start start, void* data, Count count, MPI_Datatype type, int source, int tag,
            MPI_Comm comm, MPI_Status* status) {
  if (const int error = guard::enter(comm); error != MPI_SUCCESS) return error;
  MPI_Request request = MPI_REQUEST_NULL;
  const int error = start(data, count, type, source, tag, comm, &request);
  return error != MPI_SUCCESS ? error : wait_received(comm, source, &request, status);
}

template <class Start, class Count>
int receive_matched(Start start, void* data, Count count, MPI_Datatype type, MPI_Message* message,
                    MPI_Status* status) {
  if (const int error = guard::enter(MPI_COMM_NULL); error != MPI_SUCCESS) return error;
  MPI_Request request = MPI_REQUEST_NULL;
  const int error = start(data, count, type, message, &request);
  return error != MPI_SUCCESS ? error : guard::wait(MPI_COMM_NULL, &request, status);
}

/// Receive and send at once. The receive is posted first; if the send then turns out to be wrong
/// (a bad rank, say), the receive is taken back, as MPI_Sendrecv would not have posted it.
template <class StartSend, class StartRecv, class Count>
int exchange(StartSend start_send, StartRecv start_recv, const void* out, Count out_count,
             MPI_Datatype out_type, int dest, int send_tag, void* in, Count in_count,
             MPI_Datatype in_type, int source, int recv_tag, MPI_Comm comm, MPI_Status* status) {
  if (const int error = guard::enter(comm); error != MPI_SUCCESS) return error;
  MPI_Request received = MPI_REQUEST_NULL;
  MPI_Request sent = MPI_REQUEST_NULL;
  if (const int error = start_recv(in, in_count, in_type, source, recv_tag, comm, &received);
      error != MPI_SUCCESS)
    return error;
  if (const int error = start_send(out, out_count, out_type, dest, send_tag, comm, &sent);
      error != MPI_SUCCESS) {
    PMPI_Cancel(&received);
    guard::wait(comm, &received, MPI_STATUS_IGNORE);
    return error;
  }
  const int receive_error = wait_received(comm, source, &received, status);
  if (receive_error != MPI_SUCCESS && guard::stopped()) return receive_error;
  const int send_error = guard::wait(comm, &sent, MPI_STATUS_IGNORE);
  return receive_error != MPI_SUCCESS ? receive_error : send_error;
}

/// A copy of outgoing data. An abandoned send may still be read by its peer, so it outlives the
/// call then.
class Copy {
 public:
  explicit Copy(std::size_t size) : bytes_(new (std::nothrow) std::byte[size]) {}
  ~Copy() {
    if (guard::stopped()) matrass::guard::quarantine(std::move(bytes_));
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  [[nodiscard]] std::byte* data() const { return bytes_.get(); }

 private:
  std::shared_ptr<std::byte[]> bytes_;
};

/// Packed, sent from the copy and received in place. (MPICH 4.0.2 never completes the requests of
/// its own MPI_Isendrecv_replace.)
template <class PackSize, class Pack, class StartSend, class StartRecv, class Count>
int replace(PackSize pack_size, Pack pack, StartSend start_send, StartRecv start_recv, void* data,
            Count count, MPI_Datatype type, int dest, int send_tag, int source, int recv_tag,
            MPI_Comm comm, MPI_Status* status) {
  if (const int error = guard::enter(comm); error != MPI_SUCCESS) return error;
  Count size = 0, packed = 0;
  if (const int error = pack_size(count, type, comm, &size); error != MPI_SUCCESS) return error;
  const Copy copy(static_cast<std::size_t>(size));
  if (copy.data() == nullptr) return MPI_ERR_NO_MEM;
  if (const int error = pack(data, count, type, copy.data(), size, &packed, comm);
      error != MPI_SUCCESS)
    return error;
  return exchange(start_send, start_recv, copy.data(), packed, MPI_PACKED, dest, send_tag, data,
                  count, type, source, recv_tag, comm, status);
}

}  // namespace

#define MATRASS_RECEIVE(count, name, how, ...)         \
  int MPI_##name(MATRASS_PARAMS_##count(MPI_##name)) { \
    return how(__VA_ARGS__, MATRASS_ARGS_##count);     \
  }

extern "C" {

MATRASS_GUARDED(6, Send, Isend)
MATRASS_GUARDED(6, Ssend, Issend)
MATRASS_GUARDED(6, Rsend, Irsend)
MATRASS_CHECKED(6, Bsend)         // local: it copies into the attached buffer or fails
MATRASS_NATIVE(2, Buffer_detach)  // waits until what was buffered is sent

MATRASS_RECEIVE(7, Recv, receive, PMPI_Irecv)
MATRASS_RECEIVE(7, Recv_c, receive, PMPI_Irecv_c)
MATRASS_RECEIVE(5, Mrecv, receive_matched, PMPI_Imrecv)
MATRASS_RECEIVE(5, Mrecv_c, receive_matched, PMPI_Imrecv_c)
MATRASS_RECEIVE(12, Sendrecv, exchange, PMPI_Isend, PMPI_Irecv)
MATRASS_RECEIVE(12, Sendrecv_c, exchange, PMPI_Isend_c, PMPI_Irecv_c)
MATRASS_RECEIVE(9, Sendrecv_replace, replace, PMPI_Pack_size, PMPI_Pack, PMPI_Isend, PMPI_Irecv)
MATRASS_RECEIVE(9, Sendrecv_replace_c, replace, PMPI_Pack_size_c, PMPI_Pack_c, PMPI_Isend_c,
                PMPI_Irecv_c)
}
