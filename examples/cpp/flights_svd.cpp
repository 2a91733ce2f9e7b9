// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The demo on real data from C++: truncated SVD and PCA of the matrix of flights.
///
///     python examples/python/flights_dask.py
///     mpiexec -n 2 build/dev/examples/cpp/flights_svd build/demo
///
/// flights_dask.py, or flights.py, writes the matrix, the names of its columns and the spectrum
/// that it found. Here each rank reads its own rows of the matrix, straight into the memory that
/// the library computes on; the result is compared with Python's. Next: include/matrass/matrass.hpp
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <matrass/matrass.hpp>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "npy_file.hpp"

namespace {

using matrass::Index;
using Matrix = matrass::DistMatrix<double, matrass::VC_STAR>;

/// What Python found: the singular values and the variances that the components explain.
struct Spectrum {
  std::vector<double> singular_values;
  std::vector<double> explained_variance;
};

/// Each rank reads its own rows of the matrix into memory of its own, which the library then
/// computes on without a copy. Collective.
Matrix read_matrix(const matrass::ProcessGrid& grid, const std::string& path) {
  matrass::Distribution distribution;
  const auto memory = std::make_shared<std::vector<double>>();
  // What one rank finds alone, as a file that it does not see, all ranks throw together.
  const auto part = matrass::mpi::throw_together(grid.comm(), [&] {
    example::NpyFile file(path);
    distribution = matrass::Distribution(grid.map(), file.shape(), matrass::VC_STAR);
    const matrass::Shape share = distribution.local_shape(grid.rank());
    memory->resize(static_cast<std::size_t>(share.size()));
    // By default [VC,STAR] gives each rank one block of rows: a run of each column in the file.
    const Index i0 = share.rows > 0 ? distribution.local_rows(grid.rank()).front() : 0;
    for (Index j = 0; j < share.cols; ++j) {
      file.read(i0, j, share.rows, memory->data() + j * share.rows);
    }
    return matrass::LocalPart<double>{memory->data(), share, 1, std::max<Index>(1, share.rows)};
  });
  return Matrix(matrass::from_local(grid, distribution, part, memory));
}

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    throw std::runtime_error(path +
                             " cannot be opened (examples/python/flights_dask.py writes it)");
  }
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

struct Timing {
  const char* step;
  double seconds;
};

/// The same as Python prints, shorter; on one rank.
void print_report(const Matrix& a, const std::vector<Timing>& timings,
                  const matrass::Pca<double>& pca, const std::vector<std::string>& names) {
  const matrass::GridShape grid = a.grid().shape();
  std::printf("The flights again, from C++\n\n");
  std::printf("  matrix   %lld x %lld in %s, blocks of %lld x %lld\n",
              static_cast<long long>(a.shape().rows), static_cast<long long>(a.shape().cols),
              to_string(a.layout()).c_str(), static_cast<long long>(a.block().rows),
              static_cast<long long>(a.block().cols));
  std::printf("  ranks    %d, as a grid of %d x %d\n\n", a.grid().size(), grid.rows, grid.cols);
  for (const Timing& timing : timings)
    std::printf("  %-28s %6.2f s\n", timing.step, timing.seconds);
  std::printf("\nPrincipal components, and the columns that weigh most in them\n\n");
  const std::size_t shown = std::min<std::size_t>(8, pca.explained_variance.size());
  for (std::size_t k = 0; k < shown; ++k) {
    std::printf("  %zu  %4.1f%%  %s\n", k + 1, 100 * pca.explained_variance_ratio[k],
                strongest(pca.components.part(), static_cast<Index>(k), names).c_str());
  }
}

/// One line of the comparison; tells whether the bound holds.
bool holds(const char* what, double value, double bound) {
  std::printf("  %-42s %.1e  (bound %.0e)  %s\n", what, value, bound,
              value <= bound ? "ok" : "FAILED");
  return value <= bound;  // false for NaN
}

/// The whole program, on every rank. Collective.
/// @returns whether the results are those of Python.
bool run(const std::string& folder) {
  const matrass::ProcessGrid grid(MPI_COMM_WORLD);
  const auto [python, names] = matrass::mpi::throw_together(grid.comm(), [&] {
    return std::pair(read_spectrum(folder + "/flights_spectrum.txt"),
                     read_lines(folder + "/flights_columns.txt"));
  });
  const auto k = std::ssize(python.singular_values);

  Matrix a;
  matrass::TruncatedSvd<double> svd;
  matrass::Pca<double> pca;
  const std::vector<Timing> timings{
      {"read: each rank its own rows",
       seconds(grid, [&] { a = read_matrix(grid, folder + "/flights.npy"); })},
      {"truncated SVD", seconds(grid, [&] { svd = matrass::truncated_svd(a, k); })},
      {"PCA", seconds(grid, [&] { pca = matrass::pca(a, k); })},
  };
  if (grid.rank() != 0) return true;  // rank 0 knows the answer, and says it
  print_report(a, timings, pca, names);

  std::printf("\n%td components against Python's, relative to the largest\n\n", k);
  const double residual = *std::max_element(svd.residual.begin(), svd.residual.end()) / svd.s[0];
  // Both runs iterate until residuals are below 1e-10; the values are right to the square of that,
  // so that what is left between them is rounding.
  const bool good[] = {
      holds("residuals: max |A v - s u|", residual, 1e-9),
      holds("singular values: |C++ - Python|", difference(svd.s, python.singular_values), 1e-12),
      holds("explained variance: |C++ - Python|",
            difference(pca.explained_variance, python.explained_variance), 1e-12),
  };
  return std::all_of(std::begin(good), std::end(good), [](bool ok) { return ok; });
}

}  // namespace

/// Exit codes: 0 the results agree, 1 they do not or something is missing, 2 wrong arguments.
int main(int argc, char** argv) {
  const matrass::mpi::Environment env(argc, argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (argc != 2) {
    if (rank == 0)
      std::fprintf(stderr, "usage: flights_svd FOLDER (where flights_dask.py wrote)\n");
    return 2;
  }
  try {
    return run(argv[1]) ? 0 : 1;
  } catch (const matrass::Error& error) {  // raised by every rank alike: one line is enough
    if (rank == 0) std::fprintf(stderr, "flights_svd: %s\n", error.what());
    return 1;
  }
}
