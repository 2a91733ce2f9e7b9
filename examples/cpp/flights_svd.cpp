// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The demo on real data from C++: truncated SVD and PCA of the matrix of flights.
///
///     mpiexec -n 2 python examples/python/flights.py
///     mpiexec -n 2 build/dev/examples/cpp/flights_svd build/demo
///
/// flights.py writes the matrix, the names of its columns and the spectrum that it found. Here each
/// rank reads its own rows of the matrix, straight into the memory that the library computes on;
/// the result is compared with Python's.
/// Next: include/matrass/matrass.hpp
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <matrass/matrass.hpp>

#include "npy_file.hpp"

namespace {

using matrass::Index;
using Matrix = matrass::DistMatrix<double, matrass::VC_STAR>;

/// What flights.py found: the singular values and the variances that the components explain.
struct Spectrum {
  std::vector<double> singular_values;
  std::vector<double> explained_variance;
};

/// Each rank reads its own rows of the matrix. Collective.
Matrix read_matrix(const matrass::ProcessGrid& grid, const std::string& path) {
  // If the file is missing on one rank, all ranks throw.
  return matrass::mpi::throw_together(grid.comm(), [&] {
    example::NpyFile file(path);
    const matrass::Distribution rows(grid.map(), file.shape(), matrass::VC_STAR);
    Matrix a = Matrix::allocate(grid, rows, false);
    // By default [VC,STAR] gives each rank one block of rows: a run of each column in the file.
    const std::vector<Index> mine = a.local_rows();
    for (const Index j : a.local_cols()) {
      if (!mine.empty()) {
        file.read(mine.front(), j, a.local_shape().rows, a.data() + j * a.part().col_stride);
      }
    }
    return a;
  });
}

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

Spectrum read_spectrum(const std::string& path) {
  Spectrum spectrum;
  for (const std::string& line : read_lines(path)) {
    double s = 0;
    double variance = 0;
    if (std::sscanf(line.c_str(), "%lf %lf", &s, &variance) != 2) continue;  // the heading
    spectrum.singular_values.push_back(s);
    spectrum.explained_variance.push_back(variance);
  }
  if (spectrum.singular_values.empty()) throw std::runtime_error(path + " holds no spectrum");
  return spectrum;
}

/// Runs `f` on all ranks and returns the seconds that the slowest one took. Collective.
template <class F>
double seconds(const matrass::ProcessGrid& grid, F&& f) {
  matrass::mpi::allreduce(grid.comm(), 0);  // all ranks start together
  const double start = MPI_Wtime();
  f();
  return matrass::mpi::allreduce(grid.comm(), MPI_Wtime() - start, MPI_MAX);
}

/// The largest |a - b|, relative to the largest a; infinite if one is longer.
double difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size() || a.empty()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t k = 0; k < a.size(); ++k) largest = std::max(largest, std::abs(a[k] - b[k]));
  return largest / a[0];
}

/// "distance +0.47, air time +0.46, ...": the columns with the largest weights in component k.
std::string strongest(const matrass::LocalPart<const double>& loadings, Index k,
                      const std::vector<std::string>& names) {
  std::vector<Index> order(names.size());
  std::iota(order.begin(), order.end(), Index{0});
  const auto weight = [&](Index j) { return std::abs(loadings(j, k)); };
  std::partial_sort(order.begin(), order.begin() + std::min<Index>(5, std::ssize(order)),
                    order.end(), [&](Index i, Index j) { return weight(i) > weight(j); });
  order.resize(std::min<std::size_t>(5, order.size()));
  std::string text;
  for (const Index j : order) {
    char number[16];
    std::snprintf(number, sizeof number, " %+.2f", loadings(j, k));
    text += (text.empty() ? "" : ", ") + names[static_cast<std::size_t>(j)] + number;
  }
  return text;
}
