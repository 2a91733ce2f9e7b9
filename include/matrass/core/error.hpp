// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The errors of the library. Each says in one line `routine: what must hold: got X (hint)`.
/// Next: core/narrow.hpp
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace matrass {

/// The numbers under which errors travel between ranks (mpi/agree.hpp) and into Python.
enum class ErrorKind : int {
  error,
  invalid_argument,
  shape,
  out_of_bounds,
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

/// Which agreement raised an error (mpi/agree.hpp): the how-manieth on which communicator. The
/// number of a communicator is this process's own; 0 stands for all of them (the world is dead).
struct Agreement {
  std::uint64_t comm = 0;
  std::uint64_t sequence = 0;
  int ranks = 0;  ///< of the communicator

  friend bool operator==(const Agreement&, const Agreement&) = default;
};

/// The base of all errors of the library.
///
/// An error is *agreed* when every rank of a communicator is known to be raising the same one; it
/// then passes through enclosing collective calls on that communicator untouched (mpi/agree.hpp).
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& text, ErrorKind kind = ErrorKind::error)
      : std::runtime_error(text), kind_(kind) {}

  ErrorKind kind() const noexcept { return kind_; }
  bool agreed() const noexcept { return agreement_.has_value(); }
  const std::optional<Agreement>& agreement() const noexcept { return agreement_; }

  /// What was thrown on this rank, where this rank is the one that failed; null elsewhere.
  const std::exception_ptr& cause() const noexcept { return cause_; }

  /// The first rank that failed, -1 where no single rank did.
  int rank() const noexcept { return rank_; }

  /// Where it happened on that rank, as text (a Python traceback); empty where nothing is known.
  const std::string& trace() const noexcept { return trace_; }
  void set_trace(std::string trace) { trace_ = std::move(trace); }

  /// Marks the error as raised by every rank alike.
  void mark_agreed(const Agreement& agreement, int rank = -1,
                   std::exception_ptr cause = nullptr) noexcept {
    agreement_ = agreement;
    rank_ = rank;
    cause_ = std::move(cause);
  }

 private:
  ErrorKind kind_;
  std::optional<Agreement> agreement_;
  int rank_ = -1;
  std::string trace_;
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
/// An index that no row or column has.
using OutOfBoundsError = ErrorOf<ErrorKind::out_of_bounds, InvalidArgument>;
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

/// Calls f(error) with an error of the class of `kind`.
template <class F>
void with_error(ErrorKind kind, const std::string& text, F&& f) {
  switch (kind) {
    case ErrorKind::error:
      return f(Error(text));
    case ErrorKind::invalid_argument:
      return f(InvalidArgument(text));
    case ErrorKind::shape:
      return f(ShapeError(text));
    case ErrorKind::out_of_bounds:
      return f(OutOfBoundsError(text));
    case ErrorKind::layout:
      return f(LayoutError(text));
    case ErrorKind::dtype:
      return f(DTypeError(text));
    case ErrorKind::mpi:
      return f(MPIError(text));
    case ErrorKind::scalapack:
      return f(ScaLAPACKError(text));
    case ErrorKind::not_positive_definite:
      return f(NotPositiveDefiniteError(text));
    case ErrorKind::singular:
      return f(SingularError(text));
    case ErrorKind::memory_limit:
      return f(MemoryLimitError(text));
    case ErrorKind::rank_lost:
      return f(RankLostError(text));
    case ErrorKind::routine:
      return f(RoutineError(text));
    case ErrorKind::cancelled:
      return f(CancelledError(text));
  }
}

/// Throws the error class of `kind`, marked as agreed.
[[noreturn]] inline void throw_agreed(const Agreement& agreement, ErrorKind kind,
                                      const std::string& text, int rank = -1,
                                      const std::string& trace = "",
                                      const std::exception_ptr& cause = nullptr) {
  with_error(kind, text, [&](auto error) {
    error.set_trace(trace);
    error.mark_agreed(agreement, rank, cause);
    throw error;
  });
  throw Error(text);
}

}  // namespace detail
}  // namespace matrass
