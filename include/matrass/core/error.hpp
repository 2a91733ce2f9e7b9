// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The errors of the library. Each says in one line `routine: what must hold: got X (hint)`.
/// Next: core/narrow.hpp
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace matrass {

/// The numbers under which errors travel between ranks (mpi/agree.hpp) and into Python.
enum class ErrorKind : int {
  error,
  invalid_argument,
  shape,
  layout,
  dtype,
  mpi,
  scalapack,
  not_positive_definite,
  singular,
  memory_limit,
  rank_lost,
  routine,
  cancelled,
};

/// The base of all errors of the library.
///
/// An error is *agreed* when every rank of the communicator is known to be raising the same one;
/// it then passes through enclosing collective calls untouched (mpi/agree.hpp).
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& text, ErrorKind kind = ErrorKind::error)
      : std::runtime_error(text), kind_(kind) {}

  ErrorKind kind() const noexcept { return kind_; }
  bool agreed() const noexcept { return agreed_; }

  /// What was thrown on this rank, where this rank is the one that failed; null elsewhere.
  const std::exception_ptr& cause() const noexcept { return cause_; }

  /// Marks the error as raised by every rank alike.
  void mark_agreed(std::exception_ptr cause = nullptr) noexcept {
    agreed_ = true;
    cause_ = std::move(cause);
  }

 private:
  ErrorKind kind_;
  bool agreed_ = false;
  std::exception_ptr cause_;
};

/// One error class: `Base` with a kind of its own.
template <ErrorKind Kind, class Base = Error>
class ErrorOf : public Base {
 public:
  explicit ErrorOf(const std::string& text, ErrorKind kind = Kind) : Base(text, kind) {}
};

/// A wrong argument. Raised before anything is communicated or computed.
using InvalidArgument = ErrorOf<ErrorKind::invalid_argument>;
/// Shapes that do not fit.
using ShapeError = ErrorOf<ErrorKind::shape, InvalidArgument>;
/// A layout that is not legal, or that ScaLAPACK cannot address.
using LayoutError = ErrorOf<ErrorKind::layout, InvalidArgument>;
/// A scalar type that a routine cannot take.
using DTypeError = ErrorOf<ErrorKind::dtype, InvalidArgument>;
/// MPI returned an error code.
using MPIError = ErrorOf<ErrorKind::mpi>;
/// ScaLAPACK, PBLAS, BLACS or LAPACK refused or failed.
using ScaLAPACKError = ErrorOf<ErrorKind::scalapack>;
/// A leading minor is not positive definite.
using NotPositiveDefiniteError = ErrorOf<ErrorKind::not_positive_definite>;
/// A pivot is exactly zero.
using SingularError = ErrorOf<ErrorKind::singular>;
/// Memory that is needed is not there.
using MemoryLimitError = ErrorOf<ErrorKind::memory_limit>;
/// A rank of the world died; no MPI call can follow.
using RankLostError = ErrorOf<ErrorKind::rank_lost>;
/// What a user's callback raised on one rank.
using RoutineError = ErrorOf<ErrorKind::routine>;
/// The routine was cancelled.
using CancelledError = ErrorOf<ErrorKind::cancelled>;

namespace detail {

template <class E>
[[noreturn]] void throw_agreed(const std::string& text, std::exception_ptr cause) {
  E error(text);
  error.mark_agreed(std::move(cause));
  throw error;
}

/// Throws the error class of `kind`, marked as agreed.
[[noreturn]] inline void throw_agreed(ErrorKind kind, const std::string& text,
                                      std::exception_ptr cause) {
  switch (kind) {
    case ErrorKind::invalid_argument: throw_agreed<InvalidArgument>(text, cause);
    case ErrorKind::shape: throw_agreed<ShapeError>(text, cause);
    case ErrorKind::layout: throw_agreed<LayoutError>(text, cause);
    case ErrorKind::dtype: throw_agreed<DTypeError>(text, cause);
    case ErrorKind::mpi: throw_agreed<MPIError>(text, cause);
    case ErrorKind::scalapack: throw_agreed<ScaLAPACKError>(text, cause);
    case ErrorKind::not_positive_definite: throw_agreed<NotPositiveDefiniteError>(text, cause);
    case ErrorKind::singular: throw_agreed<SingularError>(text, cause);
    case ErrorKind::memory_limit: throw_agreed<MemoryLimitError>(text, cause);
    case ErrorKind::rank_lost: throw_agreed<RankLostError>(text, cause);
    case ErrorKind::routine: throw_agreed<RoutineError>(text, cause);
    case ErrorKind::cancelled: throw_agreed<CancelledError>(text, cause);
    case ErrorKind::error: break;
  }
  throw_agreed<Error>(text, cause);
}

}  // namespace detail
}  // namespace matrass
