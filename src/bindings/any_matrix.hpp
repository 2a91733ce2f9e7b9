// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A matrix of any of the four scalars, and NumPy arrays as local parts: nothing is copied.
/// Next: bind_matrix.cpp
#pragma once

#include <pybind11/complex.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <complex>
#include <matrass/matrix/dist_matrix.hpp>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

namespace matrass::bindings {

namespace py = pybind11;

/// Python's side of DistMatrix: the scalar is a run-time value.
using AnyMatrix = std::variant<DistMatrix<float>, DistMatrix<double>,
                               DistMatrix<std::complex<float>>, DistMatrix<std::complex<double>>>;

/// A class of its own, so that pybind11 binds it as one (a variant is converted by value).
struct Matrix {
  AnyMatrix value;
};

/// The number of a dtype among the four scalars, -1 for any other. Also what ranks tell each other.
int scalar_code(const py::dtype& dtype);

/// "float32, float64, complex64 or complex128", for messages.
extern const char* const scalar_names;

/// "float64"
std::string scalar_name(int code);

/// Calls f(T{}) for the scalar with this code.
template <class F>
decltype(auto) with_scalar(int code, F&& f) {
  switch (code) {
    case 0:
      return f(float{});
    case 1:
      return f(double{});
    case 2:
      return f(std::complex<float>{});
    case 3:
      return f(std::complex<double>{});
    default:
      break;
  }
  throw DTypeError(std::string("dtype must be ") + scalar_names);
}

/// How Python gives a block size: None or (mb, nb); and the rest of LayoutOptions.
LayoutOptions layout_options(const std::optional<std::pair<Index, Index>>& block, int root = 0);

/// A 2-D array's memory with its strides in elements.
/// @throws InvalidArgument if the array is not aligned or its strides are no multiple of its items.
template <class T>
LocalPart<T> part_of(const py::array& array, bool writable) {
  const py::buffer_info info = py::array(array).request(writable);
  const auto item = static_cast<Index>(sizeof(T));
  return {static_cast<T*>(info.ptr),
          {info.shape[0], info.shape[1]},
          info.strides[0] / item,
          info.strides[1] / item};
}

/// Keeps a Python object alive from C++; it is released under the GIL, from whatever thread.
inline std::shared_ptr<void> keep_alive(py::object object) {
  return {object.release().ptr(), [](void* held) {
            if (Py_IsInitialized() == 0) return;  // too late to release anything
            const py::gil_scoped_acquire gil;
            py::handle(static_cast<PyObject*>(held)).dec_ref();
          }};
}

/// A NumPy array on `part`, kept alive by `owner`.
template <class T>
py::array array_on(const LocalPart<T>& part, const std::shared_ptr<void>& owner) {
  auto* held = new std::shared_ptr<void>(owner);
  const py::capsule base(held, [](void* at) { delete static_cast<std::shared_ptr<void>*>(at); });
  const auto item = static_cast<py::ssize_t>(sizeof(T));
  return py::array(py::dtype::of<T>(), {part.shape.rows, part.shape.cols},
                   {part.row_stride * item, part.col_stride * item}, part.data, base);
}

}  // namespace matrass::bindings
