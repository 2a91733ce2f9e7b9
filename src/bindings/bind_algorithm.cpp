// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Norms, truncated SVD, principal components.
#include <pybind11/stl.h>

#include <matrass/algorithm/norm.hpp>
#include <matrass/algorithm/pca.hpp>
#include <matrass/algorithm/truncated_svd.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"
#include "results.hpp"

namespace matrass::bindings {

namespace {

/// (mean, components, explained variance, its ratio, singular values, scores, residual)
py::tuple pca_of(const Matrix& a, Index k, const std::string& method, double tol,
                 std::uint64_t seed) {
  return std::visit(
      [&](const auto& m) -> py::tuple {
        const auto found = [&] {
          const py::gil_scoped_release no_gil;
          return pca(m, k, {parse_svd_method(method), tol, seed});
        }();
        return py::make_tuple(
            array_of(found.mean), Matrix{found.components}, array_of(found.explained_variance),
            array_of(found.explained_variance_ratio), array_of(found.singular_values),
            Matrix{found.scores}, array_of(found.residual));
      },
      a.value);
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
  module.def("truncated_svd", &truncated_svd_of<Matrix>, py::arg("a"), py::arg("k"),
             py::arg("method"), py::arg("tol"), py::arg("seed"));
  module.def("pca", &pca_of, py::arg("a"), py::arg("k"), py::arg("method"), py::arg("tol"),
             py::arg("seed"));
}

}  // namespace matrass::bindings
