// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// svd and qr by either way: given spectra over grids, layouts, blocks, shapes and scalars, within
/// the bounds of SLATE's and DLA-Future's testers; and the same answer on 1 to 6 ranks.
/// Next: tests/cpp/scalapack/test_factorizations.cpp
#include <matrass/algorithm/pinv.hpp>
#include <matrass/algorithm/qr.hpp>
#include <matrass/algorithm/svd.hpp>

#include "support/matrices.hpp"
#include "support/same_error.hpp"
#include "whole.hpp"

namespace matrass::test {
namespace {

using Spectrum = std::function<double(Index i, Index p)>;

/// From 1 to 1 / condition, evenly on a logarithmic scale.
Spectrum geometric(double condition) {
  return [=](Index i, Index p) {
    return p < 2 ? 1.0 : std::pow(condition, -static_cast<double>(i) / static_cast<double>(p - 1));
  };
}

/// The spectra of the testers, and matrices without full rank.
const std::vector<std::pair<std::string, Spectrum>> spectra{
    {"condition 1", geometric(1)},
    {"condition 1e4", geometric(1e4)},
    {"condition 1e10", geometric(1e10)},
    {"condition 1e14", geometric(1e14)},
    {"one small", [](Index i, Index p) { return i == p - 1 && p > 1 ? 1e-10 : 1.0; }},
    {"two clusters", [](Index i, Index p) { return 2 * i < p ? 1.0 : 1e-5; }},
    {"half of the rank", [](Index i, Index p) { return 2 * i < p ? 1.0 : 0.0; }},
    {"rank 1", [](Index i, Index) { return i == 0 ? 1.0 : 0.0; }},
    {"zero", [](Index, Index) { return 0.0; }},
};

template <class T>
Known<T> with(const Spectrum& spectrum, Shape shape) {
  const Index p = std::min(shape.rows, shape.cols);
  return with_spectrum<T>(shape.rows, shape.cols, [&](Index i) { return spectrum(i, p); });
}

/// 1x1, 1xp, px1, and the nearest to square, which is 2x2 on 4 ranks and 2x3 on 6; on 5 ranks 2x2
/// with a rank outside.
ProcessGrid any_of_grids(MPI_Comm comm, Sample& sample) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  switch (sample.choose(4)) {
    case 0:
      return {comm, {1, size}};
    case 1:
      return {comm, {size, 1}};
    case 2:
      return size == 5 ? ProcessGrid(comm, GridShape{2, 2}) : ProcessGrid(comm, GridShape{1, 1});
    default:
      return ProcessGrid(comm);
  }
}

/// Where each number of ranks would cost more than it could show.
void for_few_rank_counts(const std::function<void(MPI_Comm)>& body) {
  for (const int ranks : {1, 2, 5}) {
    if (ranks <= world_size() && !run_on(ranks, body)) return;
  }
}

/// Below, at and above a block of 64; prime, tall, wide, and without elements.
Shape any_shape(Sample& sample) {
  constexpr std::array shapes{Shape{0, 0},  Shape{5, 0},   Shape{0, 3},  Shape{1, 1},
                              Shape{1, 9},  Shape{31, 31}, Shape{64, 9}, Shape{65, 64},
                              Shape{67, 2}, Shape{150, 7}, Shape{7, 97}, Shape{40, 65}};
  return shapes[static_cast<std::size_t>(sample.choose(static_cast<int>(shapes.size())))];
}

template <class T>
DistMatrix<T> anywhere(const ProcessGrid& grid, const Small<T>& a, Sample& sample) {
  constexpr std::array blocks{Index{1}, Index{3}, Index{64}};
  const Layout layout = all_layouts[static_cast<std::size_t>(sample.choose(14))];
  const Index block = blocks[static_cast<std::size_t>(sample.choose(3))];
  return spread(grid, a, layout, any_options(grid.map(), layout, {block, block}, sample));
}

/// ||x - y||_F
template <class N>
double distance(const Small<N>& x, const Small<N>& y) {
  double square = 0;
  for (std::size_t k = 0; k < x.data.size(); ++k) square += std::norm(x.data[k] - y.data[k]);
  return std::sqrt(square);
}

template <class N>
Small<N> times_diagonal(Small<N> u, const std::vector<double>& s) {
  for (Index j = 0; j < u.cols; ++j) {
    for (Index i = 0; i < u.rows; ++i) u(i, j) *= s[static_cast<std::size_t>(j)];
  }
  return u;
}

/// What a right answer may be off by, relative: the testers' bounds have constants of 3 to 60.
template <class T>
double bound(Shape shape) {
  return 10 * eps<T> * static_cast<double>(std::max({shape.rows, shape.cols, Index{1}}));
}

template <class T>
void expect_singular_values(const Known<T>& known, const std::vector<Real<T>>& s) {
  ASSERT_EQ(s.size(), known.s.size());
  EXPECT_TRUE(std::is_sorted(s.rbegin(), s.rend()));
  for (std::size_t i = 0; i < s.size(); ++i) {
    EXPECT_NEAR(s[i], known.s[i], bound<T>({known.a.rows, known.a.cols}) * known.s.front());
  }
}

/// ||A - U S Vt|| / (||A|| n eps), ||I - U^H U|| / (n eps), the values, and the sign rule.
template <class T>
void expect_svd(const Known<T>& known, const Svd<T>& f) {
  const Shape shape{known.a.rows, known.a.cols};
  const Small<Wide<T>> u = whole(f.u);
  const Small<Wide<T>> v = adjoint(whole(f.vt));
  expect_singular_values(known, f.s);
  EXPECT_LE(far_from_orthonormal(u), bound<T>(shape));
  EXPECT_LE(far_from_orthonormal(v), bound<T>(shape));
  const auto k = static_cast<Index>(f.s.size());
  const std::vector<double> s(f.s.begin(), f.s.end());
  const auto product = multiply('N', times_diagonal(u.columns(0, k), s), 'C', v.columns(0, k));
  const Small<Wide<T>> a = widened(known.a);
  EXPECT_LE(distance(product, a), bound<T>(shape) * norm_of(a));
  for (Index j = 0; j < k; ++j) {
    const Wide<T> phase = detail::leading_phase(v, j);
    EXPECT_LE(std::abs(phase - Wide<T>{1}), 4 * eps<T>) << "phase of v_" << j;
  }
}

/// The same for A = Q R.
template <class T>
void expect_qr(const Small<T>& a, const Qr<T>& f) {
  const Small<Wide<T>> q = whole(f.q);
  const Small<Wide<T>> r = whole(f.r);
  const double most = bound<T>({a.rows, a.cols});
  EXPECT_LE(far_from_orthonormal(q), most);
  EXPECT_LE(distance(multiply('N', q, 'N', r), widened(a)), most * norm_of(a));
  for (Index i = 0; i < std::min(r.rows, r.cols); ++i) EXPECT_GE(std::real(r(i, i)), 0);
}

template <class T>
class SvdOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(SvdOf, Scalars);

TYPED_TEST(SvdOf, GivenSpectraByEitherWay) {
  using T = TypeParam;
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    int size = 0;
    MPI_Comm_size(comm, &size);
    Sample sample(11 + sizeof(T));
    // Each map of ranks takes a BLACS context for good, and ranks that share cores are slow.
    const ProcessGrid grid = any_of_grids(comm, sample);
    const int slow = sample.choose(static_cast<int>(spectra.size()));
    for (std::size_t which = 0; which < spectra.size(); ++which) {
      const Shape shape = any_shape(sample);
      SCOPED_TRACE(spectra[which].first + ", " + shown(shape) + " on " + to_string(grid.shape()));
      const auto known = with<T>(spectra[which].second, shape);
      const auto a = anywhere<T>(grid, known.a, sample);
      expect_svd(known, svd(a, SvdMode::reduced, Way::tall));
      expect_singular_values(known, svd(a, SvdMode::values, Way::tall).s);
      if (shape.rows >= shape.cols) expect_qr(known.a, qr(a, QrMode::reduced, Way::tall));
      if (size > 2 && static_cast<int>(which) != slow && !campaign()) continue;
      expect_svd(known, svd(a, SvdMode::reduced, Way::scalapack));
      expect_singular_values(known, svd(a, SvdMode::values, Way::scalapack).s);
      expect_qr(known.a, qr(a, QrMode::reduced, Way::scalapack));
      const auto full = svd(a, SvdMode::full, Way::tall);
      EXPECT_EQ(full.u.shape(), (Shape{shape.rows, shape.rows}));
      expect_svd(known, full);
      if (testing::Test::HasFailure()) return;
    }
  });
}

