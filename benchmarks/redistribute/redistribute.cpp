// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Redistribution against ScaLAPACK's pdgemr2d, memcpy and MPI_Alltoall: one JSON line a case.
/// Next: scalapack.hpp (the other side), run.py (which starts this on ranks)
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <matrass/matrix/create.hpp>
#include <matrass/mpi/environment.hpp>
#include <matrass/redistribute/redistribute.hpp>

#include "scalapack.hpp"

namespace {

using matrass::DistMatrix;
using matrass::Distribution;
using matrass::Index;
using matrass::LayoutOptions;
using matrass::LocalPart;
using matrass::ProcessGrid;
using matrass::Shape;

struct Options {
  Index size = 8192;
  Index tall = 1'000'000;
  int repeats = 7;
  std::string only;  ///< cases whose name holds this
};

/// Options are written --name=value.
Options parse(int argc, char** argv) {
  Options options;
  for (int k = 1; k < argc; ++k) {
    const std::string argument = argv[k];
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
    if (name == "--size") {
      options.size = std::stoll(value);
    } else if (name == "--tall") {
      options.tall = std::stoll(value);
    } else if (name == "--repeats") {
      options.repeats = std::stoi(value);
    } else if (name == "--only") {
      options.only = value;
    } else {
      throw matrass::InvalidArgument("redistribute: unknown option " + argument);
    }
  }
  return options;
}

struct Case {
  std::string name;
  ProcessGrid source_grid;
  Distribution source;
  ProcessGrid target_grid;
  Distribution target;
};

/// The four changes of layout that everything else is made of; the third also on a tall matrix.
std::vector<Case> make_cases(const Options& options) {
  const ProcessGrid column(MPI_COMM_WORLD, {matrass::mpi::Communicator(MPI_COMM_WORLD).size(), 1});
  const ProcessGrid row(MPI_COMM_WORLD, {1, column.size()});
  const Shape square{options.size, options.size};
  const Shape tall{options.tall, 64};
  const auto blocks = [](Index size) { return LayoutOptions{.block = matrass::Block{size, size}}; };
  const auto rows = [&](Shape shape) {  // one contiguous part a rank
    return Distribution(column.map(), shape, matrass::VC_STAR);
  };
  const auto cyclic = [&](Shape shape) {
    return Distribution(column.map(), shape, matrass::VC_STAR, blocks(1));
  };
  const auto grid_blocks = [&](const ProcessGrid& grid, Index size) {
    return Distribution(grid.map(), square, matrass::MC_MR, blocks(size));
  };
  return {{"64-blocks p x 1 -> 128-blocks 1 x p", column, grid_blocks(column, 64), row,
           grid_blocks(row, 128)},
          {"row partition -> [MC,MR] 64 on p x 1", column, rows(square), column,
           grid_blocks(column, 64)},
          {"row partition -> [VC,STAR] 1", column, rows(square), column, cyclic(square)},
          {"row partition -> [VC,STAR] 1, tall", column, rows(tall), column, cyclic(tall)},
          {"[VC,STAR] 1 -> [MC,MR] 1 on 1 x p", column, cyclic(square), row, grid_blocks(row, 1)}};
}

double element(Index i, Index j, Index m) { return static_cast<double>(i + m * j); }

void fill(const DistMatrix<double>& a) {
  matrass::detail::fill_from_function(
      a, [m = a.shape().rows](Index i, Index j) { return element(i, j, m); });
}

/// Whether every element is where it belongs, on every rank; clears the matrix for the next check.
bool correct(const DistMatrix<double>& a) {
  const std::vector<Index> rows = a.local_rows();
  const std::vector<Index> cols = a.local_cols();
  int good = 1;
  for (std::size_t j = 0; j < cols.size(); ++j) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      double& x = a.part()(static_cast<Index>(i), static_cast<Index>(j));
      if (x != element(rows[i], cols[j], a.shape().rows)) good = 0;
      x = -1.0;
    }
  }
  return matrass::mpi::allreduce(a.grid().comm(), good, MPI_MIN) == 1;
}

#if defined(__SSE2__)
void copy_past_cache(const double* from, double* to, Index size) {
  for (Index k = 0; k + 2 <= size; k += 2) _mm_stream_pd(to + k, _mm_loadu_pd(from + k));
  _mm_sfence();
}
#else
void copy_past_cache(const double* from, double* to, Index size) {
  for (Index k = 0; k < size; ++k) to[k] = from[k];
}
#endif

/// pdgemr2d allocates its work memory in each call: let it have the same pages again, as the
/// library's pool does for ours. (With fresh pages it takes up to twice as long.)
void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

