// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Starting and ending MPI.
/// Next: mpi/communicator.hpp
#pragma once

#include <mpi.h>

#include <exception>
#include <matrass/mpi/agree.hpp>

namespace matrass::mpi {

/// Meets all ranks at the end of the program, before MPI_Finalize, which would wait for them
/// without a word. Ranks that are in another collective call of the library instead get an error
/// there, and this returns false: then MPI is to be left as it is, and the launcher ends the
/// others.
///
/// Collective over MPI_COMM_WORLD, where the library has worked on that.
inline bool end_together() noexcept {
  try {
    if (const auto world = Communicator::known(MPI_COMM_WORLD)) {
      throw_together(*world, Call(detail::end_of_program), [] {});
    }
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

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
    if (started_here_ && ended == 0 && end_together()) MPI_Finalize();
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
