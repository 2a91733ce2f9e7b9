// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What a thread's scopes hold: whether to throw, and what ScaLAPACK said.
/// Next: scope.cpp
#pragma once

#include <string_view>

namespace matrass::guard::detail {

/// True if this thread is in a Scope and no exception younger than the scope is on its way: the
/// only state in which an MPI call may throw.
bool may_throw() noexcept;
/// True if this thread is in a Scope.
bool in_scope() noexcept;
/// Appends a line to the thread's text.
void say(std::string_view line);

}  // namespace matrass::guard::detail
