// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A communicator with the private duplicate on which the library's own messages travel.
/// Next: mpi/call.hpp, mpi/agree.hpp
#pragma once

#include <mpi.h>

#include <any>
#include <cstdint>
#include <functional>
#include <map>
#include <matrass/mpi/check.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace matrass::mpi {

namespace detail {

/// What the library keeps for one communicator of the user, cached on it as an MPI attribute, so
/// that any number of grids over it costs one duplicate (MPICH has 2,046 communicators).
struct CommunicatorState {
  MPI_Comm user = MPI_COMM_NULL;
  MPI_Comm own = MPI_COMM_NULL;  ///< private duplicate; errors return
  int rank = 0;
  int size = 1;
  Agreement latest{};  ///< the agreement that was begun last (mpi/agree.hpp)
  std::vector<std::function<void()>> at_free{};  ///< what later folders end before the duplicate
  std::map<std::string, std::any> cache;         ///< kept by later folders: BLACS contexts, ...
};

using StateHandle = std::shared_ptr<CommunicatorState>;

/// Called by MPI when the user frees the communicator, which is collective: so may the free of the
/// duplicate be. Grids that still hold the state keep the struct, not the communicator.
inline int delete_state(MPI_Comm, int, void* attribute, void*) {
  auto* held = static_cast<StateHandle*>(attribute);
  for (const auto& end : (*held)->at_free) end();
  if ((*held)->own != MPI_COMM_NULL) MPI_Comm_free(&(*held)->own);
  (*held)->user = MPI_COMM_NULL;
  delete held;
  return MPI_SUCCESS;
}

inline int state_key() {
  static const int key = [] {
    int made = MPI_KEYVAL_INVALID;
    check(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, delete_state, &made, nullptr),
          "MPI_Comm_create_keyval");
    return made;
  }();
  return key;
}

}  // namespace detail

/// A handle to a communicator of the user. Copies share one state.
class Communicator {
 public:
  /// Collective over `comm` at first use with this communicator (a duplicate is made); local later.
  explicit Communicator(MPI_Comm comm) {
    int running = 0;
    MPI_Initialized(&running);
    if (running == 0) throw MPIError("Communicator: MPI must be initialised (MPI_Init_thread)");
    if (comm == MPI_COMM_NULL) throw InvalidArgument("Communicator: comm must not be null");
    const std::optional<Communicator> before = known(comm);
    state_ = before ? before->state_ : attach(comm);
  }

  int rank() const { return state_->rank; }
  int size() const { return state_->size; }

  /// The user's communicator.
  MPI_Comm user() const { return require_alive()->user; }

  /// The library's private duplicate.
  MPI_Comm own() const { return require_alive()->own; }

  /// Counts an agreement, which begins now on every rank.
  Agreement begin_agreement() const {
    ++state_->latest.sequence;
    return latest_agreement() = state_->latest;
  }

  /// Whether an error that `agreement` raised is on its way on every rank: nothing was agreed on
  /// since then.
  bool still_holds(const Agreement& agreement) const {
    return agreement.comm == 0 || agreement == state_->latest;
  }

  /// The agreement that this process began last, on any communicator.
  static Agreement& latest_agreement() {
    static Agreement latest;
    return latest;
  }

  /// The handle to `comm` if the library has worked on it before. Local.
  static std::optional<Communicator> known(MPI_Comm comm) {
    void* found = nullptr;
    int flag = 0;
    check(MPI_Comm_get_attr(comm, detail::state_key(), static_cast<void*>(&found), &flag),
          "MPI_Comm_get_attr");
    if (flag == 0) return std::nullopt;
    return Communicator(*static_cast<detail::StateHandle*>(found));
  }

  /// Calls `end` (collective) before the duplicate is freed.
  void at_free(std::function<void()> end) const { state_->at_free.push_back(std::move(end)); }

  /// State of later folders that lives as long as the communicator.
  std::map<std::string, std::any>& cache() const { return state_->cache; }

  friend bool operator==(const Communicator& a, const Communicator& b) {
    return a.state_ == b.state_;
  }

 private:
  explicit Communicator(detail::StateHandle state) : state_(std::move(state)) {}

  static detail::StateHandle attach(MPI_Comm comm) {
    static std::uint64_t count = 0;
    auto state = std::make_shared<detail::CommunicatorState>();
    state->user = comm;
    check(MPI_Comm_dup(comm, &state->own), "MPI_Comm_dup");
    check(MPI_Comm_set_errhandler(state->own, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(comm, &state->rank), "MPI_Comm_rank");
    check(MPI_Comm_size(comm, &state->size), "MPI_Comm_size");
    state->latest = {++count, 0, state->size};
    check(MPI_Comm_set_attr(comm, detail::state_key(), new detail::StateHandle(state)),
          "MPI_Comm_set_attr");
    return state;
  }

  const detail::StateHandle& require_alive() const {
    if (state_->user == MPI_COMM_NULL) {
      throw MPIError("the communicator of this grid has been freed");
    }
    return state_;
  }

  detail::StateHandle state_;
};

}  // namespace matrass::mpi
