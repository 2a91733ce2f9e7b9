// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Factorisations and solvers of ScaLAPACK. Arguments are agreed on by the caller.
/// Next: bind_algorithm.cpp
#include <pybind11/stl.h>

#include <matrass/algorithm/certificate.hpp>
#include <matrass/algorithm/pinv.hpp>
#include <matrass/algorithm/qr.hpp>
#include <matrass/algorithm/svd.hpp>
#include <matrass/scalapack/eigh.hpp>
#include <matrass/scalapack/eigvals.hpp>
#include <matrass/scalapack/lu.hpp>
#include <matrass/scalapack/solve.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"
#include "results.hpp"

namespace matrass::bindings {

namespace {

/// "L" or "U".
Triangle parse_triangle(const std::string& name) { return static_cast<Triangle>(name.front()); }

QrMode parse_qr_mode(const std::string& name) {
  if (name == "complete") return QrMode::complete;
  return name == "r" ? QrMode::r : QrMode::reduced;
}

SvdMode parse_svd_mode(const std::string& name) {
  if (name == "full") return SvdMode::full;
  return name == "values" ? SvdMode::values : SvdMode::reduced;
}

Assume parse_assume(const std::string& name) {
  if (name == "pos") return Assume::positive;
  return name == "sym" ? Assume::symmetric : Assume::general;
}

template <class T>
py::object as_python(const DistMatrix<T>& m) {
  return m.empty_handle() ? py::none() : py::cast(Matrix{m});
}
template <class R>
py::object as_python(const std::vector<R>& values) {
  return array_of(values);
}
template <class T>
py::object as_python(const Lu<T>& f) {
  return py::make_tuple(array_of(f.permutation), Matrix{f.l}, Matrix{f.u});
}
template <class T>
py::object as_python(const SignAndLog<T>& d) {
  return py::make_tuple(d.sign, d.log);
}
template <class T>
py::object as_python(const Qr<T>& f) {
  return py::make_tuple(as_python(f.q), Matrix{f.r});
}
template <class T>
py::object as_python(const Svd<T>& f) {
  return py::make_tuple(Matrix{f.u}, array_of(f.s), Matrix{f.vt});
}
template <class T>
py::object as_python(const Eigh<T>& f) {
  return py::make_tuple(array_of(f.w), Matrix{f.v});
}

/// Calls f(m) with the matrix of `a`, without the GIL.
template <class F>
auto without_gil(const Matrix& a, F&& f) {
  return std::visit(
      [&](const auto& m) {
        const auto found = [&] {
          const py::gil_scoped_release no_gil;
          return f(m);
        }();
        return as_python(found);
      },
      a.value);
}

py::object solve_any(const Matrix& a, const Matrix& b, const std::string& assume) {
  return without_gil(a, [&](const auto& m) {
    return solve(m, std::get<std::decay_t<decltype(m)>>(b.value), parse_assume(assume));
  });
}

/// (residual, orthogonality or None)
py::object as_python(const Certificate& c) { return py::make_tuple(c.residual, c.orthogonality); }

/// The certificate of what `routine` has given: its matrices and its values, in its order.
py::object certificate_of(const std::string& routine, const Matrix& a,
                          const std::vector<Matrix>& matrices, const py::object& values,
                          const std::string& how) {
  return std::visit(
      [&](const auto& m) {
        using M = std::decay_t<decltype(m)>;
        using T = typename M::value_type;
        const auto matrix = [&](std::size_t k) { return std::get<M>(matrices[k].value); };
        std::vector<Real<T>> s;
        std::vector<Index> permutation;
        if (routine == "lu") {
          permutation = values.cast<std::vector<Index>>();
        } else if (!values.is_none()) {
          s = values.cast<std::vector<Real<T>>>();
        }
        const auto found = [&]() -> Certificate {
          const py::gil_scoped_release no_gil;
          if (routine == "qr") return certify(m, Qr<T>{matrix(0), matrix(1)});
          if (routine == "lu") return certify(m, Lu<T>{permutation, matrix(0), matrix(1)});
          if (routine == "svd") return certify(m, Svd<T>{matrix(0), s, matrix(1)});
          if (routine == "eigh") return certify(m, Eigh<T>{s, matrix(0)}, parse_triangle(how));
          if (routine == "cholesky") return certify_cholesky(m, matrix(0), parse_triangle(how));
          return certify_solve(m, matrix(0), matrix(1), parse_assume(how));
        }();
        return as_python(found);
      },
      a.value);
}

}  // namespace

void bind_dense(py::module_& module) {
  const auto with = [&module](const char* name, auto routine) {
    module.def(
        name,
        [routine](const Matrix& a, const std::string& how) -> py::object {
          return without_gil(a, [&](const auto& m) { return routine(m, how); });
        },
        py::arg("a"), py::arg("how"));
  };
  const auto plain = [&module](const char* name, auto routine) {
    module.def(
        name, [routine](const Matrix& a) -> py::object { return without_gil(a, routine); },
        py::arg("a"));
  };
  with("cholesky", [](const auto& m, const auto& how) { return cholesky(m, parse_triangle(how)); });
  with("eigh", [](const auto& m, const auto& how) { return eigh(m, parse_triangle(how)); });
  with("qr", [](const auto& m, const auto& how) { return qr(m, parse_qr_mode(how)); });
  with("svd", [](const auto& m, const auto& how) { return svd(m, parse_svd_mode(how)); });
  plain("lu", [](const auto& m) { return lu(m); });
  with("slogdet", [](const auto& m, const auto& how) { return detail::slogdet_of(m, how); });
  plain("inv", [](const auto& m) { return inv(m); });
  plain("eigvals", [](const auto& m) { return eigvals(m); });
  module.def(
      "pinv",
      [](const Matrix& a, std::optional<double> rcond) -> py::object {
        return without_gil(a, [&](const auto& m) { return pinv(m, rcond); });
      },
      py::arg("a"), py::arg("rcond"));
  module.def("certificate", &certificate_of, py::arg("routine"), py::arg("a"), py::arg("matrices"),
             py::arg("values"), py::arg("how"));
  module.def("solve", &solve_any, py::arg("a"), py::arg("b"), py::arg("assume"));
}

}  // namespace matrass::bindings