/// Columns of lengths from 1 to 1e-12: Cholesky does not feel them, and neither way loses them.
TYPED_TEST(SvdOf, GradedColumns) {
  using T = TypeParam;
  const Index n = 9;
  Small<T> a = random_small<T>(70, n, 5);
  for (Index j = 0; j < n; ++j) {
    const auto length = static_cast<Real<T>>(std::pow(10.0, -1.5 * static_cast<double>(j)));
    for (Index i = 0; i < a.rows; ++i) a(i, j) *= length;
  }
  const Known<T> known{a, detail::gesdd(widened(a)).s};
  for_few_rank_counts([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Way way : {Way::tall, Way::scalapack}) {
      expect_svd(known, svd(spread(grid, a), SvdMode::reduced, way));
      expect_qr(a, qr(spread(grid, a), QrMode::reduced, way));
    }
  });
}

/// Against one rank, which computes alone: vectors and signs, to rounding over the gaps.
TYPED_TEST(SvdOf, TheSameOnAnyNumberOfRanks) {
  using T = TypeParam;
  for (const Shape shape : {Shape{90, 12}, Shape{12, 70}}) {
    const auto known = with<T>([](Index i, Index p) { return static_cast<double>(p - i); }, shape);
    const ProcessGrid self(MPI_COMM_SELF);
    const Svd<T> alone = svd(spread(self, known.a));
    const Small<Wide<T>> inverse = whole(pinv(spread(self, known.a)));
    const Small<Wide<T>> u = whole(alone.u);
    const Small<Wide<T>> vt = whole(alone.vt);
    const double near = 100 * bound<T>(shape);  // gaps are a p-th of ||A||
    for_each_rank_count([&](MPI_Comm comm) {
      const ProcessGrid grid(comm);
      Sample sample(3);
      const auto a = anywhere<T>(grid, known.a, sample);
      for (const Way way : {Way::tall, Way::scalapack}) {
        if (way == Way::scalapack && shape.rows < shape.cols && !campaign()) continue;
        const Svd<T> f = svd(a, SvdMode::reduced, way);
        EXPECT_LE(distance(whole(f.u), u), near);
        EXPECT_LE(distance(whole(f.vt), vt), near);
        for (std::size_t i = 0; i < f.s.size(); ++i) {
          EXPECT_NEAR(f.s[i], alone.s[i], bound<T>(shape) * alone.s.front());
        }
      }
      EXPECT_LE(distance(whole(pinv(a)), inverse), near);
    });
  }
}

