// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Iterative methods, k-means, random features.
#include <pybind11/stl.h>

#include <matrass/algorithm/random_features.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"
#include "solver_results.hpp"

namespace matrass::bindings {

namespace {

py::object random_features_of(const Matrix& a, Index n, double gamma, std::uint64_t seed,
                              Index first, Index total) {
  return with_real(a, "random_features", [&](const auto& m) -> py::object {
    const auto found = [&] {
      const py::gil_scoped_release no_gil;
      return random_features(m, n, gamma, {seed, first, total});
    }();
    return py::cast(Matrix{found});
  });
}

}  // namespace

void bind_iterative(py::module_& module) {
  module.def("cg", &cg_of<Matrix>, py::arg("a"), py::arg("b"), py::arg("x0"), py::arg("tol"),
             py::arg("maxiter"));
  module.def("lsqr", &lsqr_of<Matrix>, py::arg("a"), py::arg("b"), py::arg("damp"), py::arg("atol"),
             py::arg("btol"), py::arg("conlim"), py::arg("maxiter"));
  module.def("kmeans", &kmeans_of<Matrix>, py::arg("a"), py::arg("k"), py::arg("init"),
             py::arg("centers"), py::arg("max_iter"), py::arg("tol"), py::arg("seed"),
             py::arg("n_init"));
  module.def("random_features", &random_features_of, py::arg("a"), py::arg("n"), py::arg("gamma"),
             py::arg("seed"), py::arg("first"), py::arg("total"));
}

}  // namespace matrass::bindings
