// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Starting and ending MPI from Python, with the GIL released.
/// Next: bind_memory.cpp
#include <mpi.h>
#include <pybind11/stl.h>

#include <matrass/core/types.hpp>
#include <matrass/mpi/check.hpp>
#include <matrass/mpi/collectives.hpp>
#include <matrass/mpi/environment.hpp>
#include <matrass/mpi/guard.hpp>

#include "bindings.hpp"

namespace matrass::bindings {

namespace py = pybind11;

namespace {

/// @returns whether MPI was started here (and so is to be ended here).
bool initialize() {
  int running = 0;
  MPI_Initialized(&running);
  if (running != 0) return false;
  int level = 0;
  mpi::check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &level), "MPI_Init_thread");
  return true;
}

void finalize() {
  int ended = 0;
  MPI_Finalized(&ended);
  if (ended == 0) MPI_Finalize();
}

/// This process's rank in MPI_COMM_WORLD, and its size.
std::pair<int, int> world() {
  std::pair<int, int> found;
  MPI_Comm_rank(MPI_COMM_WORLD, &found.first);
  MPI_Comm_size(MPI_COMM_WORLD, &found.second);
  return found;
}

/// From here on this process leaves MPI alone: MPI_Finalize, too, does nothing.
void leave(const std::string& reason) { guard::interrupt(guard::Kind::cancelled, reason.c_str()); }

}  // namespace

void bind_mpi(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  module.def("initialize", &initialize, NoGil());
  module.def("finalize", &finalize, NoGil());
  module.def("world", &world);
  module.def("end_together", &mpi::end_together, NoGil());
  module.def("leave", &leave, py::arg("reason"));
  module.def("set_largest_count", [](Index count) { mpi::largest_count() = count; });
  // What `_core` was compiled with, to be compared with what is loaded.
#ifdef MPICH_VERSION
  module.attr("mpich_version") = MPICH_VERSION;
#else
  module.attr("mpich_version") = py::none();
#endif
}

}  // namespace matrass::bindings
