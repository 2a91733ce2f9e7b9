// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Norms, truncated SVD, principal components.
#include <pybind11/stl.h>

#include <matrass/algorithm/norm.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"
#include "results.hpp"
#include "solver_results.hpp"

namespace matrass::bindings {

void bind_algorithm(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  module.def(
      "norm",
      [](const Matrix& a, const std::string& kind) {
        return std::visit([&](const auto& m) { return norm(m, parse_norm(kind)); }, a.value);
      },
      py::arg("a"), py::arg("kind"), NoGil());
  module.def("truncated_svd", &truncated_svd_of<Matrix>, py::arg("a"), py::arg("k"),
             py::arg("method"), py::arg("tol"), py::arg("seed"));
  module.def("pca", &pca_of<Matrix>, py::arg("a"), py::arg("k"), py::arg("method"), py::arg("tol"),
             py::arg("seed"));
}

}  // namespace matrass::bindings
