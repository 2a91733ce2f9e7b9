// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What C++ logs goes to Python's logger "matrass", and to standard error once Python ends.
/// Next: bind_mpi.cpp
#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>
#include <matrass/core/log.hpp>
#include <string>
#include <thread>

#include "bindings.hpp"

namespace matrass::bindings {

namespace py = pybind11;

namespace {

/// Threads without the GIL log. Where the interpreter is ending, one that asks for the GIL never
/// gets it (and Python ends the thread as it likes): so the door is shut first, by atexit, and
/// those inside are waited for.
class Door {
 public:
  /// Never destroyed: threads may outlive static destruction.
  static Door& instance() {
    static auto* door = new Door;
    return *door;
  }

  /// @returns whether it is open; leave() then must follow.
  bool enter() {
    ++inside_;
    if (open_) return true;
    leave();
    return false;
  }
  void leave() { --inside_; }

  /// Waits for those inside, without the GIL, but not for ever: a logging handler is anybody's, and
  /// in a forked process the threads of its parent never leave.
  void shut() {
    open_ = false;
    const py::gil_scoped_release no_gil;
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (inside_ > 0 && std::chrono::steady_clock::now() < patience) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  std::atomic<bool> open_{true};
  std::atomic<int> inside_{0};
};

/// What a handler or a filter raises is no error of the call that logs. Ctrl-C is kept for later.
void give_to_python(const std::string& line) {
  const py::gil_scoped_acquire gil;
  const py::error_scope raised_before;
  try {
    py::module_::import("logging").attr("getLogger")("matrass").attr("warning")("%s", line);
  } catch (py::error_already_set& raised) {
    if (raised.matches(PyExc_KeyboardInterrupt)) {
      PyErr_SetInterrupt();
    } else {
      raised.discard_as_unraisable("matrass: logging");
    }
  }
}

void log(const std::string& line) {
  Door& door = Door::instance();
  if (!door.enter()) {
    log_to_stderr(line);
    return;
  }
  give_to_python(line);
  door.leave();
}

}  // namespace

void bind_log(py::module_& module) {
  py::module_::import("logging");  // before atexit: it ends later
  py::module_::import("atexit").attr("register")(py::cpp_function([] { Door::instance().shut(); }));
  log_sink() = log;
  module.def("log_once", &log_once, py::arg("line"), py::call_guard<py::gil_scoped_release>());
}

}  // namespace matrass::bindings
