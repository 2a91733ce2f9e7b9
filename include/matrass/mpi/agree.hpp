// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What one rank finds alone is agreed on, and raised by all.
///
/// Every library collective begins with `throw_together(comm, plan and allocate)`. A rank that
/// fails anywhere agrees exactly once: an error that is already agreed passes through enclosing
/// collectives untouched. So a rank that failed in a user's callback meets the others either in
/// the same agreement or in the first one of a nested collective: both are the same two calls on
/// the same private communicator, and all ranks raise the same error.
/// Next: mpi/collectives.hpp
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <matrass/mpi/call.hpp>
#include <matrass/mpi/communicator.hpp>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace matrass::mpi {

namespace detail {

using matrass::detail::throw_agreed;

/// An exception as it travels: its kind, its text and where it happened.
struct Failure {
  ErrorKind kind = ErrorKind::error;
  std::string text{};
  std::string trace{};
};

/// Describes `thrown`; rethrows what all ranks of `comm` are raising already.
inline Failure describe(const Communicator& comm, const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    if (error.agreed() && comm.still_holds(*error.agreement())) throw;
    return {error.kind(), error.what(), error.trace()};
  } catch (const std::bad_alloc&) {
    return {ErrorKind::memory_limit, "out of memory", ""};
  } catch (const std::exception& error) {
    return {ErrorKind::routine, error.what(), ""};
  } catch (...) {
    return {ErrorKind::routine, "unknown exception", ""};
  }
}

/// Gives `text` of rank `root` to all ranks (cut to 1 MiB). Collective.
inline std::string broadcast_text(const Communicator& comm, std::string text, int root) {
  int length = static_cast<int>(std::min<std::size_t>(text.size(), 1U << 20U));
  check(MPI_Bcast(&length, 1, MPI_INT, root, comm.own()), "MPI_Bcast");
  text.resize(static_cast<std::size_t>(length));
  check(MPI_Bcast(text.data(), length, MPI_CHAR, root, comm.own()), "MPI_Bcast");
  return text;
}

/// What ranks call last (mpi/environment.hpp). Who calls anything else then has lost them.
inline constexpr const char* end_of_program = "the end of the program";

/// Throws on every rank because ranks called different things: names rank 0's call and the first
/// that differs from it. Collective.
[[noreturn]] inline void throw_different_calls(const Communicator& comm, const Call& call,
                                               const Agreement& agreement) {
  std::uint64_t expected = call.hash();
  check(MPI_Bcast(&expected, 1, MPI_UINT64_T, 0, comm.own()), "MPI_Bcast");
  const int mine = expected == call.hash() ? comm.size() : comm.rank();
  int other = 0;
  check(MPI_Allreduce(&mine, &other, 1, MPI_INT, MPI_MIN, comm.own()), "MPI_Allreduce");
  const std::string first = broadcast_text(comm, std::string(call.name()), 0);
  const std::string second = broadcast_text(comm, std::string(call.name()), other);
  if (first == end_of_program || second == end_of_program) {
    const bool is_first = first == end_of_program;
    throw_agreed(agreement, ErrorKind::rank_lost,
                 (is_first ? second : first) + ": every rank must take part: rank " +
                     std::to_string(is_first ? 0 : other) + " has ended its program");
  }
  throw_agreed(agreement, ErrorKind::invalid_argument,
               first + ": every rank must make the same call with the same arguments: got " +
                   (first == second ? "other arguments" : second) + " on rank " +
                   std::to_string(other));
}

/// The agreement itself. Returns if no rank failed; else throws the failure of the first failing
/// rank on every rank. Collective; one allreduce, and a few broadcasts after a failure.
inline void agree(const Communicator& comm, const Call& call, bool failed, const Failure& failure,
                  const std::exception_ptr& cause) {
  const Agreement agreement = comm.begin_agreement();
  // The minimum of {first failing rank, -1 if some rank is well, hash, ~hash}: min(~h) is ~max(h).
  const std::uint64_t hash = call.hash();
  const auto as_index = [](auto x) { return static_cast<std::uint64_t>(x); };
  const std::uint64_t mine[4] = {as_index(failed ? comm.rank() : comm.size()),
                                 as_index(failed ? 1 : 0), hash, ~hash};
  std::uint64_t all[4] = {};
  check(MPI_Allreduce(mine, all, 4, MPI_UINT64_T, MPI_MIN, comm.own()), "MPI_Allreduce");
  const int first = static_cast<int>(all[0]);
  if (first == comm.size()) {
    if (all[2] != ~all[3]) throw_different_calls(comm, call, agreement);
    return;
  }
  int kind = static_cast<int>(failure.kind);
  check(MPI_Bcast(&kind, 1, MPI_INT, first, comm.own()), "MPI_Bcast");
  std::string text = broadcast_text(comm, failure.text, first);
  const std::string trace = broadcast_text(comm, failure.trace, first);
  const bool all_failed = all[1] == 1;
  if (!all_failed) text = "rank " + std::to_string(first) + ": " + text;
  throw_agreed(agreement, static_cast<ErrorKind>(kind), text, all_failed ? -1 : first, trace,
               cause);
}

}  // namespace detail

/// Runs `f` on every rank; if it throws on some, all ranks throw the error of the first of these.
/// The text names that rank unless all ranks failed. On a rank that failed itself, the error's
/// `cause()` is what was thrown there. If ranks come here by different calls, all throw
/// InvalidArgument.
///
/// Collective over `comm`: one allreduce of 32 bytes where all goes well.
/// @returns what `f` returns on this rank.
template <class F>
auto throw_together(const Communicator& comm, const Call& call, F&& f) {
  using Result = std::invoke_result_t<F>;
  using Held = std::conditional_t<std::is_void_v<Result>, std::monostate, Result>;
  std::optional<Held> result;
  std::exception_ptr thrown;
  detail::Failure failure;
  try {
    if constexpr (std::is_void_v<Result>) {
      std::forward<F>(f)();
      result.emplace();
    } else {
      result.emplace(std::forward<F>(f)());
    }
  } catch (...) {
    thrown = std::current_exception();
    failure = detail::describe(comm, thrown);
  }
  detail::agree(comm, call, thrown != nullptr, failure, thrown);
  if constexpr (!std::is_void_v<Result>) return std::move(*result);
}

/// The same inside a routine, where the ranks are known to be at one place.
template <class F>
auto throw_together(const Communicator& comm, F&& f) {
  return throw_together(comm, Call("agreement"), std::forward<F>(f));
}

/// What fails on one rank in the middle of messages that the others wait for: the failure is kept,
/// the messages go on (with whatever content), and all ranks throw it afterwards.
class Attempts {
 public:
  /// Runs `f`, which does not communicate, unless something failed before.
  template <class F>
  void operator()(F&& f) {
    if (failed()) return;
    try {
      std::forward<F>(f)();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  bool failed() const { return failure_ != nullptr; }

  /// Throws on all ranks if something failed on some. Collective.
  void agree(const Communicator& comm) const {
    mpi::throw_together(comm, [&] {
      if (failed()) std::rethrow_exception(failure_);
    });
  }

 private:
  std::exception_ptr failure_;
};

}  // namespace matrass::mpi
