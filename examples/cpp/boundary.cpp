// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Heat in an elliptic plate: its temperature inside from that at the edge, by a boundary integral
/// equation and a dense solver.
///
///     mpiexec.mpich -n 4 boundary [points on the edge, 300]
///
/// A steady temperature u is harmonic. As a double layer on the edge,
/// u(x) = int k(x, y) s(y) dy with k(x, y) = n(y) . (y - x) / (2 pi |y - x|^2), it is so by itself;
/// the edge asks for s / 2 + int k s = u. With n points, equally spaced in the angle, the integral
/// is a sum that converges exponentially (Nystroem's method), and s solves n equations. For the
/// edge temperature e^x cos y, which is harmonic, the temperature inside is known. Next:
/// colours.cpp
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <matrass/matrass.hpp>
#include <numbers>
#include <vector>

using matrass::Index;

namespace {

constexpr double pi = std::numbers::pi;
constexpr double half_width = 1.5;
constexpr double half_height = 1.0;

struct Point {
  double x;
  double y;
};

/// A point of the edge, the outer normal times the length of the derivative, and the curvature.
struct EdgePoint {
  Point at;
  Point normal;  ///< its length is the speed |dx/dt|
  double curvature;

  explicit EdgePoint(double t)
      : at{half_width * std::cos(t), half_height * std::sin(t)},
        normal{half_height * std::cos(t), half_width * std::sin(t)},
        curvature(half_width * half_height / std::pow(speed(), 3)) {}
  double speed() const { return std::hypot(normal.x, normal.y); }
};

/// k(x, y) |dy/dt|
double kernel(Point x, const EdgePoint& y) {
  const double dx = y.at.x - x.x;
  const double dy = y.at.y - x.y;
  return (y.normal.x * dx + y.normal.y * dy) / (2 * pi * (dx * dx + dy * dy));
}

double temperature(Point p) { return std::exp(p.x) * std::cos(p.y); }

}  // namespace

int main(int argc, char** argv) {
  const matrass::mpi::Environment env(argc, argv);
  const matrass::ProcessGrid grid(MPI_COMM_WORLD);
  const Index n = argc > 1 ? std::max(64, std::atoi(argv[1])) : 300;
  const double step = 2 * pi / static_cast<double>(n);
  const auto edge = [&](Index i) { return EdgePoint(step * static_cast<double>(i)); };

  // Each rank computes the elements that it owns.
  const auto a =
      matrass::from_function<double>(grid, {n, n}, matrass::MC_MR, [&](Index i, Index j) {
        const EdgePoint y = edge(j);
        if (i == j)
          return 0.5 + step * y.curvature * y.speed() / (4 * pi);  // the limit of the kernel
        return step * kernel(edge(i).at, y);
      });
  const auto given = matrass::from_function<double>(
      grid, {n, 1}, matrass::VC_STAR, [&](Index i, Index) { return temperature(edge(i).at); });

  const auto layer = matrass::solve(a, given);
  const matrass::Certificate certificate = matrass::certify_solve(a, layer, given);

  // The sum over the edge at points inside, as a product: one row a point.
  const std::vector<Point> inside{{0, 0}, {0.5, 0.25}, {-0.9, 0.3}, {0.2, -0.6}, {1.1, 0.1}};
  const auto points = static_cast<Index>(inside.size());
  const auto sums =
      matrass::from_function<double>(grid, {points, n}, matrass::MC_MR, [&](Index i, Index j) {
        return step * kernel(inside[static_cast<std::size_t>(i)], edge(j));
      });
  const auto found = redistribute(matrass::matmul(sums, layer), matrass::STAR_STAR);

  double error = 0;
  if (grid.rank() == 0)
    std::printf("%lld points on the edge\n     x      y  temperature\n", static_cast<long long>(n));
  for (std::size_t k = 0; k < inside.size(); ++k) {
    const double u = found.part()(static_cast<Index>(k), 0);
    error = std::max(error, std::abs(u - temperature(inside[k])));
    if (grid.rank() == 0) std::printf("%6.2f %6.2f  %.12f\n", inside[k].x, inside[k].y, u);
  }
  if (grid.rank() == 0) {
    std::printf("largest error %.1e, backward error of the solution %.1e\n", error,
                certificate.residual);
  }
  return error < 1e-6 && (n < 300 || error < 1e-12) && certificate.residual < 1e-14 ? 0 : 1;
}
