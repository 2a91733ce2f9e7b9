// SPDX-License-Identifier: BSD-3-Clause
// A program outside the tree: builds a matrix of known singular values, moves it and factors it.
// Prints which MPI it runs on.
#include <mpi.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <matrass/matrass.hpp>
#include <numbers>
#include <string>

namespace {

constexpr std::int64_t rows = 300;
constexpr std::int64_t columns = 20;

// Columns are cosines of different frequencies, orthogonal, each scaled: the singular values are
// 20, 19, ..., 1.
double entry(std::int64_t i, std::int64_t j) {
  const double angle = std::numbers::pi * (i + 0.5) * (j + 1) / rows;
  return static_cast<double>(columns - j) * std::sqrt(2.0 / rows) * std::cos(angle);
}

void print_mpi_libraries() {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  std::string last;
  while (std::getline(maps, line)) {
    const auto at = line.find('/');
    if (at == std::string::npos || line.find("libmpi") == std::string::npos) continue;
    if (line.substr(at) != last) std::cout << "library " << line.substr(at) << '\n';
    last = line.substr(at);
  }
}

}  // namespace

int main(int argc, char** argv) {
  matrass::mpi::Environment environment(argc, argv);
  matrass::ProcessGrid grid(MPI_COMM_WORLD);
  auto a = matrass::from_function<double>(grid, {rows, columns}, matrass::VC_STAR,
                                          [](auto i, auto j) { return entry(i, j); });
  auto b = matrass::redistribute<matrass::MC_MR>(a, {64, 64});
  auto [u, s, v, residual] = matrass::truncated_svd(b, 5);
  double error = 0;
  for (int k = 0; k < 5; ++k) {
    error = std::max(error, std::abs(s[k] - static_cast<double>(columns - k)));
  }
  if (grid.rank() == 0) {
    print_mpi_libraries();
    std::cout << "ranks " << grid.size() << "\nerror " << error << '\n';
  }
  return error < 1e-10 ? EXIT_SUCCESS : EXIT_FAILURE;
}
