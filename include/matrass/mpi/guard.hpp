// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Guarded MPI for C++: scopes in which a lost rank, a cancel or an MPI_Abort becomes an exception.
/// Next: docs/guard.md (how and why), src/guard/wait.hpp (the loop in which every blocked call
/// waits)
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "matrass/mpi/guard.h"

namespace matrass::guard {

/// Why the world was ended.
enum class Kind : int {
  running = MATRASS_GUARD_RUNNING,
  rank_lost = MATRASS_GUARD_RANK_LOST,
  cancelled = MATRASS_GUARD_CANCELLED,
};

/// The flag as it stands: `kind == Kind::running` and an empty reason while the world is alive.
struct State {
  Kind kind = Kind::running;
  std::string reason;
};

/// Thrown inside a Scope by any MPI call once the flag is set. The world is dead from then on.
class MATRASS_GUARD_API Interrupted : public std::runtime_error {
 public:
  Interrupted(Kind kind, const std::string& reason);
  ~Interrupted() override;
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// Thrown inside a Scope in place of MPI_Abort, with the text that PBLAS or BLACS had for stderr.
class MATRASS_GUARD_API Aborted : public std::runtime_error {
 public:
  Aborted(int code, const std::string& text);
  ~Aborted() override;
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

/// While one lives, MPI calls of this thread throw instead of returning the guard's error code.
/// Put it around ScaLAPACK calls, whose Fortran and C frames exceptions pass. Scopes nest; the
/// outermost one starts with an empty text. Nothing is thrown while another exception is on its way
/// through the scope: destructors may make MPI calls, which then return the error code.
class MATRASS_GUARD_API Scope {
 public:
  Scope() noexcept;
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  int outer_exceptions_;
};

/// Ends the world for this process; see matrass_guard_interrupt.
inline bool interrupt(Kind kind, const char* reason) noexcept {
  return matrass_guard_interrupt(static_cast<int>(kind), reason) != 0;
}

/// True once the flag is set.
[[nodiscard]] MATRASS_GUARD_API bool interrupted() noexcept;

/// The flag's kind and reason.
[[nodiscard]] MATRASS_GUARD_API State state();

/// What ScaLAPACK said in this thread's scope and nobody took yet: routines with `info < 0` only
/// call pxerbla and return. Leaves an empty text; still there after the scope ended, until the next
/// one.
[[nodiscard]] MATRASS_GUARD_API std::string take_text();

/// Keeps `buffer` until the process ends. For memory that an abandoned operation may still touch: a
/// peer that lives may write into a posted receive's buffer (cross-memory attach) after this
/// process gave up. Whoever catches Interrupted hands over what its MPI calls had been given.
MATRASS_GUARD_API void quarantine(std::shared_ptr<void> buffer);

/// Bytes are not known to the guard; this is how many buffers are kept.
[[nodiscard]] MATRASS_GUARD_API std::size_t quarantined() noexcept;

}  // namespace matrass::guard
