// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What Python gets of solvers, k-means, ridge regression and principal components, of dense and of
/// sparse matrices. The callers have agreed on arguments and on equal scalars.
/// Next: bind_iterative.cpp, bind_sparse_solvers.cpp
#pragma once

#include <pybind11/stl.h>

#include <matrass/algorithm/cg.hpp>
#include <matrass/algorithm/kmeans.hpp>
#include <matrass/algorithm/lsqr.hpp>
#include <matrass/algorithm/pca.hpp>
#include <matrass/algorithm/ridge.hpp>
#include <matrass/algorithm/tall_certificate.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "any_matrix.hpp"
#include "results.hpp"

namespace matrass::bindings {

/// The dense matrix with the scalar of another one.
template <class M>
using DenseOf = DistMatrix<typename std::remove_cvref_t<M>::value_type>;

/// (x, iterations, residual, converged).
template <class AnyOf>
py::tuple cg_of(const AnyOf& a, const Matrix& b, const Matrix* x0, double tol, Index maxiter) {
  return std::visit(
      [&](const auto& m) -> py::tuple {
        using M = DenseOf<decltype(m)>;
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
template <class AnyOf>
py::tuple lsqr_of(const AnyOf& a, const Matrix& b, double damp, double atol, double btol,
                  double conlim, Index maxiter) {
  return std::visit(
      [&](const auto& m) -> py::tuple {
        using M = DenseOf<decltype(m)>;
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
template <class AnyOf, class F>
py::object with_real(const AnyOf& a, const std::string& routine, F&& f) {
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
template <class AnyOf>
py::object kmeans_of(const AnyOf& a, Index k, const std::string& init,
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

inline RidgeMethod parse_ridge_method(const std::string& name) {
  if (name == "cholesky") return RidgeMethod::cholesky;
  if (name == "svd") return RidgeMethod::svd;
  if (name == "tsqr") return RidgeMethod::tsqr;
  if (name == "cg") return RidgeMethod::cg;
  return RidgeMethod::automatic;
}

template <class AnyOf>
Matrix ridge_of(const AnyOf& a, const Matrix& b, const std::vector<double>& alpha,
                const std::string& method, double tol, Index max_steps) {
  return std::visit(
      [&](const auto& m) {
        const RidgeOptions options{alpha, parse_ridge_method(method), tol, max_steps};
        return Matrix{ridge(m, std::get<DenseOf<decltype(m)>>(b.value), options).x};
      },
      a.value);
}

/// (mean, components, explained variance, its ratio, singular values, scores, residual)
template <class AnyOf>
py::tuple pca_of(const AnyOf& a, Index k, const std::string& method, double tol,
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

using Measured = std::pair<double, std::optional<double>>;

template <class AnyOf>
Measured certify_least_squares_of(const AnyOf& a, const Matrix& b, const Matrix& x,
                                  const std::vector<double>& alpha) {
  return std::visit(
      [&](const auto& m) -> Measured {
        using M = DenseOf<decltype(m)>;
        const Certificate found =
            certify_least_squares(m, std::get<M>(b.value), std::get<M>(x.value), alpha);
        return {found.residual, found.orthogonality};
      },
      a.value);
}

}  // namespace matrass::bindings
