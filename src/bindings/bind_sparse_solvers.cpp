// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Solvers, k-means, ridge regression and principal components of sparse matrices.
#include <pybind11/complex.h>

#include <matrass/sparse/certificate.hpp>
#include <matrass/sparse/kmeans.hpp>
#include <matrass/sparse/pca.hpp>
#include <matrass/sparse/ridge.hpp>
#include <matrass/sparse/solvers.hpp>

#include "any_sparse.hpp"
#include "solver_results.hpp"

namespace matrass::bindings {

void bind_sparse_solvers(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  module.def("sparse_cg", &cg_of<Sparse>, py::arg("a"), py::arg("b"), py::arg("x0"), py::arg("tol"),
             py::arg("maxiter"));
  module.def("sparse_lsqr", &lsqr_of<Sparse>, py::arg("a"), py::arg("b"), py::arg("damp"),
             py::arg("atol"), py::arg("btol"), py::arg("conlim"), py::arg("maxiter"));
  module.def("sparse_kmeans", &kmeans_of<Sparse>, py::arg("a"), py::arg("k"), py::arg("init"),
             py::arg("centers"), py::arg("max_iter"), py::arg("tol"), py::arg("seed"),
             py::arg("n_init"));
  module.def("sparse_ridge", &ridge_of<Sparse>, py::arg("a"), py::arg("b"), py::arg("alpha"),
             py::arg("method"), py::arg("tol"), py::arg("max_steps"), NoGil());
  module.def("sparse_pca", &pca_of<Sparse>, py::arg("a"), py::arg("k"), py::arg("method"),
             py::arg("tol"), py::arg("seed"));
  module.def("sparse_certify_least_squares", &certify_least_squares_of<Sparse>, py::arg("a"),
             py::arg("b"), py::arg("x"), py::arg("alpha"), NoGil());
}

}  // namespace matrass::bindings
