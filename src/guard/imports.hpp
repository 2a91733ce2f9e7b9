// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Leading one import of a loaded library elsewhere: for two functions of UCX that must behave
/// differently below MPI, where no interposed MPI call reaches.
/// Next: peer_memory.cpp, native_progress.cpp (the two uses)
#pragma once

namespace matrass::guard::detail {

/// From now on the loaded libraries whose path contains `library` call `target` where they called
/// the imported function `symbol`. Nothing happens if there is none.
void redirect_import(const char* library, const char* symbol, void* target);

}  // namespace matrass::guard::detail
