// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Scopes, the exceptions they allow, and the text that ScaLAPACK leaves in them.
/// Next: lifetime.cpp (MPI_Abort), scalapack_text.cpp (who speaks)
#include "scope.hpp"

#include <exception>
#include <string>
#include <utility>

#include "matrass/mpi/guard.hpp"

namespace matrass::guard {

namespace {

struct ThreadScope {
  int depth = 0;
  int exceptions = 0;  // std::uncaught_exceptions() when the innermost scope began
  std::string text;
};

thread_local ThreadScope here;

}  // namespace

Interrupted::Interrupted(Kind kind, const std::string& reason)
    : std::runtime_error(reason), kind_(kind) {}
Interrupted::~Interrupted() = default;

Aborted::Aborted(int code, const std::string& text) : std::runtime_error(text), code_(code) {}
Aborted::~Aborted() = default;

Scope::Scope() noexcept : outer_exceptions_(here.exceptions) {
  if (here.depth++ == 0) here.text.clear();
  here.exceptions = std::uncaught_exceptions();
}

Scope::~Scope() {
  --here.depth;
  here.exceptions = outer_exceptions_;
}

std::string take_text() { return std::exchange(here.text, {}); }

namespace detail {

bool in_scope() noexcept { return here.depth > 0; }

bool may_throw() noexcept {
  return here.depth > 0 && std::uncaught_exceptions() <= here.exceptions;
}

void say(std::string_view line) {
  if (!here.text.empty()) here.text += '\n';
  here.text += line;
}

}  // namespace detail

}  // namespace matrass::guard
