// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Changing layouts; tiles and whole arrays in and out.
/// Next: bind_scalapack.cpp
#include <pybind11/stl.h>

#include <algorithm>
#include <matrass/layout/layout.hpp>
#include <matrass/redistribute/convert.hpp>
#include <matrass/redistribute/counters.hpp>
#include <matrass/redistribute/relabel.hpp>
#include <matrass/redistribute/tile_sink.hpp>

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

/// Tiles on the memory of arrays; written to unless T is const.
template <class T>
std::vector<Tile<T>> tiles_on(const std::vector<ArrayTile>& arrays) {
  std::vector<Tile<T>> tiles;
  tiles.reserve(arrays.size());
  for (const auto& [i0, j0, array] : arrays) {
    tiles.push_back({i0, j0, part_of<std::remove_const_t<T>>(array, !std::is_const_v<T>)});
  }
  return tiles;
}

/// f(m, To{}) for the scalar of `a` and the one with this code.
/// @throws DTypeError on all ranks where an imaginary part would be lost
template <class F>
auto visit_conversion(const char* routine, const Matrix& a, int code, F&& f) {
  return std::visit(
      [&](const auto& m) {
        using From = typename std::decay_t<decltype(m)>::value_type;
        return with_scalar(code, [&](auto scalar) {
          using To = decltype(scalar);
          if constexpr (Convertible<From, To>) {
            return f(m, scalar);
          } else {
            mpi::throw_together(m.grid().comm(), mpi::Call(routine, code), [&] {
              throw DTypeError(std::string(routine) + ": dtype must be complex: got " +
                               scalar_name(code) + " for a matrix of " +
                               scalar_name(static_cast<int>(a.value.index())));
            });
            return decltype(f(std::declval<const DistMatrix<To>&>(), scalar)){};
          }
        });
      },
      a.value);
}

MoveOptions move_options(std::optional<Index> max_memory) { return {.max_memory = max_memory}; }

Matrix to(const Matrix& a, const ProcessGrid& grid, const std::string& layout, BlockArgument block,
          int root, int code, std::optional<Index> max_memory) {
  return visit_conversion("to", a, code, [&](const auto& m, auto scalar) {
    const Distribution d = wanted_distribution("to", grid, m.shape(), layout, block, root);
    return Matrix{redistribute_as<decltype(scalar)>(m, grid, d, move_options(max_memory))};
  });
}

Explanation explain_to(const Matrix& a, const ProcessGrid& grid, const std::string& layout,
                       BlockArgument block, int root, int code, std::optional<Index> max_memory) {
  return visit_conversion("to", a, code, [&](const auto& m, auto scalar) {
    const Distribution d = wanted_distribution("to", grid, m.shape(), layout, block, root);
    return explain_as<decltype(scalar)>(m, grid, d, move_options(max_memory));
  });
}

Matrix astype(const Matrix& a, int code) {
  return visit_conversion("astype", a, code, [&](const auto& m, auto scalar) {
    return Matrix{redistribute_as<decltype(scalar)>(m, m.grid(), m.distribution())};
  });
}

/// The grid on which `a` comes into this layout by the fewest bytes.
ProcessGrid best_grid(const Matrix& a, const std::string& layout, BlockArgument block, int root) {
  return std::visit(
      [&](const auto& m) {
        const mpi::Call call("to", m.distribution(), layout, root);
        return mpi::throw_together(m.grid().comm(), call, [&] {
          return m.grid().placed(
              relabelled_grid(m.distribution(), parse_layout(layout), layout_options(block, root)));
        });
      },
      a.value);
}

/// Copies `a` into `target`, whatever its scalar.
void copy_into(const Matrix& a, const Matrix& target, std::optional<Index> max_memory) {
  const int code = static_cast<int>(target.value.index());
  visit_conversion("assign", a, code, [&](const auto& m, auto scalar) {
    const auto& other = std::get<DistMatrix<decltype(scalar)>>(target.value);
    convert_into(m, other, move_options(max_memory));
    return true;
  });
}

