// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The pool of this process, and whether ranks of one machine share theirs.
/// Next: bind_grid.cpp
#include <pybind11/stl.h>

#include <matrass/grid/process_grid.hpp>
#include <matrass/matrix/node_memory.hpp>
#include <tuple>

#include "any_matrix.hpp"
#include "bindings.hpp"

namespace matrass::bindings {

namespace {

MemoryPool& pool() { return MemoryPool::instance(); }

/// Its lock may be held by a thread that makes pages, for seconds: not to be waited for with the
/// GIL.
py::dict memory() {
  const MemoryUse use = [] {
    const py::gil_scoped_release no_gil;
    return pool().use();
  }();
  py::dict result;
  result["in_use"] = use.in_use;
  result["kept"] = use.kept;
  result["peak"] = use.peak;
  result["shared"] = use.shared;
  result["huge"] = use.huge;
  return result;
}

/// How many ranks of the grid's communicator run on this machine, whether all of them can map each
/// other's pools, and why not. Collective at first use on a communicator.
std::tuple<int, bool, std::string> node_memory(const ProcessGrid& grid) {
  const NodeMemory& memory = NodeMemory::of(grid.comm());
  return {memory.node().size(), memory.shared(), memory.why_not()};
}

}  // namespace

void bind_memory(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  module.def("memory", &memory);
  module.def("trim_memory", [] { return pool().trim(); }, NoGil());
  module.def("reset_peak_memory", [] { pool().reset_peak(); }, NoGil());
  module.def("set_memory_limit", [](std::size_t limit) { pool().set_limit(limit); }, NoGil());
  module.def("node_memory", &node_memory, py::arg("grid"), NoGil());
}

}  // namespace matrass::bindings
