// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Collective file calls: everybody arrives on the file's companion communicator, then MPI's own
/// call. Independent reads and writes wait for no rank and are left alone. Next: lifetime.cpp
#include "companions.hpp"

namespace guard = matrass::guard::detail;

/// A collective on the file `a`, the first parameter.
#define MATRASS_FILE_ONE(count, name)                                      \
  int MPI_File_##name(MATRASS_PARAMS_##count(MPI_File_##name)) {           \
    return guard::files.agreed(a, PMPI_File_##name, MATRASS_ARGS_##count); \
  }
#define MATRASS_FILE(count, name) \
  MATRASS_FILE_ONE(count, name)   \
  MATRASS_FILE_ONE(count, name##_c)

extern "C" {

int MPI_File_open(MPI_Comm comm, const char* name, int mode, MPI_Info info, MPI_File* file) {
  return guard::files.create(comm, file, PMPI_File_open, comm, name, mode, info, file);
}

int MPI_File_close(MPI_File* file) {
  return guard::files.free(file, MPI_FILE_NULL, PMPI_File_close);
}

MATRASS_FILE_ONE(2, set_size)
MATRASS_FILE_ONE(2, preallocate)
MATRASS_FILE_ONE(2, set_info)
MATRASS_FILE_ONE(6, set_view)
MATRASS_FILE_ONE(2, set_atomicity)
MATRASS_FILE_ONE(3, seek_shared)
MATRASS_FILE_ONE(1, sync)
MATRASS_FILE(5, read_all)
MATRASS_FILE(5, write_all)
MATRASS_FILE(6, read_at_all)
MATRASS_FILE(6, write_at_all)
MATRASS_FILE(5, read_ordered)
MATRASS_FILE(5, write_ordered)
MATRASS_FILE(4, read_all_begin)
MATRASS_FILE(4, write_all_begin)
MATRASS_FILE(5, read_at_all_begin)
MATRASS_FILE(5, write_at_all_begin)
MATRASS_FILE(4, read_ordered_begin)
MATRASS_FILE(4, write_ordered_begin)
MATRASS_FILE_ONE(3, read_all_end)
MATRASS_FILE_ONE(3, write_all_end)
MATRASS_FILE_ONE(3, read_at_all_end)
MATRASS_FILE_ONE(3, write_at_all_end)
MATRASS_FILE_ONE(3, read_ordered_end)
MATRASS_FILE_ONE(3, write_ordered_end)

MATRASS_CHECKED(5, File_iread_all)
MATRASS_CHECKED(5, File_iwrite_all)
MATRASS_CHECKED(6, File_iread_at_all)
MATRASS_CHECKED(6, File_iwrite_at_all)
}
