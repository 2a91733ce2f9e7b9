// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The extension module `matrass._core`: a list of what is bound, one file a folder of the C++
/// core. Python's documentation is in Python (python/matrass); the stubs are
/// python/matrass/_core.pyi. Next: any_matrix.hpp
#include "bindings.hpp"

PYBIND11_MODULE(_core, module) {
  namespace bindings = matrass::bindings;
  bindings::bind_errors(module);
  bindings::bind_log(module);
  bindings::bind_mpi(module);
  bindings::bind_session(module);
  bindings::bind_memory(module);
  bindings::bind_grid(module);
  bindings::bind_matrix(module);
  bindings::bind_elementwise(module);
  bindings::bind_redistribute(module);
  bindings::bind_scalapack(module);
  bindings::bind_dense(module);
  bindings::bind_algorithm(module);
  bindings::bind_tall(module);
  bindings::bind_iterative(module);
  bindings::bind_sparse(module);
  module.attr("__version__") = MATRASS_VERSION_STRING;
}