/// One way to do a case, and its times so far, in ms.
struct Contender {
  std::function<void()> run;
  std::vector<double> times{};
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Runs the contenders in turn, so that a disturbance hits all alike. What takes microseconds is
/// called several times for each figure. Collective; each time is the slowest rank's.
void run_in_turn(const std::vector<Contender*>& contenders, int repeats, Index elements) {
  const auto calls = static_cast<int>(std::clamp<Index>(1'000'000 / (elements + 1), 1, 200));
  for (int repeat = -2; repeat < repeats; ++repeat) {  // two rounds of warm-up
    for (Contender* contender : contenders) {
      MPI_Barrier(MPI_COMM_WORLD);
      const double start = MPI_Wtime();
      for (int call = 0; call < calls; ++call) contender->run();
      double ms = (MPI_Wtime() - start) * 1e3 / calls;
      MPI_Allreduce(MPI_IN_PLACE, &ms, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
      if (repeat >= 0) contender->times.push_back(ms);
    }
  }
}

/// Redistributes by each side once. @returns whether every element was where it belongs.
bool check(const Case& c, const DistMatrix<double>& a, const DistMatrix<double>& b,
           const ScalapackCopy& theirs) {
  bool good = correct(matrass::redistribute(a, c.target_grid, c.target));
  matrass::redistribute_into(a, b);
  good = correct(b) && good;
  theirs(a.data(), b.data());
  return correct(b) && good;
}

/// Medians in ms.
struct Figures {
  double ours = 0.0;  ///< redistribute, the result dropped
  double into = 0.0;  ///< redistribute_into
  double pdgemr2d = 0.0;
  double copy = 0.0;      ///< the local part to the local part: memcpy or past the cache
  double alltoall = 0.0;  ///< MPI_Alltoall of the local part
};

Figures measure(const Case& c, const DistMatrix<double>& a, const DistMatrix<double>& b,
                const ScalapackCopy& theirs, int repeats) {
  const matrass::mpi::Communicator& comm = c.source_grid.comm();
  const Index local = matrass::mpi::allreduce(
      comm, std::min(a.local_shape().size(), b.local_shape().size()), MPI_MIN);
  const int share = static_cast<int>(local / comm.size());
  Contender ours{[&] { matrass::redistribute(a, c.target_grid, c.target); }};
  Contender into{[&] { matrass::redistribute_into(a, b); }};
  Contender pdgemr2d{[&] { theirs(a.data(), b.data()); }};
  Contender plain{
      [&] { std::memcpy(b.data(), a.data(), static_cast<std::size_t>(local) * sizeof(double)); }};
  Contender streamed{[&] { copy_past_cache(a.data(), b.data(), local); }};
  Contender alltoall{[&] {
    MPI_Alltoall(a.data(), share, MPI_DOUBLE, b.data(), share, MPI_DOUBLE, MPI_COMM_WORLD);
  }};
  run_in_turn({&ours, &pdgemr2d, &into, &plain, &streamed, &alltoall}, repeats, local);
  return {median(ours.times), median(into.times), median(pdgemr2d.times),
          std::min(median(plain.times), median(streamed.times)), median(alltoall.times)};
}

void print(const Case& c, const Figures& ms, bool good) {
  const Shape shape = c.source.shape();
  const double gigabytes = static_cast<double>(shape.size()) * sizeof(double) / 1e9;
  std::printf("{\"benchmark\": \"redistribute\", \"case\": \"%s\", ", c.name.c_str());
  std::printf("\"m\": %lld, \"n\": %lld, \"ranks\": %d, ", static_cast<long long>(shape.rows),
              static_cast<long long>(shape.cols), c.source_grid.comm().size());
  std::printf("\"ours_ms\": %.4g, \"into_ms\": %.4g, \"pdgemr2d_ms\": %.4g, ", ms.ours, ms.into,
              ms.pdgemr2d);
  std::printf("\"copy_ms\": %.4g, \"alltoall_ms\": %.4g, ", ms.copy, ms.alltoall);
  std::printf("\"ratio\": %.3g, \"ratio_into\": %.3g, \"GB_per_s\": %.3g, \"correct\": %s}\n",
              ms.pdgemr2d / ms.ours, ms.pdgemr2d / ms.into, gigabytes / (ms.ours * 1e-3),
              good ? "true" : "false");
  std::fflush(stdout);
}

/// Measures one case and prints its line on rank 0. @returns whether all results were right.
bool run_case(const Case& c, int repeats) {
  const DistMatrix<double> a(c.source_grid, c.source, false);
  const DistMatrix<double> b(c.target_grid, c.target, true);
  fill(a);
  const ScalapackCopy theirs(c.source, c.target);
  const bool good = check(c, a, b, theirs);
  const Figures ms = measure(c, a, b, theirs, repeats);
  if (c.source_grid.rank() == 0) print(c, ms, good);
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  const matrass::mpi::Environment environment(argc, argv);
  const Options options = parse(argc, argv);
  bool good = true;
  for (const Case& c : make_cases(options)) {
    if (c.name.find(options.only) != std::string::npos) good = run_case(c, options.repeats) && good;
  }
  return good ? 0 : 1;
}
