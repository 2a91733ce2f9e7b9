// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Windows and files do not tell their communicator: each gets a duplicate at creation, on which
/// its collectives agree before they enter MPI. One more of MPICH's 2,046 communicators for each.
/// Next: windows.cpp, files.cpp
#pragma once

#include <map>
#include <mutex>
#include <utility>

#include "signature.hpp"

namespace matrass::guard::detail {

/// Handle -> communicator, for MPI_Win or MPI_File.
template <class Handle>
class Companions {
 public:
  /// Collective over `comm`: duplicates it (which is also the meeting), then `create(args...)`,
  /// which writes `*handle`.
  template <class Create, class... Args>
  int create(MPI_Comm comm, Handle* handle, Create create, Args... args) {
    MPI_Comm companion = MPI_COMM_NULL;
    if (comm != MPI_COMM_NULL) {
      if (const int error = MPI_Comm_dup(comm, &companion); error != MPI_SUCCESS) return error;
    }
    const int error = native(create, args...);
    if (error == MPI_SUCCESS) {
      const std::scoped_lock lock(mutex_);
      of_[*handle] = companion;
    } else if (companion != MPI_COMM_NULL) {
      PMPI_Comm_free(&companion);
    }
    return error;
  }

  /// Collective over the handle's communicator: everybody arrives, then `call(args...)`.
  template <class Call, class... Args>
  int agreed(Handle handle, Call call, Args... args) {
    return detail::agreed(find(handle), call, args...);
  }

  /// The same for the call that ends the handle. In a dead world only the handle is dropped.
  template <class Free>
  int free(Handle* handle, Handle null, Free free) {
    if (stopped()) {
      *handle = null;
      return MPI_SUCCESS;
    }
    MPI_Comm companion = find(*handle);
    const Handle freed = *handle;
    const int error = detail::agreed(companion, free, handle);
    if (error != MPI_SUCCESS || companion == MPI_COMM_NULL) return error;
    {
      const std::scoped_lock lock(mutex_);
      of_.erase(freed);
    }
    return PMPI_Comm_free(&companion);
  }

 private:
  MPI_Comm find(Handle handle) {
    const std::scoped_lock lock(mutex_);
    const auto found = of_.find(handle);
    return found == of_.end() ? MPI_COMM_NULL : found->second;
  }

  std::mutex mutex_;
  std::map<Handle, MPI_Comm> of_;
};

// Never destroyed: exit handlers still free windows and close files.
extern Companions<MPI_Win>& windows;
extern Companions<MPI_File>& files;

}  // namespace matrass::guard::detail
