// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The process grid. Communicators come as Fortran handles, which every mpi4py can give.
/// Next: bind_matrix.cpp
#include <pybind11/stl.h>

#include <matrass/grid/process_grid.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"

namespace matrass::bindings {

namespace {

ProcessGrid make_grid(int fortran_comm, std::optional<std::pair<int, int>> shape,
                      const std::string& order) {
  const GridOrder filled = order == "C" ? GridOrder::row_major : GridOrder::column_major;
  MPI_Comm comm = MPI_Comm_f2c(fortran_comm);  // NOLINT(modernize-use-auto): a cast in a macro
  if (!shape) return ProcessGrid(comm, filled);
  return {comm, {shape->first, shape->second}, filled};
}

}  // namespace

void bind_grid(py::module_& module) {
  py::class_<ProcessGrid>(module, "Grid")
      .def(py::init(&make_grid), py::arg("comm"), py::arg("shape"), py::arg("order"),
           py::call_guard<py::gil_scoped_release>())
      .def_property_readonly(
          "shape", [](const ProcessGrid& g) { return std::pair(g.shape().rows, g.shape().cols); })
      .def_property_readonly("order",
                             [](const ProcessGrid& g) {
                               if (g.map().placement) return "placed";
                               return g.order() == GridOrder::row_major ? "C" : "F";
                             })
      .def_property_readonly("rank", &ProcessGrid::rank)
      .def_property_readonly("size", &ProcessGrid::size)
      .def_property_readonly("comm_size", [](const ProcessGrid& g) { return g.comm().size(); })
      .def_property_readonly("coords",
                             [](const ProcessGrid& g) -> std::optional<std::pair<int, int>> {
                               const auto at = g.coord();
                               if (!at) return std::nullopt;
                               return std::pair(at->row, at->col);
                             })
      .def("__eq__", [](const ProcessGrid& a, const ProcessGrid& b) { return a == b; });
}

}  // namespace matrass::bindings
