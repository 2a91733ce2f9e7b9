// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The boundary around calls into ScaLAPACK: what the guard throws through them becomes our errors.
/// Next: mpi/guard.hpp (the guard itself)
#pragma once

#include <matrass/mpi/check.hpp>
#include <utility>

namespace matrass::mpi {

/// Calls `f`, which may run ScaLAPACK, PBLAS, BLACS and MPI.
/// @param memory owners (std::shared_ptr<void>) of what the library is given. If the world ends
///   meanwhile they are kept until the process ends: abandoned messages may still touch it.
/// @throws RankLostError, CancelledError where the world was ended meanwhile (an agreed error).
/// @throws ScaLAPACKError with the library's own text where it asked for an abort.
template <class F, class... Owners>
decltype(auto) guarded(F&& f, [[maybe_unused]] const Owners&... memory) {
#ifdef MATRASS_LINKED
  try {
    const guard::Scope scope;
    return std::forward<F>(f)();
  } catch (const guard::Interrupted&) {
    (guard::quarantine(memory), ...);
    check_world();
    throw;
  } catch (const guard::Aborted& aborted) {
    throw ScaLAPACKError(aborted.what());
  }
#else
  return std::forward<F>(f)();
#endif
}

}  // namespace matrass::mpi
