// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Norms, truncated SVD, principal components.
#include <pybind11/stl.h>

#include <matrass/algorithm/norm.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"

namespace matrass::bindings {

namespace {

Norm parse_norm(const std::string& name) {
  if (name == "1") return Norm::one;
  if (name == "-1") return Norm::minus_one;
  if (name == "inf") return Norm::infinity;
  if (name == "-inf") return Norm::minus_infinity;
  if (name == "max") return Norm::max;
  return Norm::frobenius;
}

}  // namespace

void bind_algorithm(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  module.def(
      "norm",
      [](const Matrix& a, const std::string& kind) {
        return std::visit([&](const auto& m) { return norm(m, parse_norm(kind)); }, a.value);
      },
      py::arg("a"), py::arg("kind"), NoGil());
}

}  // namespace matrass::bindings
