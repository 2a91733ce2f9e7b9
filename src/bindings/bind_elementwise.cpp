// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What NumPy's manners need of the core: distributions as objects, reductions of small arrays,
/// random matrices.
/// Next: bind_redistribute.cpp
#include <pybind11/stl.h>

#include <matrass/matrix/random.hpp>
#include <matrass/redistribute/redistribute.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"

namespace matrass::bindings {

namespace {

using BlockArgument = std::optional<std::pair<Index, Index>>;

/// How a matrix is dealt out, and over which ranks.
struct Dealt {
  ProcessGrid grid;
  Distribution distribution;

  int rank() const { return grid.rank(); }
};

Dealt dealt_of(const Matrix& a) {
  return std::visit([](const auto& m) { return Dealt{m.grid(), m.distribution()}; }, a.value);
}

/// An axis of one index that every place has.
constexpr BlockCyclicAxis single{1, 1, 1, 0, 0};

/// The distribution of a row (m = 1) that lies where the columns of `d` do, of a column that lies
/// where its rows do, or of the one element: what operates with a matrix of `d` without moving.
Distribution aligned(const Distribution& d, bool row, bool col) {
  const Layout layout = d.layout();
  LayoutOptions options{.anchor = d.anchor()};
  if (layout == CIRC_CIRC) {
    options.block = d.block();
    return {d.grid(), {row ? 1 : d.shape().rows, col ? 1 : d.shape().cols}, layout, options};
  }
  const Layout wanted{row ? Dist::STAR : layout.col, col ? Dist::STAR : layout.row};
  // A Distribution has only the axes that its constructor or a slice gives it.
  const BlockCyclicAxis rows = row ? single : d.rows();
  const BlockCyclicAxis cols = col ? single : d.cols();
  options.block = Block{rows.block, cols.block};
  options.row_source = rows.source;
  options.col_source = cols.source;
  const Distribution whole(d.grid(), {rows.first + rows.extent, cols.first + cols.extent}, wanted,
                           options);
  return whole.slice(rows.first, rows.first + rows.extent, cols.first, cols.first + cols.extent);
}

Dealt make_dealt(const ProcessGrid& grid, std::pair<Index, Index> shape, const std::string& layout,
                 BlockArgument block) {
  return {grid, Distribution(grid.map(), {shape.first, shape.second}, parse_layout(layout),
                             layout_options(block))};
}

Matrix allocate(const Dealt& d, int code) {
  return with_scalar(code, [&](auto scalar) {
    return Matrix{DistMatrix<decltype(scalar)>::allocate(d.grid, d.distribution, false)};
  });
}

Matrix moved_to(const Matrix& a, const Dealt& d) {
  return std::visit([&](const auto& m) { return Matrix{redistribute(m, d.grid, d.distribution)}; },
                    a.value);
}

py::array_t<Index> indices_of(const std::vector<Index>& indices) {
  return py::array_t<Index>(static_cast<py::ssize_t>(indices.size()), indices.data());
}

/// All that tells this distribution from others, for agreements.
std::string text_of(const Dealt& d) {
  return to_string(d.distribution) + " #" + std::to_string(call_hash(d.distribution));
}

void bind_distribution(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  py::class_<Dealt>(module, "Distribution")
      .def(py::init(&make_dealt), py::arg("grid"), py::arg("shape"), py::arg("layout"),
           py::arg("block"))
      .def_property_readonly("grid", [](const Dealt& d) { return d.grid; })
      .def_property_readonly("shape",
                             [](const Dealt& d) {
                               const Shape shape = d.distribution.shape();
                               return std::pair(shape.rows, shape.cols);
                             })
      .def_property_readonly("layout",
                             [](const Dealt& d) { return to_string(d.distribution.layout()); })
      .def_property_readonly("block",
                             [](const Dealt& d) {
                               const Block block = d.distribution.block();
                               return std::pair(block.rows, block.cols);
                             })
      .def_property_readonly("text", &text_of)
      .def_property_readonly("local_shape",
                             [](const Dealt& d) {
                               const Shape shape = d.distribution.local_shape(d.rank());
                               return std::pair(shape.rows, shape.cols);
                             })
      .def_property_readonly(
          "local_rows",
          [](const Dealt& d) { return indices_of(d.distribution.local_rows(d.rank())); })
      .def_property_readonly(
          "local_cols",
          [](const Dealt& d) { return indices_of(d.distribution.local_cols(d.rank())); })
      .def_property_readonly(
          "is_first_replica",
          [](const Dealt& d) { return d.distribution.is_first_replica(d.rank()); })
      .def_property_readonly("row_places",
                             [](const Dealt& d) { return d.distribution.rows().nprocs; })
      .def_property_readonly("col_places",
                             [](const Dealt& d) { return d.distribution.cols().nprocs; })
      .def("transposed", [](const Dealt& d) { return Dealt{d.grid, d.distribution.transposed()}; })
      .def(
          "aligned",
          [](const Dealt& d, bool row, bool col) {
            return Dealt{d.grid, aligned(d.distribution, row, col)};
          },
          py::arg("row"), py::arg("col"))
      .def("same_owners",
           [](const Dealt& d, const Dealt& other) {
             return d.distribution == other.distribution ||
                    detail::same_owners(d.distribution, other.distribution);
           })
      .def("allocate", &allocate, py::arg("code"), NoGil());
}

template <class T>
bool allreduce_as(const ProcessGrid& grid, const py::array& values, MPI_Op op) {
  if (!values.dtype().equal(py::dtype::of<T>())) return false;
  const std::span<T> all(static_cast<T*>(py::array(values).mutable_data()),
                         static_cast<std::size_t>(values.size()));
  const py::gil_scoped_release no_gil;
  mpi::allreduce(grid.comm(), all, op);
  return true;
}

/// Reduces an array of each rank elementwise; the result is in it on every rank. The caller has
/// agreed on what it is: contiguous, of one of these types.
void allreduce_array(const ProcessGrid& grid, const py::array& values, const std::string& op) {
  const MPI_Op chosen = op == "max"    ? MPI_MAX
                        : op == "min"  ? MPI_MIN
                        : op == "prod" ? MPI_PROD
                                       : MPI_SUM;
  const bool contiguous = (values.flags() & py::array::c_style) != 0;
  if (!contiguous ||
      !(allreduce_as<double>(grid, values, chosen) || allreduce_as<Index>(grid, values, chosen) ||
        allreduce_as<std::complex<double>>(grid, values, chosen))) {
    throw InvalidArgument("allreduce: values must be contiguous float64, int64 or complex128");
  }
}

Matrix random_of(const ProcessGrid& grid, std::pair<Index, Index> shape, int code,
                 const std::string& layout, BlockArgument block, const std::string& kind,
                 std::uint64_t seed, double first, double second) {
  const Shape extents{shape.first, shape.second};
  return with_scalar(code, [&](auto scalar) -> Matrix {
    using T = decltype(scalar);
    const Layout dealt = parse_layout(layout);
    const LayoutOptions options = layout_options(block);
    if (kind == "normal") {
      return {random_normal<T>(grid, extents, dealt, seed, first, second, options)};
    }
    if (kind == "uniform") {
      return {random_uniform<T>(grid, extents, dealt, seed, first, second, options)};
    }
    return {random_matrix<T>(grid, extents, dealt, RandomUse::sign, seed, {}, options)};
  });
}

}  // namespace

void bind_elementwise(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  bind_distribution(module);
  module.def("distribution", &dealt_of, py::arg("a"));
  module.def("moved_to", &moved_to, py::arg("a"), py::arg("distribution"), NoGil());
  module.def("allreduce", &allreduce_array, py::arg("grid"), py::arg("values"), py::arg("op"));
  module.def("random", &random_of, py::arg("grid"), py::arg("shape"), py::arg("code"),
             py::arg("layout"), py::arg("block"), py::arg("kind"), py::arg("seed"),
             py::arg("first"), py::arg("second"), NoGil());
}

}  // namespace matrass::bindings
