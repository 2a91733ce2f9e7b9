// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What a rank of a session needs: its line to the driver, and copies from and to the driver's
/// memory.
/// Next: python/matrass/control/agent.py
#include <matrass/core/step.hpp>
#include <matrass/mpi/lifeline.hpp>
#include <matrass/redistribute/process_copy.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"

namespace matrass::bindings {

namespace {

/// `local` is this process's part of the array at `address` in process `pid`; strides in bytes.
void copy_process_array(int pid, std::uintptr_t address, std::pair<Index, Index> strides,
                        const py::array& local, bool to_process) {
  const py::buffer_info info = py::array(local).request(!to_process);
  const Shape shape{info.shape[0], info.shape[1]};
  const RawArray here{static_cast<std::byte*>(info.ptr), shape, info.strides[0], info.strides[1]};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address in another process
  const RawArray there{reinterpret_cast<std::byte*>(address), shape, strides.first, strides.second};
  const py::gil_scoped_release no_gil;
  copy_process(pid, there, here, info.itemsize, to_process ? Way::to_process : Way::from_process);
}

/// Has this thread's routines call `watcher` between their steps; None: nobody. What it raises is a
/// CancelledError of the routine.
void watch_steps(const py::object& watcher) {
  if (watcher.is_none()) {
    step_watcher() = nullptr;
    return;
  }
  step_watcher() = [held = std::static_pointer_cast<PyObject>(keep_alive(watcher))](double done) {
    const py::gil_scoped_acquire gil;
    std::string why;
    try {
      py::handle(held.get())(done);
      return;
    } catch (py::error_already_set& raised) {
      why = py::str(raised.value()).cast<std::string>();
    }
    throw Error(why, ErrorKind::cancelled);
  };
}

}  // namespace

void bind_session(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  py::class_<mpi::Lifeline>(module, "Lifeline")
      .def(py::init<const std::string&, const std::string&, const std::string&, bool>(),
           py::arg("host"), py::arg("port"), py::arg("hello"), py::arg("own"), NoGil())
      .def("close", &mpi::Lifeline::close, NoGil())
      .def("set_busy", &mpi::Lifeline::set_busy, py::arg("busy"));
  module.def("watch_steps", &watch_steps, py::arg("watcher"));
  module.def("copy_process", &copy_process_array, py::arg("pid"), py::arg("address"),
             py::arg("strides"), py::arg("local"), py::arg("to_process"));
}

}  // namespace matrass::bindings
