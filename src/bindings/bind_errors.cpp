// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Errors across the border: C++ to matrass.errors, and what Python callbacks raise, agreed on.
/// Next: bind_mpi.cpp
#include <array>
#include <matrass/grid/process_grid.hpp>

#include "any_matrix.hpp"
#include "bindings.hpp"

namespace matrass::bindings {

namespace {

struct KindName {
  ErrorKind kind;
  const char* name;
};

/// The class in matrass.errors of each kind; the most derived first, for the way back.
constexpr std::array<KindName, 14> classes{{
    {ErrorKind::shape, "ShapeError"},
    {ErrorKind::out_of_bounds, "OutOfBoundsError"},
    {ErrorKind::layout, "LayoutError"},
    {ErrorKind::dtype, "DTypeError"},
    {ErrorKind::invalid_argument, "InvalidArgument"},
    {ErrorKind::mpi, "MPIError"},
    {ErrorKind::scalapack, "ScaLAPACKError"},
    {ErrorKind::not_positive_definite, "NotPositiveDefiniteError"},
    {ErrorKind::singular, "SingularError"},
    {ErrorKind::memory_limit, "MemoryLimitError"},
    {ErrorKind::rank_lost, "RankLostError"},
    {ErrorKind::routine, "RoutineError"},
    {ErrorKind::cancelled, "CancelledError"},
    {ErrorKind::error, "Error"},
}};

/// On an exception object that every rank is raising alike.
constexpr const char* agreed_mark = "_agreed";

py::object error_class(const char* name) {
  return py::module_::import("matrass.errors").attr(name);
}

/// The Python exception that this rank itself raised, if that is the cause of `error`.
py::object python_cause(const Error& error) {
  if (!error.cause()) return py::none();
  try {
    std::rethrow_exception(error.cause());
  } catch (py::error_already_set& raised) {
    if (raised.trace()) PyException_SetTraceback(raised.value().ptr(), raised.trace().ptr());
    return raised.value();
  } catch (...) {
    return py::none();
  }
}

void raise_in_python(const Error& error) {
  const char* name = "Error";
  for (const KindName& entry : classes) {
    if (entry.kind == error.kind()) name = entry.name;
  }
  py::object raised = error_class(name)(error.what());
  if (error.agreed()) raised.attr(agreed_mark) = true;
  if (py::hasattr(raised, "rank") && error.rank() >= 0) raised.attr("rank") = error.rank();
  if (py::hasattr(raised, "remote_traceback") && !error.trace().empty()) {
    raised.attr("remote_traceback") = error.trace();
  }
  // Where all ranks found the same fault in their arguments, the fault itself says enough.
  const bool ours = error.kind() != ErrorKind::routine && error.rank() < 0;
  const py::object cause = ours ? py::none() : python_cause(error);
  if (!cause.is_none()) raised.attr("__cause__") = cause;
  py::set_error(py::type::of(raised), raised);
}

/// A raised Python exception as one that can travel: its kind, one line and the traceback.
mpi::detail::Failure describe(const py::error_already_set& raised) {
  mpi::detail::Failure failure{ErrorKind::routine};
  const auto format = py::module_::import("traceback").attr("format_exception");
  failure.trace =
      py::str("")
          .attr("join")(format(raised.type(), raised.value(),
                               raised.trace() ? py::object(raised.trace()) : py::none()))
          .cast<std::string>();
  const auto message = py::str(raised.value()).cast<std::string>();
  failure.text = py::str(raised.type().attr("__name__")).cast<std::string>() + ": " + message;
  if (raised.matches(PyExc_MemoryError)) failure.kind = ErrorKind::memory_limit;
  for (const KindName& entry : classes) {
    if (!raised.matches(error_class(entry.name))) continue;
    failure.kind = entry.kind;
    failure.text = message;
    break;
  }
  return failure;
}

/// mpi::throw_together for a Python callable. What is agreed already (raised by a nested
/// collective) passes through untouched. If results are to be `alike`, their repr is compared.
py::object together(const ProcessGrid& grid, const py::function& f, const std::string& routine,
                    bool alike) {
  py::object result;
  std::string shown;
  std::exception_ptr thrown;
  mpi::detail::Failure failure;
  try {
    result = f();
    if (alike) shown = py::repr(result).cast<std::string>();
  } catch (py::error_already_set& raised) {
    if (py::getattr(raised.value(), agreed_mark, py::bool_(false)).cast<bool>()) throw;
    thrown = std::current_exception();
    failure = describe(raised);
  }
  const py::gil_scoped_release no_gil;
  mpi::detail::agree(grid.comm(), mpi::Call(routine, shown), thrown != nullptr, failure, thrown);
  return result;
}

}  // namespace

void bind_errors(py::module_& module) {
  // NOLINTNEXTLINE(performance-unnecessary-value-param): the type that pybind11 wants
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Error& error) {
      raise_in_python(error);
    }
  });
  module.def("together", &together, py::arg("grid"), py::arg("f"), py::arg("routine"),
             py::arg("alike"));
}

}  // namespace matrass::bindings
