// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Errors across the border: C++ to matrass.errors, and what Python callbacks raise, agreed on.
/// Next: bind_log.cpp
#include <array>
#include <cstdint>
#include <exception>
#include <matrass/grid/process_grid.hpp>
#include <optional>
#include <string>
#include <tuple>

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

/// On an exception object that every rank is raising alike: (communicator, sequence, ranks) of the
/// agreement.
constexpr const char* agreed_mark = "_agreed";

py::object error_class(const char* name) {
  return py::module_::import("matrass.errors").attr(name);
}

py::tuple as_tuple(const Agreement& agreement) {
  return py::make_tuple(agreement.comm, agreement.sequence, agreement.ranks);
}

/// Whether all ranks of `comm` are raising this exception already.
bool is_agreed(const py::object& exception, const mpi::Communicator& comm) {
  const py::object mark = py::getattr(exception, agreed_mark, py::none());
  if (mark.is_none()) return false;
  const auto [number, sequence, ranks] = mark.cast<std::tuple<std::uint64_t, std::uint64_t, int>>();
  return comm.still_holds({number, sequence, ranks});
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
  if (error.agreed()) raised.attr(agreed_mark) = as_tuple(*error.agreement());
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

/// str(object) as UTF-8, whatever it is: odd file names have surrogates, and __str__ may raise.
std::string text_of(const py::handle& object) {
  try {
    return py::str(object).attr("encode")("utf-8", "backslashreplace").cast<std::string>();
  } catch (const std::exception&) {
    return "(cannot be shown)";
  }
}

/// A raised Python exception as one that can travel: its kind, its text and the traceback.
mpi::detail::Failure describe(const py::error_already_set& raised) {
  const auto name = py::str(raised.type().attr("__name__")).cast<std::string>();
  const std::string message = text_of(raised.value());
  mpi::detail::Failure failure{ErrorKind::routine, name + ": " + message};
  if (raised.matches(PyExc_MemoryError)) failure.kind = ErrorKind::memory_limit;
  for (const KindName& entry : classes) {
    if (!raised.matches(error_class(entry.name))) continue;
    failure.kind = entry.kind;
    failure.text = message;
    break;
  }
  try {
    const auto format = py::module_::import("traceback").attr("format_exception");
    const py::object trace = raised.trace() ? py::object(raised.trace()) : py::none();
    failure.trace = text_of(py::str("").attr("join")(format(raised.type(), raised.value(), trace)));
  } catch (const std::exception&) {
    failure.trace = failure.text;
  }
  return failure;
}

/// Whether it is a wish to end the program (Ctrl-C, sys.exit), which no `except Exception` stops.
bool ends_program(const py::error_already_set& raised) { return !raised.matches(PyExc_Exception); }

/// mpi::throw_together for a Python callable. What is agreed already (raised by a nested
/// collective) passes through untouched. If results are to be `alike`, their repr is compared.
py::object together(const ProcessGrid& grid, const py::function& f, const std::string& routine,
                    bool alike) {
  py::object result;
  std::string shown;
  std::exception_ptr thrown;
  std::optional<py::error_already_set> end;
  mpi::detail::Failure failure;
  try {
    result = f();
    if (alike) shown = text_of(py::repr(result));
  } catch (py::error_already_set& raised) {
    if (is_agreed(raised.value(), grid.comm())) throw;
    thrown = std::current_exception();
    failure = describe(raised);
    if (ends_program(raised)) end = raised;
  } catch (...) {
    thrown = std::current_exception();
    failure = mpi::detail::describe(grid.comm(), thrown);
  }
  try {
    const py::gil_scoped_release no_gil;
    mpi::detail::agree(grid.comm(), mpi::Call(routine, shown), thrown != nullptr, failure, thrown);
  } catch (const Error& error) {
    if (!end) throw;
    if (error.agreed()) end->value().attr(agreed_mark) = as_tuple(*error.agreement());
    throw *end;
  }
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
  // The agreement that was begun last: an error that has this mark is on its way on all its ranks.
  module.def("latest_agreement", [] { return as_tuple(mpi::Communicator::latest_agreement()); });
}

}  // namespace matrass::bindings
