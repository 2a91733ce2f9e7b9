// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Changing layouts; tiles and whole arrays in and out.
/// Next: bind_scalapack.cpp
#include <pybind11/stl.h>

#include <algorithm>
#include <matrass/layout/layout.hpp>
#include <matrass/redistribute/tiles.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"

namespace matrass::bindings {

namespace {

using BlockArgument = std::optional<std::pair<Index, Index>>;
using ArrayTile = std::tuple<Index, Index, py::array>;

Distribution wanted_distribution(const char* routine, const ProcessGrid& grid, Shape shape,
                                 const std::string& layout, const BlockArgument& block, int root) {
  const mpi::Call call(routine, shape, layout, grid.map());
  return mpi::throw_together(grid.comm(), call, [&] {
    return Distribution(grid.map(), shape, parse_layout(layout), layout_options(block, root));
  });
}

Matrix to(const Matrix& a, const ProcessGrid& grid, const std::string& layout, BlockArgument block,
          int root) {
  return std::visit(
      [&](const auto& m) {
        const Distribution d = wanted_distribution("to", grid, m.shape(), layout, block, root);
        return Matrix{redistribute(m, grid, d)};
      },
      a.value);
}

void copy_into(const Matrix& a, const Matrix& target) {
  std::visit(
      [&](const auto& m) {
        using M = std::decay_t<decltype(m)>;
        const M* other = std::get_if<M>(&target.value);
        mpi::throw_together(m.grid().comm(), mpi::Call("assign", m.distribution()), [&] {
          if (other == nullptr) {
            throw DTypeError("assign: dtypes must be equal: got " +
                             scalar_name(static_cast<int>(a.value.index())) + " for " +
                             scalar_name(static_cast<int>(target.value.index())));
          }
        });
        redistribute_into(m, *other);
      },
      a.value);
}

/// @param code the scalar of all tiles of all ranks, as the caller has found it.
Matrix from_tiles_of(const ProcessGrid& grid, const std::vector<ArrayTile>& arrays,
                     std::pair<Index, Index> shape, int code, const std::string& layout,
                     BlockArgument block) {
  return with_scalar(code, [&](auto scalar) {
    using T = decltype(scalar);
    std::vector<Tile<const T>> tiles;
    tiles.reserve(arrays.size());
    for (const auto& [i0, j0, array] : arrays) {
      tiles.push_back({i0, j0, part_of<T>(array, false)});
    }
    const py::gil_scoped_release no_gil;
    const Distribution d =
        wanted_distribution("from_tiles", grid, {shape.first, shape.second}, layout, block, 0);
    return Matrix{from_tiles<T>(grid, tiles, d)};
  });
}

Matrix from_global_array(const ProcessGrid& grid, const std::optional<py::array>& x,
                         std::pair<Index, Index> shape, int code, const std::string& layout,
                         BlockArgument block, std::optional<int> root) {
  return with_scalar(code, [&](auto scalar) {
    using T = decltype(scalar);
    LocalPart<const T> part;
    if (x) part = part_of<T>(*x, false);
    const py::gil_scoped_release no_gil;
    const Distribution d =
        wanted_distribution("from_global", grid, {shape.first, shape.second}, layout, block, 0);
    return Matrix{from_global<T>(grid, part, d, root)};
  });
}

/// The whole of `a` as an array in memory of the pool, where ranks of this machine write directly;
/// None on ranks other than `root`.
py::object gather(const Matrix& a, std::optional<int> root) {
  return std::visit(
      [&](const auto& m) -> py::object {
        using T = typename std::decay_t<decltype(m)>::value_type;
        const ProcessGrid& grid = m.grid();
        const Shape shape = m.shape();
        LocalPart<T> whole{nullptr, shape, 1, std::max<Index>(1, shape.rows)};
        std::shared_ptr<void> owner;
        const bool mine = !root || *root == grid.rank();
        {
          const py::gil_scoped_release no_gil;
          const mpi::Call call("gather", m.distribution(), root.value_or(-1));
          const auto storage = mpi::throw_together(grid.comm(), call, [&] {
            return Storage<T>::allocate(mine ? shape.size() : 0, false);
          });
          whole.data = storage.data();
          owner = storage.owner();
          to_global<T>(m, whole, root, owner);
        }
        if (!mine) return py::none();
        return array_on(whole, owner);
      },
      a.value);
}

void to_tiles_of(const Matrix& a, const std::vector<ArrayTile>& arrays) {
  std::visit(
      [&](const auto& m) {
        using T = typename std::decay_t<decltype(m)>::value_type;
        std::vector<Tile<T>> tiles;
        tiles.reserve(arrays.size());
        for (const auto& [i0, j0, array] : arrays) {
          tiles.push_back({i0, j0, part_of<T>(array, true)});
        }
        const py::gil_scoped_release no_gil;
        to_tiles<T>(m, tiles);
      },
      a.value);
}

}  // namespace

void bind_redistribute(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  module.def("to", &to, py::arg("a"), py::arg("grid"), py::arg("layout"), py::arg("block"),
             py::arg("root") = 0, NoGil());
  module.def("copy_into", &copy_into, py::arg("a"), py::arg("target"), NoGil());
  module.def("from_tiles", &from_tiles_of, py::arg("grid"), py::arg("tiles"), py::arg("shape"),
             py::arg("code"), py::arg("layout"), py::arg("block"));
  module.def("from_global", &from_global_array, py::arg("grid"), py::arg("x"), py::arg("shape"),
             py::arg("code"), py::arg("layout"), py::arg("block"), py::arg("root"));
  module.def("gather", &gather, py::arg("a"), py::arg("root"));
  module.def("to_tiles", &to_tiles_of, py::arg("a"), py::arg("tiles"));
}

}  // namespace matrass::bindings
