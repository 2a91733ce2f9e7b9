// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// MPI's error codes as exceptions, and MPI's names for our scalars.
/// Next: mpi/communicator.hpp
#pragma once

#include <mpi.h>

#include <matrass/core/error.hpp>
#include <matrass/core/types.hpp>
#include <string>
#ifdef MATRASS_LINKED
#include <matrass/mpi/guard.hpp>
#endif

namespace matrass::mpi {

/// @throws RankLostError, CancelledError if the world has been ended (mpi/guard.hpp). Every rank
///   that lives raises it, so it counts as agreed.
inline void check_world() {
#ifdef MATRASS_LINKED
  if (!guard::interrupted()) return;
  const guard::State state = guard::state();
  const ErrorKind kind =
      state.kind == guard::Kind::cancelled ? ErrorKind::cancelled : ErrorKind::rank_lost;
  matrass::detail::throw_agreed(Agreement{}, kind, state.reason);
#endif
}

/// @throws MPIError with MPI's own text unless `code` is MPI_SUCCESS; see check_world for what
///   comes first.
inline void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  check_world();
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw MPIError(std::string(call) + ": " + std::string(text, static_cast<std::size_t>(length)));
}

template <class T>
MPI_Datatype datatype() {
  if constexpr (std::same_as<T, float>) return MPI_FLOAT;
  if constexpr (std::same_as<T, double>) return MPI_DOUBLE;
  if constexpr (std::same_as<T, std::complex<float>>) return MPI_C_FLOAT_COMPLEX;
  if constexpr (std::same_as<T, std::complex<double>>) return MPI_C_DOUBLE_COMPLEX;
  if constexpr (std::same_as<T, int>) return MPI_INT;
  if constexpr (std::same_as<T, Index>) return MPI_INT64_T;
  if constexpr (std::same_as<T, char>) return MPI_CHAR;
}

}  // namespace matrass::mpi
