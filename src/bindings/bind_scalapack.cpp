// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Descriptors and products.
/// Next: bind_dense.cpp
#include <pybind11/stl.h>

#include <matrass/scalapack/matmul.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"

namespace matrass::bindings {

namespace {

/// The nine integers and (IA, JA), 1-based.
std::pair<Descriptor, std::pair<Index, Index>> descriptor_of(const Matrix& a) {
  return std::visit(
      [](const auto& m) {
        const BlockCyclicAxis& rows = m.distribution().rows();
        const BlockCyclicAxis& cols = m.distribution().cols();
        return std::pair(m.descriptor(), std::pair(rows.first + 1, cols.first + 1));
      },
      a.value);
}

/// "N", "T" or "C".
Op parse_op(const std::string& name) { return static_cast<Op>(name.front()); }

/// alpha op(a) op(b) [+ beta out, in out]. The scalars of all matrices are equal: the caller has
/// converted them.
Matrix product(const Matrix& a, const Matrix& b, const std::string& op_a, const std::string& op_b,
               std::complex<double> alpha, std::complex<double> beta,
               const std::optional<Matrix>& out) {
  return std::visit(
      [&](const auto& left) {
        using M = std::decay_t<decltype(left)>;
        using T = typename M::value_type;
        const auto narrowed = [](std::complex<double> z) {
          if constexpr (is_complex<T>) {
            return static_cast<T>(z);
          } else {
            return static_cast<T>(z.real());
          }
        };
        const MatmulOptions<T> options{parse_op(op_a), parse_op(op_b), narrowed(alpha),
                                       narrowed(beta)};
        const M& right = std::get<M>(b.value);
        if (!out) return Matrix{matmul(left, right, options)};
        matmul_into(left, right, std::get<M>(out->value), options);
        return *out;
      },
      a.value);
}

}  // namespace

void bind_scalapack(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  module.def("descriptor", &descriptor_of, py::arg("a"), NoGil());
  module.def("matmul", &product, py::arg("a"), py::arg("b"), py::arg("op_a"), py::arg("op_b"),
             py::arg("alpha"), py::arg("beta"), py::arg("out"), NoGil());
}

}  // namespace matrass::bindings
