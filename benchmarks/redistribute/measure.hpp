// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Contenders that take turns, their medians, and one JSON line a case.
/// Next: contents.hpp
#pragma once

#include <malloc.h>
#include <mpi.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <matrass/matrix/dist_matrix.hpp>
#include <string>
#include <utility>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// One way to do a case, and its times so far, in ms.
struct Contender {
  std::string name;
  std::function<void()> run;
  std::vector<double> times{};
};

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Runs the contenders in turn, so that a disturbance hits all alike. What takes microseconds is
/// called several times for each figure. Collective; each time is the slowest rank's.
/// @param elements  of a rank, about; the same number on all of them
inline void run_in_turn(std::vector<Contender>& contenders, int repeats, matrass::Index elements) {
  const auto calls =
      static_cast<int>(std::clamp<matrass::Index>(1'000'000 / (elements + 1), 1, 200));
  for (int repeat = -2; repeat < repeats; ++repeat) {  // two rounds of warm-up
    for (Contender& contender : contenders) {
      MPI_Barrier(MPI_COMM_WORLD);
      const double start = MPI_Wtime();
      for (int call = 0; call < calls; ++call) contender.run();
      double ms = (MPI_Wtime() - start) * 1e3 / calls;
      MPI_Allreduce(MPI_IN_PLACE, &ms, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
      if (repeat >= 0) contender.times.push_back(ms);
    }
  }
}

#if defined(__SSE2__)
inline void copy_past_cache(const void* from, void* to, std::size_t bytes) {
  const auto* source = static_cast<const __m128i*>(from);
  auto* target = static_cast<__m128i*>(to);
  for (std::size_t k = 0; k < bytes / 16; ++k) {
    _mm_stream_si128(target + k, _mm_loadu_si128(source + k));
  }
  _mm_sfence();
}
#else
inline void copy_past_cache(const void* from, void* to, std::size_t bytes) {
  std::memcpy(to, from, bytes);
}
#endif

/// A copy of the local part of `a` to that of `b`, in two ways; the faster one is the measure.
/// Collective. @returns how many elements it copies: what every rank has in both.
template <class T>
matrass::Index add_copies(std::vector<Contender>& contenders, const matrass::DistMatrix<T>& a,
                          const matrass::DistMatrix<T>& b) {
  const matrass::Index local = matrass::mpi::allreduce(
      a.grid().comm(), std::min(a.local_shape().size(), b.local_shape().size()), MPI_MIN);
  const std::size_t bytes = static_cast<std::size_t>(local) * sizeof(T);
  contenders.push_back({"memcpy", [=] { std::memcpy(b.data(), a.data(), bytes); }});
  contenders.push_back({"streamed", [=] { copy_past_cache(a.data(), b.data(), bytes); }});
  return local;
}

/// pdgemr2d allocates its work memory in each call: let it have the same pages again, as the
/// library's pool does for ours.
inline void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

/// Page faults of this process so far that needed no disk.
inline long minor_faults() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return use.ru_minflt;
}

/// Minor faults of the rank that has most, in three calls of `run` after all the warm ones.
inline long faults_of(const std::function<void()>& run) {
  run();
  const long before = minor_faults();
  for (int k = 0; k < 3; ++k) run();
  long faults = minor_faults() - before;
  MPI_Allreduce(MPI_IN_PLACE, &faults, 1, MPI_LONG, MPI_MAX, MPI_COMM_WORLD);
  return faults;
}

/// One line of the report: fields in the order in which they are added.
class Line {
 public:
  Line& add(const std::string& name, const std::string& value) {
    return raw(name, "\"" + value + "\"");
  }
  Line& add(const std::string& name, double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return raw(name, text);
  }
  Line& add(const std::string& name, bool value) { return raw(name, value ? "true" : "false"); }
  Line& add(const std::string& name, long long value) { return raw(name, std::to_string(value)); }

  void print() const {
    std::printf("{%s}\n", text_.c_str());
    std::fflush(stdout);
  }

 private:
  Line& raw(const std::string& name, const std::string& value) {
    text_ += (text_.empty() ? "\"" : ", \"") + name + "\": " + value;
    return *this;
  }

  std::string text_;
};
