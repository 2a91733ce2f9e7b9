// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The distributed matrix: what is local, and making one of zeros or from local memory.
/// Next: bind_redistribute.cpp
#include <pybind11/stl.h>

#include <matrass/layout/layout.hpp>
#include <matrass/matrix/create.hpp>
#include <matrass/mpi/collectives.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"

namespace matrass::bindings {

namespace {

using BlockArgument = std::optional<std::pair<Index, Index>>;

py::array_t<Index> index_array(const std::vector<Index>& indices) {
  return py::array_t<Index>(static_cast<py::ssize_t>(indices.size()), indices.data());
}

Matrix zeros(const ProcessGrid& grid, std::pair<Index, Index> shape, const py::object& dtype,
             const std::string& layout, BlockArgument block, int root, bool zero) {
  // dtypes are Python objects: looked at before the GIL is released; a wrong one is agreed on
  // below.
  const int code = scalar_code(py::dtype::from_args(dtype));
  const auto shown = py::str(dtype).cast<std::string>();
  const py::gil_scoped_release no_gil;
  const mpi::Call call("DistMatrix", shape.first, shape.second, code, layout);
  const Distribution d = mpi::throw_together(grid.comm(), call, [&] {
    if (code < 0) {
      throw DTypeError("DistMatrix: dtype must be " + std::string(scalar_names) + ": got " + shown);
    }
    return Distribution(grid.map(), {shape.first, shape.second}, parse_layout(layout),
                        layout_options(block, root));
  });
  return with_scalar(
      code, [&](auto scalar) { return Matrix{DistMatrix<decltype(scalar)>(grid, d, zero)}; });
}

/// Strides along an axis of at most one element mean nothing in NumPy; ScaLAPACK wants
/// row_stride 1 and a leading dimension.
template <class T>
LocalPart<T> with_leading_dimension(LocalPart<T> part) {
  if (part.shape.rows <= 1) part.row_stride = 1;
  if (part.shape.cols <= 1) part.col_stride = std::max<Index>(1, part.shape.rows);
  return part;
}

/// Adopts `local` (None on a rank without a share): the caller has made it fit.
Matrix from_local(const ProcessGrid& grid, const std::optional<py::array>& local,
                  std::pair<Index, Index> shape, int code, const std::string& layout,
                  BlockArgument block) {
  const Distribution d = [&] {
    const py::gil_scoped_release no_gil;
    const mpi::Call call("from_local", shape.first, shape.second, code, layout);
    return mpi::throw_together(grid.comm(), call, [&] {
      return Distribution(grid.map(), {shape.first, shape.second}, parse_layout(layout),
                          layout_options(block));
    });
  }();
  return with_scalar(code, [&](auto scalar) {
    using T = decltype(scalar);
    LocalPart<T> part;
    std::shared_ptr<void> owner;
    const Shape share = d.local_shape(grid.rank());
    if (share.size() == 0) part.shape = share;  // what None stands for
    if (local) {
      part = with_leading_dimension(part_of<T>(*local, true));
      owner = keep_alive(*local);
    }
    const py::gil_scoped_release no_gil;
    return Matrix{from_local<T>(grid, d, part, std::move(owner))};
  });
}

/// f(matrix) for whatever scalar `a` has.
template <class F>
auto visit(F f) {
  return [f](const Matrix& a) { return std::visit(f, a.value); };
}

/// The same for what gives a matrix.
template <class F>
auto visit_view(F f) {
  return [f](const Matrix& a) {
    return std::visit([&](const auto& m) { return Matrix{f(m)}; }, a.value);
  };
}

/// |a|'s conjugate in a new matrix; a itself where it is real.
template <Scalar T>
DistMatrix<T> conjugated(const DistMatrix<T>& a) {
  if constexpr (!is_complex<T>) {
    return a;
  } else {
    const py::gil_scoped_release no_gil;
    DistMatrix<T> result = a.copy();
    const LocalPart<T>& part = result.part();
    for (Index j = 0; j < part.shape.cols; ++j) {
      for (Index i = 0; i < part.shape.rows; ++i) part(i, j) = conjugate(part(i, j));
    }
    return result;
  }
}

void bind_properties(py::class_<Matrix>& matrix) {
  matrix.def_property_readonly(
      "shape", visit([](const auto& m) { return std::pair(m.shape().rows, m.shape().cols); }));
  matrix.def_property_readonly("dtype", [](const Matrix& a) {
    return py::dtype(scalar_name(static_cast<int>(a.value.index())));
  });
  matrix.def_property_readonly("layout",
                               visit([](const auto& m) { return to_string(m.layout()); }));
  matrix.def_property_readonly(
      "block", visit([](const auto& m) { return std::pair(m.block().rows, m.block().cols); }));
  matrix.def_property_readonly("grid", visit([](const auto& m) { return m.grid(); }));
  matrix.def_property_readonly(
      "local", visit([](const auto& m) { return array_on(m.part(), m.storage().owner()); }));
  matrix.def_property_readonly("local_rows",
                               visit([](const auto& m) { return index_array(m.local_rows()); }));
  matrix.def_property_readonly("local_cols",
                               visit([](const auto& m) { return index_array(m.local_cols()); }));
  matrix.def_property_readonly("local_nbytes", visit([](const auto& m) {
                                 return m.local_shape().size() *
                                        static_cast<Index>(sizeof(*m.data()));
                               }));
  matrix.def_property_readonly("on_one_rank", visit([](const auto& m) {
                                 const Distribution& d = m.distribution();
                                 return d.rows().nprocs == 1 && d.cols().nprocs == 1;
                               }));
  matrix.def_property_readonly(
      "holds", visit([](const auto& m) { return m.distribution().holds(m.grid().rank()); }));
  matrix.def_property_readonly("is_first_replica", visit([](const auto& m) {
                                 return m.distribution().is_first_replica(m.grid().rank());
                               }));
}

}  // namespace

void bind_matrix(py::module_& module) {
  py::class_<Matrix> matrix(module, "Matrix");
  bind_properties(matrix);
  matrix.def("transposed", visit_view([](const auto& m) { return m.transposed(); }));
  matrix.def("conjugated", visit_view([](const auto& m) { return conjugated(m); }));
  matrix.def("copy", visit_view([](const auto& m) { return m.copy(); }),
             py::call_guard<py::gil_scoped_release>());
  matrix.def("slice", [](const Matrix& a, Index i0, Index i1, Index j0, Index j1) {
    return std::visit([&](const auto& m) { return Matrix{m.slice(i0, i1, j0, j1)}; }, a.value);
  });
  module.def("zeros", &zeros, py::arg("grid"), py::arg("shape"), py::arg("dtype"),
             py::arg("layout"), py::arg("block"), py::arg("root") = 0, py::arg("zero") = true);
  module.def("from_local", &bindings::from_local, py::arg("grid"), py::arg("local"),
             py::arg("shape"), py::arg("code"), py::arg("layout"), py::arg("block"));
  module.def("scalar_code",
             [](const py::object& dtype) { return scalar_code(py::dtype::from_args(dtype)); });
  module.def("parse_layout", [](const std::string& text) { return to_string(parse_layout(text)); });
  module.def(
      "gather_codes",
      [](const ProcessGrid& grid, const std::vector<Index>& codes) {
        const std::vector<Index> mine =
            mpi::throw_together(grid.comm(), mpi::Call("dtypes"), [&] { return codes; });
        return mpi::allgather(grid.comm(), mine);
      },
      py::arg("grid"), py::arg("codes"), py::call_guard<py::gil_scoped_release>());
}

}  // namespace matrass::bindings
