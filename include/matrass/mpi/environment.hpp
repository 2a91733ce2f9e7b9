// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Starting and ending MPI.
/// Next: mpi/check.hpp
#pragma once

#include <mpi.h>

#include <matrass/mpi/check.hpp>

namespace matrass::mpi {

/// Starts MPI with MPI_THREAD_MULTIPLE unless somebody has, and ends it only if it was started
/// here.
///
///     int main(int argc, char** argv) { matrass::mpi::Environment env(argc, argv); ... }
class Environment {
 public:
  Environment(int& argc, char**& argv) { start(&argc, &argv); }
  Environment() { start(nullptr, nullptr); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    int ended = 0;
    MPI_Finalized(&ended);
    if (started_here_ && ended == 0) MPI_Finalize();
  }

 private:
  void start(int* argc, char*** argv) {
    int running = 0;
    MPI_Initialized(&running);
    if (running != 0) return;
    int level = 0;
    check(MPI_Init_thread(argc, argv, MPI_THREAD_MULTIPLE, &level), "MPI_Init_thread");
    started_here_ = true;
  }

  bool started_here_ = false;
};

}  // namespace matrass::mpi
