// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A sparse matrix of any of the four scalars.
/// Next: bind_sparse.cpp
#pragma once

#include <complex>
#include <matrass/sparse/sparse_matrix.hpp>
#include <variant>

#include "any_matrix.hpp"

namespace matrass::bindings {

using AnySparse =
    std::variant<SparseMatrix<float>, SparseMatrix<double>, SparseMatrix<std::complex<float>>,
                 SparseMatrix<std::complex<double>>>;

/// A class of its own, so that pybind11 binds it as one.
struct Sparse {
  AnySparse value;
};

/// What bind_sparse_solvers.cpp adds.
void bind_sparse_solvers(py::module_& module);

}  // namespace matrass::bindings
