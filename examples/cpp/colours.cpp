// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The palette of a picture: which few colours a noisy image was painted with, by k-means.
///
///     mpiexec.mpich -n 4 colours [pixels on a side, 240]
///
/// The picture is made here: six paints in stripes across the diagonal, with noise in each channel.
/// k-means must find the paints, and say of every pixel which one it is.
/// Next: topics.cpp
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <matrass/matrass.hpp>
#include <vector>

using matrass::Index;

namespace {

using Colour = std::array<double, 3>;  // red, green, blue: 0 to 255

constexpr std::array<Colour, 6> paints{
    {{200, 30, 40}, {40, 160, 60}, {30, 60, 190}, {235, 215, 50}, {240, 240, 240}, {25, 25, 30}}};
constexpr double noise_size = 6;

/// Which paint a pixel has: stripes of 20 pixels.
std::size_t paint_of(Index pixel, Index side) {
  const Index across = pixel / side + pixel % side;
  return static_cast<std::size_t>(across / 20) % paints.size();
}

double distance(const double* x, const Colour& y) {
  return std::hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}

}  // namespace

int main(int argc, char** argv) {
  const matrass::mpi::Environment env(argc, argv);
  const matrass::ProcessGrid grid(MPI_COMM_WORLD);
  const Index side = argc > 1 ? std::max(120, std::atoi(argv[1])) : 240;
  const Index pixels = side * side;
  const auto k = static_cast<Index>(paints.size());

  // One row a pixel; every rank paints its own rows. The noise is the same on any number of ranks.
  const auto picture = matrass::random_normal<double>(grid, {pixels, 3}, matrass::VC_STAR, 7);
  const std::vector<Index> mine = picture.local_rows();
  for (std::size_t i = 0; i < mine.size(); ++i) {
    const Colour& paint = paints[paint_of(mine[i], side)];
    for (Index channel = 0; channel < 3; ++channel) {
      double& x = picture.part()(static_cast<Index>(i), channel);
      x = paint[static_cast<std::size_t>(channel)] + noise_size * x;
    }
  }

  const auto found = matrass::kmeans(picture, k, {.seed = 1, .n_init = 4});

  // The found colour that is nearest to each paint.
  std::array<Index, paints.size()> name{};
  double error = 0;
  for (std::size_t p = 0; p < paints.size(); ++p) {
    const auto away = [&](Index c) { return distance(&found.centers[3 * c], paints[p]); };
    for (Index c = 1; c < k; ++c) name[p] = away(c) < away(name[p]) ? c : name[p];
    error = std::max(error, away(name[p]));
    if (grid.rank() == 0) {
      const double* centre = &found.centers[3 * static_cast<std::size_t>(name[p])];
      std::printf("paint %3.0f %3.0f %3.0f  found %6.2f %6.2f %6.2f\n", paints[p][0], paints[p][1],
                  paints[p][2], centre[0], centre[1], centre[2]);
    }
  }

  // Every pixel must have its paint's name: labels lie where the rows of the picture do.
  double wrong = 0;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    const double label = found.labels.part()(static_cast<Index>(i), 0);
    wrong += label == static_cast<double>(name[paint_of(mine[i], side)]) ? 0 : 1;
  }
  wrong = matrass::mpi::allreduce(grid.comm(), wrong);

  // Each channel of a mean of pixels / 6 noisy ones scatters by noise sqrt(6 / pixels); the inertia
  // is 3 variances a pixel.
  const double scatter = noise_size * std::sqrt(6.0 / static_cast<double>(pixels));
  const double spread = std::sqrt(found.inertia / (3 * static_cast<double>(pixels)));
  if (grid.rank() == 0) {
    std::printf("%lld pixels, %lld steps: largest error %.3f, %.0f wrong, noise %.2f\n",
                static_cast<long long>(pixels), static_cast<long long>(found.iterations), error,
                wrong, spread);
  }
  const bool right = error < 6 * scatter && wrong == 0 && std::abs(spread / noise_size - 1) < 0.05;
  return right && found.converged ? 0 : 1;
}
