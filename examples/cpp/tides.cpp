// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The tides of a harbour: amplitude and phase of each tide from a year of hourly water levels, by
/// least squares.
///
///     mpiexec.mpich -n 4 tides [days, 365]
///
/// Sun and moon raise the sea with known speeds. The level is fitted by
/// h(t) = c + sum_k (a_k cos w_k t + b_k sin w_k t), which is linear in c, a_k and b_k. The levels
/// here are made of known tides and 5 cm of noise, so that the answer can be checked.
/// Next: boundary.cpp
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <matrass/matrass.hpp>
#include <numbers>

using matrass::Index;

namespace {

struct Tide {
  const char* name;
  double speed;      ///< degrees an hour
  double amplitude;  ///< m
  double phase;      ///< degrees
};

constexpr std::array tides{
    Tide{"M2", 28.9841042, 1.52, 31.0},  Tide{"S2", 30.0000000, 0.51, 80.0},
    Tide{"N2", 28.4397295, 0.30, 12.0},  Tide{"K1", 15.0410686, 0.12, 101.0},
    Tide{"O1", 13.9430356, 0.09, -40.0},
};
constexpr double mean_level = 3.25;
constexpr double noise_size = 0.05;

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

double level(double hour) {
  double h = mean_level;
  for (const Tide& tide : tides) {
    h += tide.amplitude * std::cos(radians(tide.speed * hour - tide.phase));
  }
  return h;
}

/// Column 0 is constant; then cos and sin of each tide.
double term(Index hour, Index column) {
  if (column == 0) return 1;
  const Tide& tide = tides[static_cast<std::size_t>((column - 1) / 2)];
  const double angle = radians(tide.speed * static_cast<double>(hour));
  return column % 2 == 1 ? std::cos(angle) : std::sin(angle);
}

}  // namespace

int main(int argc, char** argv) {
  const matrass::mpi::Environment env(argc, argv);
  const matrass::ProcessGrid grid(MPI_COMM_WORLD);
  const Index hours = 24 * (argc > 1 ? std::max(180, std::atoi(argv[1])) : 365);
  const Index terms = 1 + 2 * static_cast<Index>(tides.size());

  // Each rank has the terms and levels of its own hours.
  const auto a = matrass::from_function<double>(grid, {hours, terms}, matrass::VC_STAR, term);
  const auto noise = matrass::random_normal<double>(grid, {hours, 1}, matrass::VC_STAR, 2026);
  const auto levels = noise.copy();
  const std::vector<Index> mine = levels.local_rows();
  for (std::size_t i = 0; i < mine.size(); ++i) {
    double& h = levels.part()(static_cast<Index>(i), 0);
    h = level(static_cast<double>(mine[i])) + noise_size * h;
  }

  const auto fit = matrass::lstsq(a, levels);
  const auto certificate = matrass::certify_least_squares(a, levels, fit.x, {0});

  // The fit is on every rank: [STAR,STAR]. Estimates scatter by noise sqrt(2 / hours).
  const double scatter = noise_size * std::sqrt(2.0 / static_cast<double>(hours));
  double error = std::abs(fit.x.part()(0, 0) - mean_level);
  if (grid.rank() == 0) std::printf("tide  amplitude    true   phase    true\n");
  for (std::size_t k = 0; k < tides.size(); ++k) {
    const Tide& tide = tides[k];
    const double c = fit.x.part()(1 + 2 * static_cast<Index>(k), 0);
    const double s = fit.x.part()(2 + 2 * static_cast<Index>(k), 0);
    error = std::max({error, std::abs(c - tide.amplitude * std::cos(radians(tide.phase))),
                      std::abs(s - tide.amplitude * std::sin(radians(tide.phase)))});
    if (grid.rank() == 0) {
      std::printf("%4s  %7.3f m  %6.2f  %6.1f  %6.1f\n", tide.name, std::hypot(c, s),
                  tide.amplitude, std::atan2(s, c) * 180 / std::numbers::pi, tide.phase);
    }
  }
  const double left = std::sqrt(fit.residuals[0] / static_cast<double>(hours - terms));
  if (grid.rank() == 0) {
    std::printf("largest error %.1f mm, noise %.2f cm, certificate %.1e\n", 1000 * error,
                100 * left, certificate.residual);
  }
  // Eleven estimates within five standard deviations; the noise within a tenth.
  const bool right = error < 5 * scatter && std::abs(left / noise_size - 1) < 0.1 &&
                     certificate.residual < 1e-13 && fit.rank == terms;
  return right ? 0 : 1;
}
