// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// QR, least squares, ridge regression and leverage scores of tall matrices, and certificates.
#include <pybind11/stl.h>

#include <matrass/algorithm/leverage_scores.hpp>
#include <matrass/algorithm/tall_certificate.hpp>
#include <matrass/algorithm/tall_qr.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"
#include "results.hpp"
#include "solver_results.hpp"

namespace matrass::bindings {

namespace {

/// (Q, R), or (None, R) without `with_q`. The caller has agreed on the arguments of all of these,
/// and on equal scalars.
py::tuple tall_qr_of(const Matrix& a, bool with_q, const std::string& method) {
  const TallQrMethod wanted = method == "tsqr"       ? TallQrMethod::tsqr
                              : method == "cholesky" ? TallQrMethod::cholesky_qr2
                                                     : TallQrMethod::automatic;
  return std::visit(
      [&](const auto& m) -> py::tuple {
        const auto found = [&] {
          const py::gil_scoped_release no_gil;
          return tall_qr(m, with_q ? QrMode::reduced : QrMode::r, wanted);
        }();
        if (!with_q) return py::make_tuple(py::none(), Matrix{found.r});
        return py::make_tuple(Matrix{found.q}, Matrix{found.r});
      },
      a.value);
}

/// (x, residuals, rank, s)
py::tuple lstsq_of(const Matrix& a, const Matrix& b, std::optional<double> rcond) {
  return std::visit(
      [&](const auto& m) -> py::tuple {
        const auto found = [&] {
          const py::gil_scoped_release no_gil;
          return lstsq(m, std::get<std::decay_t<decltype(m)>>(b.value), {.rcond = rcond});
        }();
        return py::make_tuple(Matrix{found.x}, array_of(found.residuals), found.rank,
                              array_of(found.s));
      },
      a.value);
}

Matrix leverage_scores_of(const Matrix& a, bool sketch, Index rank, std::uint64_t seed) {
  const LeverageOptions options{sketch ? LeverageMethod::sketch : LeverageMethod::qr, rank, seed};
  return std::visit([&](const auto& m) { return Matrix{leverage_scores(m, options)}; }, a.value);
}

Measured certify_qr_of(const Matrix& a, const std::optional<Matrix>& q, const Matrix& r) {
  return std::visit(
      [&](const auto& m) -> Measured {
        using M = std::decay_t<decltype(m)>;
        const Certificate found =
            certify_qr(m, q ? std::get<M>(q->value) : M(), std::get<M>(r.value));
        return {found.residual, found.orthogonality};
      },
      a.value);
}

}  // namespace

void bind_tall(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  module.def("tall_qr", &tall_qr_of, py::arg("a"), py::arg("with_q"), py::arg("method"));
  module.def("lstsq", &lstsq_of, py::arg("a"), py::arg("b"), py::arg("rcond"));
  module.def("ridge", &ridge_of<Matrix>, py::arg("a"), py::arg("b"), py::arg("alpha"),
             py::arg("method"), py::arg("tol"), py::arg("max_steps"), NoGil());
  module.def("leverage_scores", &leverage_scores_of, py::arg("a"), py::arg("sketch"),
             py::arg("rank"), py::arg("seed"), NoGil());
  module.def("certify_qr", &certify_qr_of, py::arg("a"), py::arg("q"), py::arg("r"), NoGil());
  module.def("certify_least_squares", &certify_least_squares_of<Matrix>, py::arg("a"), py::arg("b"),
             py::arg("x"), py::arg("alpha"), NoGil());
}

}  // namespace matrass::bindings
