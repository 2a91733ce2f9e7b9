// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The tones of a drum: how a square membrane vibrates, by the eigenvalues of Laplace's operator.
///
///     mpiexec.mpich -n 4 membrane [points on a side, 24]
///
/// The membrane is held at its edge. On a mesh of step h, -u'' is (2 u(i) - u(i-1) - u(i+1)) / h^2
/// on either axis; the matrix is that of all inner points. Its eigenvalues are known exactly, and
/// so is what they come near to as h goes to 0: pi^2 (p^2 + q^2).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <matrass/matrass.hpp>
#include <numbers>
#include <vector>

using matrass::Index;

int main(int argc, char** argv) {
  const matrass::mpi::Environment env(argc, argv);
  const matrass::ProcessGrid grid(MPI_COMM_WORLD);
  const Index side = argc > 1 ? std::max(2, std::atoi(argv[1])) : 24;
  const double h = 1.0 / static_cast<double>(side + 1);

  // Point k of the mesh is (k / side, k % side): each rank computes the elements that it owns.
  const auto laplace = [&](Index k, Index l) {
    const Index across = std::abs(k / side - l / side);
    const Index along = std::abs(k % side - l % side);
    if (across + along == 0) return 4 / (h * h);
    return across + along == 1 ? -1 / (h * h) : 0.0;
  };
  const Index n = side * side;
  const auto a = matrass::from_function<double>(grid, {n, n}, matrass::MC_MR, laplace);

  const auto modes = matrass::eigh(a);
  const matrass::Certificate certificate = matrass::certify(a, modes);

  std::vector<double> exact;
  const auto one_axis = [&](Index p) {
    return std::pow(2 / h * std::sin(std::numbers::pi * static_cast<double>(p) * h / 2), 2);
  };
  for (Index p = 1; p <= side; ++p) {
    for (Index q = 1; q <= side; ++q) exact.push_back(one_axis(p) + one_axis(q));
  }
  std::sort(exact.begin(), exact.end());
  double error = 0;
  for (std::size_t k = 0; k < exact.size(); ++k) {
    error = std::max(error, std::abs(modes.w[k] - exact[k]) / exact.back());
  }

  if (grid.rank() == 0) {
    std::printf("%lld points, %d ranks\n tone  frequency  of the mesh  of the drum\n",
                static_cast<long long>(n), grid.comm().size());
    const double ground = std::sqrt(modes.w.front());
    const double drum[] = {2, 5, 5, 8, 10, 10};  // p^2 + q^2
    for (std::size_t k = 0; k < 6 && k < modes.w.size(); ++k) {
      std::printf("%5zu  %9.4f  %11.4f  %11.4f\n", k + 1, std::sqrt(modes.w[k]) / ground,
                  std::sqrt(exact[k] / exact.front()), std::sqrt(drum[k] / 2));
    }
    std::printf("largest error %.1e, residual %.1e, orthogonality %.1e\n", error,
                certificate.residual, *certificate.orthogonality);
  }
  const double bound = 1e-14 * static_cast<double>(n);
  return error < bound && certificate.residual < bound && *certificate.orthogonality < bound ? 0
                                                                                             : 1;
}
