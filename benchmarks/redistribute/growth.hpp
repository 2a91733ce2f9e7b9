// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// How the time grows with the size: two cases from a megabyte to gigabytes, one JSON line each.
/// Next: redistribute.cpp
#pragma once

#include <cmath>
#include <matrass/matrix/available_memory.hpp>
#include <string>
#include <vector>

#include "cases.hpp"
#include "contents.hpp"
#include "measure.hpp"

/// Makes the line of one size of one case, and says whether the result was right.
class Growth {
 public:
  /// @param memory  bytes that a source and its target may take together on all ranks; 0: 60 % of
  ///   what the machine has left. Collective.
  Growth(int repeats, double memory) : repeats_(repeats), memory_(memory) {
    if (memory_ > 0) return;
    memory_ = 0.6 * static_cast<double>(matrass::detail::available_memory());
    MPI_Allreduce(MPI_IN_PLACE, &memory_, 1, MPI_DOUBLE, MPI_MIN, MPI_COMM_WORLD);
  }

  /// The order of a square matrix of about so many bytes: whole cache lines on up to 4 ranks, and
  /// no power of two, whose columns would all meet in the same lines of the caches.
  static matrass::Index order(double bytes) {
    return std::max<matrass::Index>(1, std::llround(std::sqrt(bytes / 8) / 32)) * 32;
  }

  /// Measures redistribute_into, which copies on any number of ranks (on one rank the result of
  /// redistribute is a view), between matrices in the library's memory. Collective.
  bool run(const Case& c) const {
    const double bytes = static_cast<double>(c.source.shape().size()) * sizeof(double);
    Line line = head(c);
    if (2 * bytes > memory_) {
      char text[96];
      std::snprintf(text, sizeof text,
                    "source and target take %.3g MB of the %.3g MB that they may", 2 * bytes / 1e6,
                    memory_ / 1e6);
      line.add("left_out", std::string(text));
      print(line);
      return true;
    }
    const matrass::DistMatrix<double> a(c.source_grid, c.source, false);
    const matrass::DistMatrix<double> b(c.target_grid, c.target, true);
    fill(a);
    const auto ours = [&] { matrass::redistribute_into(a, b); };
    ours();
    const bool good = correct(b);
    std::vector<Contender> contenders{{"ours", ours}};
    add_copies(contenders, a, b);
    run_in_turn(contenders, repeats_, c.source.shape().size() / c.source_grid.comm().size());
    const double ms = median(contenders[0].times);
    const double copy = std::min(median(contenders[1].times), median(contenders[2].times));
    line.add("ms", ms).add("GB_per_s", bytes / (ms * 1e6)).add("copy_ms", copy);
    line.add("copy_GB_per_s", bytes / (copy * 1e6)).add("x_copy", copy / ms);
    line.add("faults", static_cast<long long>(faults_of(ours))).add("correct", good);
    print(line);
    return good;
  }

 private:
  static Line head(const Case& c) {
    const matrass::Shape shape = c.source.shape();
    Line line;
    line.add("benchmark", std::string("redistribute")).add("mode", std::string("growth"));
    line.add("letter", c.letter).add("case", c.name);
    line.add("m", static_cast<long long>(shape.rows)).add("n", static_cast<long long>(shape.cols));
    line.add("bytes", static_cast<long long>(shape.size()) * 8);
    line.add("ranks", static_cast<long long>(c.source_grid.comm().size()));
    return line;
  }

  static void print(const Line& line) {
    if (matrass::mpi::Communicator(MPI_COMM_WORLD).rank() == 0) line.print();
  }

  int repeats_;
  double memory_;
};

/// Cases b and c in all sizes (bytes). @returns whether all results were right. Collective.
inline bool run_growth(const std::vector<double>& sizes, int repeats, double memory) {
  const Growth growth(repeats, memory);
  bool good = true;
  for (const double bytes : sizes) {
    for (const Case& c : Cases(Growth::order(bytes), 1).main()) {
      if (c.letter == "b" || c.letter == "c") good = growth.run(c) && good;
    }
  }
  return good;
}
