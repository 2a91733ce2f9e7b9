// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The process-wide flag, its error code for callers outside a Scope, and the quarantine.
/// Next: wait.hpp (who reads the flag)
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "matrass/mpi/guard.hpp"
#include "scope.hpp"
#include "wait.hpp"

namespace matrass::guard {

namespace detail {

std::atomic<int> stop_flag{MATRASS_GUARD_RUNNING};
std::atomic<unsigned long long> call_count{0};
std::atomic<int> native_calls{0};

namespace {

// Written once by whoever wins `claimed`, read only after stop_flag was seen set.
char reason_text[481];
std::atomic<bool> claimed{false};

const char* kind_name(int kind) {
  return kind == MATRASS_GUARD_RANK_LOST ? "rank lost" : "cancelled";
}

std::string message() {
  const int kind = stop_flag.load(std::memory_order_acquire);
  return std::string("matrass: ") + kind_name(kind) + ": " + reason_text;
}

/// An error class of its own whose string names the reason; made at the first failing call.
int make_error_code() {
  int initialised = 0, finalised = 0, code = MPI_ERR_OTHER;
  PMPI_Initialized(&initialised);
  PMPI_Finalized(&finalised);
  if (initialised == 0 || finalised != 0) return MPI_ERR_OTHER;
  if (PMPI_Add_error_class(&code) != MPI_SUCCESS) return MPI_ERR_OTHER;
  PMPI_Add_error_string(code, message().c_str());
  return code;
}

/// MPI's own handlers either return the code, which happens anyway, or abort, which must not
/// happen.
void call_user_handler(MPI_Comm comm, int code) {
  if (comm == MPI_COMM_NULL) return;
  MPI_Errhandler handler = MPI_ERRHANDLER_NULL;
  if (PMPI_Comm_get_errhandler(comm, &handler) != MPI_SUCCESS) return;
  if (handler == MPI_ERRORS_ARE_FATAL || handler == MPI_ERRORS_ABORT ||
      handler == MPI_ERRORS_RETURN || handler == MPI_ERRHANDLER_NULL)
    return;
  PMPI_Comm_call_errhandler(comm, code);
  PMPI_Errhandler_free(&handler);
}

}  // namespace

int fail(MPI_Comm comm) {
  if (may_throw()) {
    const int kind = stop_flag.load(std::memory_order_acquire);
    throw Interrupted(static_cast<Kind>(kind), message());
  }
  static const int code = make_error_code();
  call_user_handler(comm, code);
  return code;
}

void Pause::give_way() noexcept {
  constexpr std::int64_t us = 1000, ms = 1000 * us;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t now_ns = now.tv_sec * (1000 * ms) + now.tv_nsec;
  if (start_ns_ == 0) start_ns_ = now_ns;
  const std::int64_t waited = now_ns - start_ns_;
  if (waited < ms) {
    sched_yield();
    return;
  }
  // A nap costs the kernel's timer slack (50 us) on top. Who waited 0.1 s may as well wait 1 %
  // more: that is what makes an idle rank cheap.
  const timespec nap{0, waited < 100 * ms ? 10 * us : ms};
  nanosleep(&nap, nullptr);
}

int gather_all(MPI_Comm comm) {
  int size = 0, inter = 0;
  if (comm == MPI_COMM_NULL) return MPI_SUCCESS;  // MPI's own call has the better error
  PMPI_Comm_test_inter(comm, &inter);
  PMPI_Comm_size(comm, &size);
  if (size == 1 && inter == 0) return stopped() ? fail(comm) : MPI_SUCCESS;
  return guarded(PMPI_Ibarrier, comm);
}

}  // namespace detail

bool interrupted() noexcept { return detail::stopped(); }

State state() {
  const int kind = detail::stop_flag.load(std::memory_order_acquire);
  if (kind == MATRASS_GUARD_RUNNING) return {};
  return {static_cast<Kind>(kind), detail::reason_text};
}

namespace {

// Never destroyed: what is kept here must outlive everything, also the static destructors.
struct Quarantine {
  std::mutex mutex;
  std::vector<std::shared_ptr<void>> buffers;
};

Quarantine& the_quarantine() {
  static auto* const kept = new Quarantine;
  return *kept;
}

}  // namespace

void quarantine(std::shared_ptr<void> buffer) {
  auto& kept = the_quarantine();
  const std::scoped_lock lock(kept.mutex);
  kept.buffers.push_back(std::move(buffer));
}

std::size_t quarantined() noexcept {
  auto& kept = the_quarantine();
  const std::scoped_lock lock(kept.mutex);
  return kept.buffers.size();
}

}  // namespace matrass::guard

namespace detail = matrass::guard::detail;

extern "C" {

int matrass_guard_interrupt(int kind, const char* reason) {
  if (kind != MATRASS_GUARD_RANK_LOST && kind != MATRASS_GUARD_CANCELLED) return 0;
  if (detail::claimed.exchange(true, std::memory_order_acq_rel)) return 0;
  // No strncpy, no allocation, no lock: this may be a signal handler.
  std::size_t i = 0;
  for (; reason != nullptr && reason[i] != '\0' && i + 1 < sizeof detail::reason_text; ++i)
    detail::reason_text[i] = reason[i];
  detail::reason_text[i] = '\0';
  detail::stop_flag.store(kind, std::memory_order_release);
  return 1;
}

int matrass_guard_state(char* reason, std::size_t size) {
  const int kind = detail::stop_flag.load(std::memory_order_acquire);
  if (size == 0) return kind;
  const char* text = kind == MATRASS_GUARD_RUNNING ? "" : detail::reason_text;
  const std::size_t length = std::min(std::strlen(text), size - 1);
  std::memcpy(reason, text, length);
  reason[length] = '\0';
  return kind;
}

int matrass_guard_native_calls() { return detail::native_calls.load(std::memory_order_relaxed); }

unsigned long long matrass_guard_calls() {
  return detail::call_count.load(std::memory_order_relaxed);
}

}  // extern "C"
