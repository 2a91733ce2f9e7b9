// SPDX-License-Identifier: BSD-3-Clause
// Takes a local part as nb::ndarray: where it lies, its shape and strides, and scales it in place.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>

namespace nb = nanobind;
using Matrix = nb::ndarray<double, nb::ndim<2>, nb::device::cpu>;

NB_MODULE(nanobind_view, module) {
  module.def(
      "about",
      [](const Matrix& a) {
        return nb::make_tuple(reinterpret_cast<std::uintptr_t>(a.data()), a.shape(0), a.shape(1),
                              a.stride(0), a.stride(1));
      },
      nb::arg("a").noconvert());
  module.def(
      "scale",
      [](const Matrix& a, double factor) {
        auto view = a.view();
        for (std::size_t j = 0; j < view.shape(1); ++j) {
          for (std::size_t i = 0; i < view.shape(0); ++i) view(i, j) *= factor;
        }
      },
      nb::arg("a").noconvert(), nb::arg("factor"));
}
