// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What the guard costs a call: MPI_X against PMPI_X, in turn in one process; built once with the
/// guard and once without. In a process with the guard PMPI_X pays for what the guard does below
/// MPI (native_progress.cpp, peer_memory.cpp), so only the other program shows the plain cost.
///
///     guard_calls[_plain] [ROUNDS [all|point_to_point|collectives [single|multiple]]]
///
/// Next: run.py (which runs both in turn), solve.cpp (cost and gain of a ScaLAPACK routine)
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace {

int rounds = 21;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// Seconds an iteration of `body`, `count` in a row, all ranks started together.
double timed(int count, const std::function<void()>& body) {
  PMPI_Barrier(MPI_COMM_WORLD);
  const double start = PMPI_Wtime();
  for (int i = 0; i < count; ++i) body();
  return (PMPI_Wtime() - start) / count;
}

/// One JSON line: medians of the rounds, and the median of the rounds' own ratios.
void compare(const std::string& name, long bytes, int count, const std::function<void()>& pmpi,
             const std::function<void()>& mpi) {
  std::vector<double> pmpi_times, mpi_times, ratios;
  for (int round = -1; round < rounds; ++round) {  // round -1 warms up
    const bool swapped = round % 2 != 0;
    double a = timed(count, swapped ? mpi : pmpi);
    double b = timed(count, swapped ? pmpi : mpi);
    if (swapped) std::swap(a, b);
    if (round < 0) continue;
    pmpi_times.push_back(a);
    mpi_times.push_back(b);
    ratios.push_back(b / a);
  }
  int rank = 0, size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (rank != 0) return;
  std::printf(
      "{\"case\": \"%s\", \"ranks\": %d, \"bytes\": %ld, \"pmpi_us\": %.4f, \"mpi_us\": %.4f, "
      "\"ratio\": %.4f}\n",
      name.c_str(), size, bytes, median(pmpi_times) * 1e6, median(mpi_times) * 1e6, median(ratios));
  std::fflush(stdout);
}

template <class Send, class Recv>
std::function<void()> ping_pong(Send send, Recv recv, std::vector<char>& buffer, int rank) {
  return [send, recv, &buffer, rank] {
    const int count = static_cast<int>(buffer.size());
    if (rank == 0) {
      send(buffer.data(), count, MPI_BYTE, 1, 7, MPI_COMM_WORLD);
      recv(buffer.data(), count, MPI_BYTE, 1, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else if (rank == 1) {
      recv(buffer.data(), count, MPI_BYTE, 0, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      send(buffer.data(), count, MPI_BYTE, 0, 7, MPI_COMM_WORLD);
    }
  };
}

void point_to_point(int rank) {
  for (const auto& [bytes, count] :
       {std::pair{8, 5000}, {1 << 10, 5000}, {64 << 10, 500}, {4 << 20, 20}}) {
    std::vector<char> buffer(bytes);
    compare("ping_pong", bytes, count, ping_pong(PMPI_Send, PMPI_Recv, buffer, rank),
            ping_pong(MPI_Send, MPI_Recv, buffer, rank));
  }
}

void collectives() {
  compare(
      "barrier", 0, 2000, [] { PMPI_Barrier(MPI_COMM_WORLD); },
      [] { MPI_Barrier(MPI_COMM_WORLD); });
  for (const auto& [bytes, count] :
       {std::pair{8, 2000}, {1 << 10, 2000}, {64 << 10, 200}, {4 << 20, 10}}) {
    const int n = bytes / 8;
    std::vector<double> in(n), out(n);
    double *a = in.data(), *b = out.data();
    compare(
        "allreduce", bytes, count,
        [=] { PMPI_Allreduce(a, b, n, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD); },
        [=] { MPI_Allreduce(a, b, n, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD); });
    compare(
        "bcast", bytes, count, [=] { PMPI_Bcast(a, n, MPI_DOUBLE, 0, MPI_COMM_WORLD); },
        [=] { MPI_Bcast(a, n, MPI_DOUBLE, 0, MPI_COMM_WORLD); });
  }
  compare(
      "comm_dup", 0, 20,
      [] {
        MPI_Comm c;
        PMPI_Comm_dup(MPI_COMM_WORLD, &c);
        PMPI_Comm_free(&c);
      },
      [] {
        MPI_Comm c;
        MPI_Comm_dup(MPI_COMM_WORLD, &c);
        MPI_Comm_free(&c);
      });
  compare(
      "comm_split", 0, 20,
      [] {
        MPI_Comm c;
        PMPI_Comm_split(MPI_COMM_WORLD, 0, 0, &c);
        PMPI_Comm_free(&c);
      },
      [] {
        MPI_Comm c;
        MPI_Comm_split(MPI_COMM_WORLD, 0, 0, &c);
        MPI_Comm_free(&c);
      });
}

}  // namespace

int main(int argc, char** argv) {
  rounds = argc > 1 ? std::stoi(argv[1]) : rounds;
  const std::string what = argc > 2 ? argv[2] : "all";
  const bool threads = argc > 3 && std::string(argv[3]) == "multiple";
  int provided = 0;
  MPI_Init_thread(&argc, &argv, threads ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE, &provided);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (what != "collectives") point_to_point(rank);
  if (what != "point_to_point") collectives();
  MPI_Finalize();
}
