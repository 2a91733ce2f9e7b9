// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// ScaLAPACK's error reporters, taken over by name (no link to ScaLAPACK): inside a Scope they
/// write to the scope's text and abort by exception, outside it to stderr and by MPI_Abort, as the
/// originals do. Source: the interfaces of PB_Cabort, PB_Cwarn (PBLAS), pxerbla (TOOLS),
/// BI_BlacsErr, BI_BlacsWarn. Next: docs/guard.md
#include <mpi.h>

#include <array>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <string>

#include "matrass/mpi/guard.h"
#include "scope.hpp"

namespace guard = matrass::guard::detail;

namespace {

void report(const std::string& line) {
  if (guard::in_scope())
    guard::say(line);
  else
    std::fprintf(stderr, "%s\n", line.c_str());
}

std::string format(const char* form, std::va_list arguments) {
  std::array<char, 1024> line{};
  std::vsnprintf(line.data(), line.size(), form, arguments);
  std::string text = line.data();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

/// `info` in ScaLAPACK's code: -i for argument i, -(100 i + j) for entry j of array argument i.
std::string bad_argument(const std::string& routine, int info) {
  if (info >= 0) return routine + ": stopped with info = " + std::to_string(info);
  const int argument = -info < 100 ? -info : -info / 100;
  std::string text = routine + ": parameter number " + std::to_string(argument);
  if (-info >= 100) text += " (entry " + std::to_string(-info % 100) + " of the array)";
  return text + " had an illegal value";
}

}  // namespace

extern "C" {

MATRASS_GUARD_API void PB_Cwarn(int /*context*/, int line, char* routine, char* form, ...) {
  std::va_list arguments;
  va_start(arguments, form);
  const std::string text = format(form, arguments);
  va_end(arguments);
  const std::string where = line > 0 ? ", line " + std::to_string(line) : "";
  report(std::string(routine) + where + ": " + text);
}

// NOLINTNEXTLINE(readability-non-const-parameter): PBLAS's own prototype
MATRASS_GUARD_API void PB_Cabort(int /*context*/, char* routine, int info) {
  report(bad_argument(routine, info));
  MPI_Abort(MPI_COMM_WORLD, info);
}

MATRASS_GUARD_API void pxerbla_(const int* /*context*/, const char* routine, const int* info,
                                std::size_t length) {
  while (length > 0 && routine[length - 1] == ' ') --length;
  report(bad_argument(std::string(routine, length), -*info));
}

MATRASS_GUARD_API void BI_BlacsWarn(int context, int line, char* file, char* form, ...) {
  std::va_list arguments;
  va_start(arguments, form);
  const std::string text = format(form, arguments);
  va_end(arguments);
  report("BLACS warning: " + text + " (context " + std::to_string(context) + ", " + file + ":" +
         std::to_string(line) + ")");
}

MATRASS_GUARD_API void BI_BlacsErr(int context, int line, char* file, char* form, ...) {
  std::va_list arguments;
  va_start(arguments, form);
  const std::string text = format(form, arguments);
  va_end(arguments);
  report("BLACS error: " + text + " (context " + std::to_string(context) + ", " + file + ":" +
         std::to_string(line) + ")");
  MPI_Abort(MPI_COMM_WORLD, 1);
}
}
