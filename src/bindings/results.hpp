// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What several bindings give to Python, and how they read the names of norms.
/// Next: bind_dense.cpp
#pragma once

#include <pybind11/numpy.h>

#include <matrass/algorithm/norm.hpp>
#include <matrass/algorithm/truncated_svd.hpp>
#include <string>
#include <vector>

#include "any_matrix.hpp"

namespace matrass::bindings {

/// A new array with these values.
template <class R>
py::array_t<R> array_of(const std::vector<R>& values) {
  return py::array_t<R>(static_cast<py::ssize_t>(values.size()), values.data());
}

inline Norm parse_norm(const std::string& name) {
  if (name == "1") return Norm::one;
  if (name == "-1") return Norm::minus_one;
  if (name == "inf") return Norm::infinity;
  if (name == "-inf") return Norm::minus_infinity;
  if (name == "max") return Norm::max;
  return Norm::frobenius;
}

/// (U, S, V, residual) of a dense or sparse matrix of any scalar. The caller has agreed on the
/// arguments.
template <class AnyOf>
py::tuple truncated_svd_of(const AnyOf& a, Index k, const std::string& method, double tol,
                           std::uint64_t seed) {
  return std::visit(
      [&](const auto& m) -> py::tuple {
        const auto found = [&] {
          const py::gil_scoped_release no_gil;
          return truncated_svd(m, k, {parse_svd_method(method), tol, seed});
        }();
        return py::make_tuple(Matrix{found.u}, array_of(found.s), Matrix{found.v},
                              array_of(found.residual));
      },
      a.value);
}

}  // namespace matrass::bindings
