// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Agreements by non-blocking collectives and a polite wait.
/// Next: tests/cpp/support/rank_listener.cpp
#include "agreement.hpp"

#include <sched.h>

#include <chrono>
#include <thread>

namespace matrass::test {
namespace {

constexpr int polls_before_yielding = 100;
constexpr int polls_before_sleeping = 300;
constexpr std::chrono::microseconds nap{50};

}  // namespace

Agreement::Agreement(Watchdog& watchdog) : watchdog_(watchdog) {
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  MPI_Request request = MPI_REQUEST_NULL;
  PMPI_Comm_idup(MPI_COMM_WORLD, &comm_, &request);
  finish(request);
}

Agreement::~Agreement() { PMPI_Comm_free(&comm_); }

void Agreement::finish(MPI_Request& request) {
  int done = 0;
  for (int polls = 0; done == 0; ++polls) {
    PMPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done != 0 || polls < polls_before_yielding) continue;
    if (polls < polls_before_sleeping) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(nap);
    }
  }
}

std::vector<Report> Agreement::exchange(const Report& mine, const std::string& where) {
  std::vector<Report> all(static_cast<std::size_t>(size_));
  watchdog_.begin_waiting(where, mine.failed != 0);
  MPI_Request request = MPI_REQUEST_NULL;
  PMPI_Iallgather(&mine, sizeof(Report), MPI_BYTE, all.data(), sizeof(Report), MPI_BYTE, comm_,
                  &request);
  finish(request);
  watchdog_.end_waiting();
  return all;
}

std::vector<std::string> Agreement::gather(const std::string& text,
                                           const std::vector<Report>& reports) const {
  std::vector<int> lengths;
  std::vector<int> offsets;
  int total = 0;
  for (const Report& report : reports) {
    offsets.push_back(total);
    lengths.push_back(static_cast<int>(report.text_length));
    total += lengths.back();
  }
  if (total == 0) return {};
  std::string joined(rank_ == 0 ? static_cast<std::size_t>(total) : 0, '\0');
  MPI_Request request = MPI_REQUEST_NULL;
  PMPI_Igatherv(text.data(), lengths[static_cast<std::size_t>(rank_)], MPI_CHAR, joined.data(),
                lengths.data(), offsets.data(), MPI_CHAR, 0, comm_, &request);
  finish(request);
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < lengths.size() && rank_ == 0; ++r) {
    texts.push_back(
        joined.substr(static_cast<std::size_t>(offsets[r]), static_cast<std::size_t>(lengths[r])));
  }
  return texts;
}

}  // namespace matrass::test
