// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The two tables of companion communicators.
/// Next: windows.cpp
#include "companions.hpp"

namespace matrass::guard::detail {

// NOLINTBEGIN(bugprone-throwing-static-initialization): without memory at its start no process runs
Companions<MPI_Win>& windows = *new Companions<MPI_Win>;
Companions<MPI_File>& files = *new Companions<MPI_File>;
// NOLINTEND(bugprone-throwing-static-initialization)

}  // namespace matrass::guard::detail