/// @param code the scalar of all tiles of all ranks, as the caller has found it.
Matrix from_tiles_of(const ProcessGrid& grid, const std::vector<ArrayTile>& arrays,
                     std::pair<Index, Index> shape, int code, const std::string& layout,
                     BlockArgument block) {
  return with_scalar(code, [&](auto scalar) {
    using T = decltype(scalar);
    const auto tiles = tiles_on<const T>(arrays);
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

/// What copy_into would do.
Explanation explain_copy(const Matrix& a, const Matrix& target, std::optional<Index> max_memory) {
  const int code = static_cast<int>(target.value.index());
  return visit_conversion("to", a, code, [&](const auto& m, auto scalar) {
    const auto& other = std::get<DistMatrix<decltype(scalar)>>(target.value);
    return explain_convert_into(m, other, move_options(max_memory));
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

/// Python's side of TileSink: the scalar is a run-time value.
class AnySink {
 public:
  AnySink(const ProcessGrid& grid, std::pair<Index, Index> shape, int code,
          const std::string& layout, BlockArgument block)
      : sink_(with_scalar(code, [&](auto scalar) -> Sink {
          const Shape extents{shape.first, shape.second};
          return TileSink<decltype(scalar)>(
              grid, wanted_distribution("from_tiles", grid, extents, layout, block, 0));
        })) {}

  void add(const std::vector<ArrayTile>& arrays) {
    std::visit(
        [&](auto& sink) {
          using T = typename std::decay_t<decltype(sink)>::value_type;
          const auto tiles = tiles_on<const T>(arrays);
          const py::gil_scoped_release no_gil;
          sink.add(tiles);
        },
        sink_);
  }

  Index covered() const {
    return std::visit([](const auto& sink) { return sink.covered(); }, sink_);
  }

  Matrix finish() {
    const py::gil_scoped_release no_gil;
    return std::visit([](auto& sink) { return Matrix{sink.finish()}; }, sink_);
  }

 private:
  using Sink = std::variant<TileSink<float>, TileSink<double>, TileSink<std::complex<float>>,
                            TileSink<std::complex<double>>>;
  Sink sink_;
};

void to_tiles_of(const Matrix& a, const std::vector<ArrayTile>& arrays) {
  std::visit(
      [&](const auto& m) {
        using T = typename std::decay_t<decltype(m)>::value_type;
        const auto tiles = tiles_on<T>(arrays);
        const py::gil_scoped_release no_gil;
        to_tiles<T>(m, tiles);
      },
      a.value);
}

}  // namespace

void bind_redistribute(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  py::class_<Explanation>(module, "Explanation")
      .def_readonly("bytes_sent", &Explanation::bytes_sent)
      .def_readonly("bytes_received", &Explanation::bytes_received)
      .def_readonly("bytes_kept", &Explanation::bytes_kept)
      .def_readonly("messages", &Explanation::messages)
      .def_readonly("rounds", &Explanation::rounds)
      .def_readonly("result_bytes", &Explanation::result_bytes)
      .def_readonly("work_bytes", &Explanation::work_bytes)
      .def_readonly("path", &Explanation::path);
  module.def("to", &to, py::arg("a"), py::arg("grid"), py::arg("layout"), py::arg("block"),
             py::arg("root"), py::arg("code"), py::arg("max_memory"), NoGil());
  module.def("explain_to", &explain_to, py::arg("a"), py::arg("grid"), py::arg("layout"),
             py::arg("block"), py::arg("root"), py::arg("code"), py::arg("max_memory"), NoGil());
  module.def("explain_into", &explain_copy, py::arg("a"), py::arg("target"), py::arg("max_memory"),
             NoGil());
  module.def("astype", &astype, py::arg("a"), py::arg("code"), NoGil());
  module.def("best_grid", &best_grid, py::arg("a"), py::arg("layout"), py::arg("block"),
             py::arg("root"), NoGil());
  module.def("copy_into", &copy_into, py::arg("a"), py::arg("target"),
             py::arg("max_memory") = std::nullopt, NoGil());
  py::class_<AnySink>(module, "TileSink")
      .def(py::init<const ProcessGrid&, std::pair<Index, Index>, int, const std::string&,
                    BlockArgument>(),
           py::arg("grid"), py::arg("shape"), py::arg("code"), py::arg("layout"), py::arg("block"),
           NoGil())
      .def("add", &AnySink::add, py::arg("tiles"))
      .def_property_readonly("covered", &AnySink::covered)
      .def("finish", &AnySink::finish);
  module.def("transfer_counts", [] {
    const TransferCounts c = transfer_counts();
    return std::map<std::string, std::int64_t>{
        {"messages_sent", c.messages_sent}, {"messages_received", c.messages_received},
        {"bytes_sent", c.bytes_sent},       {"bytes_received", c.bytes_received},
        {"bytes_pushed", c.bytes_pushed},   {"bytes_pulled", c.bytes_pulled},
        {"bytes_kept", c.bytes_kept}};
  });
  module.def("from_tiles", &from_tiles_of, py::arg("grid"), py::arg("tiles"), py::arg("shape"),
             py::arg("code"), py::arg("layout"), py::arg("block"));
  module.def("from_global", &from_global_array, py::arg("grid"), py::arg("x"), py::arg("shape"),
             py::arg("code"), py::arg("layout"), py::arg("block"), py::arg("root"));
  module.def("gather", &gather, py::arg("a"), py::arg("root"));
  module.def("to_tiles", &to_tiles_of, py::arg("a"), py::arg("tiles"));
}

}  // namespace matrass::bindings
