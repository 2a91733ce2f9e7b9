// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Maps the page that the watchdogs of one test process set share.
/// Next: tests/cpp/support/watchdog.cpp
#include "board.hpp"

#include <fcntl.h>
#include <mpi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <new>
#include <stdexcept>

namespace matrass::test {
namespace {

constexpr std::size_t path_length = 64;

/// Rank 0 makes the file; the name is all that the others need.
void make_file(std::array<char, path_length>& path) {
  path = {};
  const std::string_view pattern = "/tmp/matrass_test_board_XXXXXX";
  pattern.copy(path.data(), pattern.size());
  const int file = mkstemp(path.data());
  if (file < 0 || ftruncate(file, sizeof(Board)) != 0) path[0] = '\0';
  if (file >= 0) close(file);
}

void* map_file(const std::array<char, path_length>& path) {
  const int file = open(path.data(), O_RDWR | O_CLOEXEC);
  if (file < 0) return MAP_FAILED;
  void* memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return memory;
}

}  // namespace

Board& share_board() {
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size > Board::max_ranks) throw std::runtime_error("test harness: too many ranks");
  std::array<char, path_length> path{};
  if (rank == 0) make_file(path);
  MPI_Bcast(path.data(), path_length, MPI_CHAR, 0, MPI_COMM_WORLD);
  void* memory = map_file(path);
  int mapped = memory != MAP_FAILED ? 1 : 0;
  MPI_Allreduce(MPI_IN_PLACE, &mapped, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (rank == 0) unlink(path.data());
  if (mapped == 0) throw std::runtime_error("test harness: the ranks share no /tmp");
  // All-zero bytes are a Board in its first state; no rank may construct it over another's entries.
  static_assert(std::atomic<std::int64_t>::is_always_lock_free);
  return *std::launder(static_cast<Board*>(memory));
}

}  // namespace matrass::test
