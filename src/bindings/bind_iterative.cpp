// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Iterative methods, k-means, random features.
#include <pybind11/stl.h>

#include <matrass/algorithm/cg.hpp>
#include <matrass/algorithm/kmeans.hpp>
#include <matrass/algorithm/lsqr.hpp>
#include <matrass/algorithm/random_features.hpp>
#include <string>
#include <vector>

#include "any_matrix.hpp"
#include "bindings.hpp"
#include "results.hpp"

namespace matrass::bindings {

namespace {

/// (x, iterations, residual, converged). The caller has seen to it that dtypes are equal.
py::tuple cg_of(const Matrix& a, const Matrix& b, const Matrix* x0, double tol, Index maxiter) {
  return std::visit(
      [&](const auto& m) -> py::tuple {
        using M = std::remove_cvref_t<decltype(m)>;
        const auto found = [&] {
          const py::gil_scoped_release no_gil;
          const M& right = std::get<M>(b.value);
          if (x0 == nullptr) return cg(m, right, {tol, maxiter});
          return cg(m, right, std::get<M>(x0->value), {tol, maxiter});
        }();
        return py::make_tuple(Matrix{found.x}, found.iterations, array_of(found.residual),
                              found.converged);
      },
      a.value);
}

/// (x, iterations, residual, normal residual, condition, converged)
py::tuple lsqr_of(const Matrix& a, const Matrix& b, double damp, double atol, double btol,
                  double conlim, Index maxiter) {
  return std::visit(
      [&](const auto& m) -> py::tuple {
        using M = std::remove_cvref_t<decltype(m)>;
        const auto found = [&] {
          const py::gil_scoped_release no_gil;
          return lsqr(m, std::get<M>(b.value), {damp, atol, btol, conlim, maxiter});
        }();
        return py::make_tuple(Matrix{found.x}, found.iterations, array_of(found.residual),
                              array_of(found.normal_residual), array_of(found.condition),
                              found.converged);
      },
      a.value);
}

/// Calls f(m) for a real matrix. @throws DTypeError, which every rank does alike
template <class F>
py::object with_real(const Matrix& a, const std::string& routine, F&& f) {
  return std::visit(
      [&](const auto& m) -> py::object {
        if constexpr (is_complex<typename std::remove_cvref_t<decltype(m)>::value_type>) {
          throw DTypeError(routine + ": A must be real: got a complex one");
        } else {
          return f(m);
        }
      },
      a.value);
}

/// (labels, centers, inertia, iterations, converged); centers: k x n or None for `init`.
py::object kmeans_of(const Matrix& a, Index k, const std::string& init,
                     const std::optional<std::vector<double>>& centers, Index max_iter, double tol,
                     std::uint64_t seed, Index n_init) {
  return with_real(a, "kmeans", [&](const auto& m) -> py::object {
    const auto found = [&] {
      const py::gil_scoped_release no_gil;
      KMeansOptions options;
      options.init = init == "k-means||" ? KMeansInit::parallel : KMeansInit::plus_plus;
      options.centers = centers;
      options.max_iter = max_iter;
      options.tol = tol;
      options.seed = seed;
      options.n_init = n_init;
      return kmeans(m, k, options);
    }();
    return py::make_tuple(Matrix{found.labels}, array_of(found.centers), found.inertia,
                          found.iterations, found.converged);
  });
}

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
  module.def("cg", &cg_of, py::arg("a"), py::arg("b"), py::arg("x0"), py::arg("tol"),
             py::arg("maxiter"));
  module.def("lsqr", &lsqr_of, py::arg("a"), py::arg("b"), py::arg("damp"), py::arg("atol"),
             py::arg("btol"), py::arg("conlim"), py::arg("maxiter"));
  module.def("kmeans", &kmeans_of, py::arg("a"), py::arg("k"), py::arg("init"), py::arg("centers"),
             py::arg("max_iter"), py::arg("tol"), py::arg("seed"), py::arg("n_init"));
  module.def("random_features", &random_features_of, py::arg("a"), py::arg("n"), py::arg("gamma"),
             py::arg("seed"), py::arg("first"), py::arg("total"));
}

}  // namespace matrass::bindings
