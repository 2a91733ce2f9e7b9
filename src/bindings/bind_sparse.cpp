// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Sparse matrices. The caller (python/matrass/sparse.py) has agreed on arguments.
#include <pybind11/complex.h>
#include <pybind11/stl.h>

#include <matrass/sparse/gather.hpp>
#include <matrass/sparse/norm.hpp>
#include <matrass/sparse/product.hpp>
#include <matrass/sparse/truncated_svd.hpp>

#include "any_sparse.hpp"
#include "bindings.hpp"
#include "results.hpp"

namespace matrass::bindings {

namespace {

using NoGil = py::call_guard<py::gil_scoped_release>;
using IndexArray = py::array_t<Index, py::array::c_style>;

/// A one-dimensional array on memory that `owner` keeps.
template <class T>
py::array vector_on(const T* data, std::size_t size, const std::shared_ptr<void>& owner) {
  auto* held = new std::shared_ptr<void>(owner);
  const py::capsule base(held, [](void* at) { delete static_cast<std::shared_ptr<void>*>(at); });
  py::array array(py::dtype::of<T>(), {static_cast<py::ssize_t>(size)},
                  {static_cast<py::ssize_t>(sizeof(T))}, data, base);
  py::detail::array_proxy(array.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return array;
}

/// f(matrix) for whatever scalar `a` has.
template <class F>
auto visit(F f) {
  return [f](const Sparse& a) { return std::visit(f, a.value); };
}

template <class F>
auto visit_sparse(F f) {
  return [f](const Sparse& a) {
    return std::visit([&](const auto& m) { return Sparse{f(m)}; }, a.value);
  };
}

template <Scalar T>
T narrowed(std::complex<double> z) {
  if constexpr (is_complex<T>) {
    return static_cast<T>(z);
  } else {
    return static_cast<T>(z.real());
  }
}

/// Contiguous arrays of one length, the values of the scalar with this code.
Sparse from_triplets(const ProcessGrid& grid, const IndexArray& rows, const IndexArray& columns,
                     const py::array& values, std::pair<Index, Index> shape, int code,
                     std::optional<Index> block) {
  return with_scalar(code, [&](auto scalar) {
    using T = decltype(scalar);
    const Triplets<T> mine{rows.size(), rows.data(), columns.data(),
                           static_cast<const T*>(values.data())};
    const py::gil_scoped_release no_gil;
    return Sparse{matrass::from_triplets<T>(grid, mine, {shape.first, shape.second}, block)};
  });
}

/// (values, local columns, row starts, touched columns): the first three share the memory.
template <Scalar T>
py::tuple csr_of(const SparseMatrix<T>& a) {
  const CsrPart<T>& part = a.part();
  const std::shared_ptr<void> owner = a.owner();
  return py::make_tuple(vector_on(part.values.data(), static_cast<std::size_t>(part.nnz()), owner),
                        vector_on(part.columns.data(), part.columns.size(), owner),
                        vector_on(part.starts.data(), part.starts.size(), owner),
                        vector_on(part.touched.data(), part.touched.size(), owner));
}

Sparse astype(const Sparse& a, int code) {
  return std::visit(
      [&](const auto& m) {
        return with_scalar(code, [&](auto scalar) -> Sparse {
          using From = typename std::decay_t<decltype(m)>::value_type;
          using To = decltype(scalar);
          if constexpr (is_complex<From> && !is_complex<To>) {
            throw DTypeError("astype: a complex matrix cannot become real");
          } else {
            return Sparse{m.template with_values<To>(
                "astype", [](From x, Index) { return static_cast<To>(x); })};
          }
        });
      },
      a.value);
}

Sparse scaled(const Sparse& a, std::complex<double> factor) {
  return std::visit(
      [&](const auto& m) {
        using T = typename std::decay_t<decltype(m)>::value_type;
        // The factor is that of the matrix as it is seen.
        const T seen = narrowed<T>(factor);
        const T by = m.view().conjugated ? conjugate(seen) : seen;
        return Sparse{m.template with_values<T>("scale", [by](T x, Index) { return x * by; })};
      },
      a.value);
}

/// A B, with B or A sparse; the scalars are equal.
Matrix product(const Sparse& a, const Matrix& b, bool sparse_first) {
  return std::visit(
      [&](const auto& m) {
        using T = typename std::decay_t<decltype(m)>::value_type;
        const auto& dense = std::get<DistMatrix<T>>(b.value);
        return sparse_first ? Matrix{matmul(m, dense)} : Matrix{matmul(dense, m)};
      },
      a.value);
}

Matrix normal(const Sparse& a, const Matrix& x) {
  return std::visit(
      [&](const auto& m) {
        using T = typename std::decay_t<decltype(m)>::value_type;
        return Matrix{normal_product(m, std::get<DistMatrix<T>>(x.value))};
      },
      a.value);
}

/// (rows, columns, values) of all entries where they were asked for.
py::tuple gathered(const Sparse& a, std::optional<int> root) {
  return std::visit(
      [&](const auto& m) -> py::tuple {
        const auto all = [&] {
          const py::gil_scoped_release no_gil;
          return gather(m, root);
        }();
        return py::make_tuple(array_of(all.rows), array_of(all.columns), array_of(all.values));
      },
      a.value);
}

void bind_class(py::module_& module) {
  py::class_<Sparse> sparse(module, "Sparse");
  sparse.def_property_readonly(
      "shape", visit([](const auto& m) { return std::pair(m.shape().rows, m.shape().cols); }));
  sparse.def_property_readonly("dtype", [](const Sparse& a) {
    return py::dtype(scalar_name(static_cast<int>(a.value.index())));
  });
  sparse.def_property_readonly("nnz", visit([](const auto& m) { return m.nnz(); }));
  sparse.def_property_readonly("local_nnz", visit([](const auto& m) { return m.part().nnz(); }));
  sparse.def_property_readonly("block",
                               visit([](const auto& m) { return m.stored().block().rows; }));
  sparse.def_property_readonly("is_transposed",
                               visit([](const auto& m) { return m.view().transposed; }));
  sparse.def_property_readonly("is_conjugated",
                               visit([](const auto& m) { return m.view().conjugated; }));
  sparse.def_property_readonly("stored_rows",
                               visit([](const auto& m) { return array_of(m.local_rows()); }));
  sparse.def_property_readonly("csr", visit([](const auto& m) { return csr_of(m); }));
  sparse.def_property_readonly("exchanged", visit([](const auto& m) {
                                 return std::pair(m.exchange().received(), m.exchange().sent());
                               }));
  sparse.def("transposed", visit_sparse([](const auto& m) { return m.transposed(); }));
  sparse.def("conjugated", visit_sparse([](const auto& m) { return m.conjugated(); }));
}

}  // namespace

void bind_sparse(py::module_& module) {
  bind_class(module);
  module.def("sparse_from_triplets", &bindings::from_triplets, py::arg("grid"), py::arg("rows"),
             py::arg("columns"), py::arg("values"), py::arg("shape"), py::arg("code"),
             py::arg("block"));
  module.def("sparse_astype", &bindings::astype, py::arg("a"), py::arg("code"), NoGil());
  module.def("sparse_scaled", &scaled, py::arg("a"), py::arg("factor"), NoGil());
  module.def("sparse_product", &product, py::arg("a"), py::arg("b"), py::arg("sparse_first"),
             NoGil());
  module.def("sparse_normal_product", &normal, py::arg("a"), py::arg("x"), NoGil());
  module.def(
      "sparse_rows",
      [](const Sparse& a, Index i0, Index i1) {
        return std::visit([&](const auto& m) { return Sparse{rows_of(m, i0, i1)}; }, a.value);
      },
      py::arg("a"), py::arg("i0"), py::arg("i1"), NoGil());
  module.def(
      "sparse_to_dense",
      [](const Sparse& a) {
        return std::visit([](const auto& m) { return Matrix{to_dense(m)}; }, a.value);
      },
      py::arg("a"), NoGil());
  module.def(
      "sparse_from_dense",
      [](const Matrix& a, double threshold) {
        return std::visit([&](const auto& m) { return Sparse{from_dense(m, threshold)}; }, a.value);
      },
      py::arg("a"), py::arg("threshold"), NoGil());
  module.def(
      "sparse_norm",
      [](const Sparse& a, const std::string& kind) {
        return std::visit([&](const auto& m) { return norm(m, parse_norm(kind)); }, a.value);
      },
      py::arg("a"), py::arg("kind"), NoGil());
  module.def(
      "sparse_sum",
      [](const Sparse& a) {
        return std::visit([](const auto& m) { return std::complex<double>(sum(m)); }, a.value);
      },
      py::arg("a"), NoGil());
  module.def("sparse_gather", &gathered, py::arg("a"), py::arg("root"));
  module.def("sparse_truncated_svd", &truncated_svd_of<Sparse>, py::arg("a"), py::arg("k"),
             py::arg("method"), py::arg("tol"), py::arg("seed"));
  bind_sparse_solvers(module);
}

}  // namespace matrass::bindings