TYPED_TEST(SvdOf, LargeRGoesToScaLAPACK) {
  using T = TypeParam;
  for_few_rank_counts([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto known = with<T>(geometric(1e3), {80, 20});
    for (const Index on_root : {Index{19}, Index{20}}) {
      expect_svd(known, detail::svd_tall(spread(grid, known.a), SvdMode::reduced, on_root));
      expect_singular_values(known,
                             detail::svd_tall(spread(grid, known.a), SvdMode::values, on_root).s);
    }
  });
}

TEST(Svd, WhatFollowsFromTheValues) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape : {Shape{70, 10}, Shape{10, 70}, Shape{20, 20}}) {
      const auto half = with<double>(spectra[6].second, shape);
      const auto a = spread(grid, half.a);
      EXPECT_EQ(matrix_rank(a), (std::min(shape.rows, shape.cols) + 1) / 2);
      const Small<double> x = whole(pinv(a));
      const auto axa = multiply('N', multiply('N', half.a, 'N', x), 'N', half.a);
      EXPECT_LE(distance(axa, half.a), bound<double>(shape) * norm_of(half.a));
      const auto known = with<double>(geometric(1e4), shape);
      EXPECT_NEAR(cond(spread(grid, known.a)), 1e4, 1e4 * 1e4 * bound<double>(shape));
    }
    EXPECT_EQ(matrix_rank(DistMatrix<double>(grid, {5, 0}, VC_STAR)), 0);
  });
}

TEST(Svd, TheWayFollowsTheShape) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto shaped = [&](Index m, Index n) { return DistMatrix<float>(grid, {m, n}, VC_STAR); };
    const Index p = std::max(4, grid.size());
    EXPECT_EQ(qr_way(shaped(p * 6, 6)), Way::tall);
    EXPECT_EQ(qr_way(shaped(p * 6 - 1, 6)), Way::scalapack);
    EXPECT_EQ(qr_way(shaped(p * 6, 6), QrMode::complete), Way::scalapack);
    EXPECT_EQ(qr(shaped(p * 6, 6)).q.layout(), VC_STAR);
    EXPECT_EQ(qr(shaped(p * 6 - 1, 6)).q.layout(), MC_MR);
    EXPECT_EQ(svd_way(shaped(512, 512)), Way::tall);
    EXPECT_EQ(svd_way(shaped(513, 513)), Way::scalapack);
    EXPECT_EQ(svd_way(shaped(513, 513 * std::max(2, grid.size()))), Way::tall);
    EXPECT_EQ(svd_way(shaped(9, 0)), Way::scalapack);
    EXPECT_EQ(svd(shaped(90, 6)).u.layout(), MC_MR);
  });
}

TEST(Svd, ErrorsAreNamedAndTheSame) {
  run_on(world_size(), [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto with_nan = [&](Index m, Index n, Index at_i, Index at_j) {
      return from_function<double>(grid, {m, n}, MC_MR, [=](Index i, Index j) {
        return i == at_i && j == at_j ? std::nan("") : 1.0 + static_cast<double>(i * j);
      });
    };
    const auto tall = with_nan(70, 3, 66, 2);
    const auto wide = with_nan(3, 70, 1, 50);
    for (const Way way : {Way::tall, Way::scalapack}) {
      expect_same_error<InvalidArgument>(grid, [&] { svd(tall, SvdMode::reduced, way); },
                                         {"svd: A must be finite: got NaN or infinity at (66, 2)"});
      expect_same_error<InvalidArgument>(grid, [&] { svd(wide, SvdMode::values, way); },
                                         {"svd: A must be finite: got NaN or infinity at (1, 50)"});
      expect_same_error<InvalidArgument>(grid, [&] { qr(tall, QrMode::r, way); },
                                         {"qr: A must be finite: got NaN or infinity at (66, 2)"});
    }
    expect_same_error<InvalidArgument>(grid, [&] { qr(tall, QrMode::complete, Way::tall); },
                                       {"qr: mode must be reduced or r"});
    expect_same_error<ShapeError>(grid, [&] { qr(wide, QrMode::reduced, Way::tall); },
                                  {"qr: A must have", "(3, 70)"});
  });
}

}  // namespace
}  // namespace matrass::test
