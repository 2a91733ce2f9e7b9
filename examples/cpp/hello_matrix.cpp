// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The smallest program: a matrix over all ranks, another layout, a truncated SVD.
///
///     mpiexec -n 2 hello_matrix
///
/// The matrix is a(i, j) = cos(x_i - y_j) with x and y spread over the circle. It is
/// cos x cos y + sin x sin y, so its rank is 2, and both singular values are sqrt(m n) / 2.
/// Next: flights_svd.cpp
#include <cmath>
#include <cstdio>
#include <matrass/matrass.hpp>
#include <numbers>

int main(int argc, char** argv) {
  const matrass::mpi::Environment env(argc, argv);
  const matrass::ProcessGrid grid(MPI_COMM_WORLD);
  const matrass::Index m = 10'000;
  const matrass::Index n = 400;

  // Every rank makes its own rows: [VC,STAR] deals rows out and keeps them whole.
  const auto a = matrass::from_function<double>(grid, {m, n}, matrass::VC_STAR, [](auto i, auto j) {
    const double x = static_cast<double>(i) / static_cast<double>(m);
    const double y = static_cast<double>(j) / static_cast<double>(n);
    return std::cos(2 * std::numbers::pi * (x - y));
  });

  // ScaLAPACK's layout: blocks of 64 x 64, dealt over the rows and columns of the grid.
  const matrass::DistMatrix<double, matrass::MC_MR> b =
      matrass::redistribute<matrass::MC_MR>(a, {64, 64});
  const auto local = b.local();  // an xtensor view on this rank's part
  std::printf("rank %d holds %zu x %zu of %lld x %lld in %s\n", grid.rank(), local.shape(0),
              local.shape(1), static_cast<long long>(m), static_cast<long long>(n),
              to_string(b.layout()).c_str());

  const auto [u, s, v, residual] = matrass::truncated_svd(a, 3);
  const double exact = std::sqrt(static_cast<double>(m * n)) / 2;
  if (grid.rank() == 0) {
    std::printf("singular values: %.12g %.12g %.1e (exact: %g %g 0)\n", s[0], s[1], s[2], exact,
                exact);
  }
  const double error = std::abs(s[0] - exact) + std::abs(s[1] - exact) + std::abs(s[2]);
  return error < 1e-7 * exact ? 0 : 1;
}
