// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What the guard costs a call: MPI_X (guarded) against PMPI_X (plain), in turn in one process.
/// Next: solve.cpp (what it costs and gains a ScaLAPACK routine)
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace {

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

/// One JSON line: medians of `rounds` rounds and the median of the rounds' own ratios.
void compare(const std::string& name, long bytes, int rounds, int count,
             const std::function<void()>& plain, const std::function<void()>& guarded) {
  std::vector<double> plain_times, guarded_times, ratios;
  for (int round = -1; round < rounds; ++round) {  // round -1 warms up
    const bool swapped = round % 2 != 0;
    double a = timed(count, swapped ? guarded : plain);
    double b = timed(count, swapped ? plain : guarded);
    if (swapped) std::swap(a, b);
    if (round < 0) continue;
    plain_times.push_back(a);
    guarded_times.push_back(b);
    ratios.push_back(b / a);
  }
  int rank = 0, size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (rank != 0) return;
  std::printf(
      "{\"bench\": \"guard\", \"case\": \"%s\", \"ranks\": %d, \"bytes\": %ld, \"plain_us\": %.3f, "
      "\"guarded_us\": %.3f, \"ratio\": %.4f}\n",
      name.c_str(), size, bytes, median(plain_times) * 1e6, median(guarded_times) * 1e6,
      median(ratios));
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
       {std::pair{8, 20000}, {1 << 10, 20000}, {64 << 10, 2000}, {4 << 20, 50}}) {
    std::vector<char> buffer(bytes);
    compare("ping_pong", bytes, 31, count, ping_pong(PMPI_Send, PMPI_Recv, buffer, rank),
            ping_pong(MPI_Send, MPI_Recv, buffer, rank));
  }
}

void collectives() {
  compare(
      "barrier", 0, 21, 2000, [] { PMPI_Barrier(MPI_COMM_WORLD); },
      [] { MPI_Barrier(MPI_COMM_WORLD); });
  for (const auto& [bytes, count] :
       {std::pair{8, 2000}, {1 << 10, 2000}, {64 << 10, 500}, {4 << 20, 20}}) {
    const int n = bytes / 8;
    std::vector<double> in(n), out(n);
    double *a = in.data(), *b = out.data();
    compare(
        "allreduce", bytes, 21, count,
        [=] { PMPI_Allreduce(a, b, n, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD); },
        [=] { MPI_Allreduce(a, b, n, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD); });
    compare(
        "bcast", bytes, 21, count, [=] { PMPI_Bcast(a, n, MPI_DOUBLE, 0, MPI_COMM_WORLD); },
        [=] { MPI_Bcast(a, n, MPI_DOUBLE, 0, MPI_COMM_WORLD); });
  }
  compare(
      "comm_dup", 0, 11, 20,
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
      "comm_split", 0, 11, 20,
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
  const std::string what = argc > 1 ? argv[1] : "all";
  const bool threads = argc > 2 && std::string(argv[2]) == "multiple";
  int provided = 0;
  MPI_Init_thread(&argc, &argv, threads ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE, &provided);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (what != "collectives") point_to_point(rank);
  if (what != "point_to_point") collectives();
  MPI_Finalize();
}
