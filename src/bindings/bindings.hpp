// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What module.cpp binds.
/// Next: any_matrix.hpp
#pragma once

#include <pybind11/pybind11.h>

namespace matrass::bindings {

void bind_errors(pybind11::module_& module);
void bind_log(pybind11::module_& module);
void bind_mpi(pybind11::module_& module);
void bind_session(pybind11::module_& module);
void bind_memory(pybind11::module_& module);
void bind_grid(pybind11::module_& module);
void bind_matrix(pybind11::module_& module);
void bind_elementwise(pybind11::module_& module);
void bind_redistribute(pybind11::module_& module);
void bind_scalapack(pybind11::module_& module);
void bind_dense(pybind11::module_& module);
void bind_algorithm(pybind11::module_& module);
void bind_tall(pybind11::module_& module);
void bind_iterative(pybind11::module_& module);
void bind_sparse(pybind11::module_& module);

}  // namespace matrass::bindings
