// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Factorisations over grids, layouts, blocks, shapes and scalars: ||A - product|| <= c n eps ||A||
/// and ||I - Q^H Q|| <= c n eps, worked out on one rank from gathered factors.
/// Next: tests/cpp/scalapack/test_context.cpp
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <matrass/algorithm/certificate.hpp>
#include <matrass/algorithm/pinv.hpp>
#include <matrass/core/counter_random.hpp>
#include <matrass/scalapack/eigvals.hpp>
#include <matrass/scalapack/lu.hpp>

#include "support/matrices.hpp"
#include "support/same_error.hpp"

namespace matrass {
namespace {

using namespace test;

/// A whole matrix in double precision.
template <Scalar T>
struct Whole {
  using N = std::conditional_t<is_complex<T>, std::complex<double>, double>;
  Shape shape;
  std::vector<N> data;

  Whole(Index m, Index n) : shape{m, n}, data(static_cast<std::size_t>(m * n)) {}
  explicit Whole(const DistMatrix<T>& a) : Whole(a.shape().rows, a.shape().cols) {
    const auto& grid = a.grid();
    const Distribution everywhere(grid.map(), a.shape(), STAR_STAR);
    const DistMatrix<T> all = redistribute(a, grid, everywhere);
    if (everywhere.holds(grid.rank())) {
      for (Index j = 0; j < shape.cols; ++j) {
        for (Index i = 0; i < shape.rows; ++i) (*this)(i, j) = static_cast<N>(all.part()(i, j));
      }
    }
    mpi::broadcast(grid.comm(), std::span<N>(data), 0);  // also to ranks outside of the grid
  }
  N& operator()(Index i, Index j) { return data[static_cast<std::size_t>(i + j * shape.rows)]; }
  N operator()(Index i, Index j) const {
    return data[static_cast<std::size_t>(i + j * shape.rows)];
  }
  Whole adjoint() const {
    Whole t(shape.cols, shape.rows);
    for (Index j = 0; j < shape.cols; ++j) {
      for (Index i = 0; i < shape.rows; ++i) t(j, i) = conjugate((*this)(i, j));
    }
    return t;
  }
  double norm() const {
    double sum = 0;
    for (const N x : data) sum += std::norm(x);
    return std::sqrt(sum);
  }
};

template <Scalar T>
Whole<T> operator*(const Whole<T>& a, const Whole<T>& b) {
  Whole<T> c(a.shape.rows, b.shape.cols);
  for (Index j = 0; j < c.shape.cols; ++j) {
    for (Index e = 0; e < a.shape.cols; ++e) {
      for (Index i = 0; i < c.shape.rows; ++i) c(i, j) += a(i, e) * b(e, j);
    }
  }
  return c;
}

template <Scalar T>
void expect_close(const Whole<T>& found, const Whole<T>& expected) {
  ASSERT_EQ(found.shape, expected.shape);
  double error = 0;
  for (std::size_t k = 0; k < found.data.size(); ++k) {
    error += std::norm(found.data[k] - expected.data[k]);
  }
  const auto n = static_cast<double>(std::max({found.shape.rows, found.shape.cols, Index{1}}));
  constexpr double eps = std::numeric_limits<Real<T>>::epsilon();
  EXPECT_LE(std::sqrt(error), 10 * n * eps * std::max(expected.norm(), 1e-300));
}

template <Scalar T>
Whole<T> identity(Index n) {
  Whole<T> one(n, n);
  for (Index i = 0; i < n; ++i) one(i, i) = 1;
  return one;
}

template <Scalar T>
T normal_entry(Index i, Index j) {
  constexpr std::uint64_t seed = 1;
  if constexpr (is_complex<T>) {
    return {static_cast<Real<T>>(detail::counter_normal(seed, i, j, 0)),
            static_cast<Real<T>>(detail::counter_normal(seed, i, j, 1))};
  } else {
    return static_cast<T>(detail::counter_normal(seed, i, j));
  }
}

/// Few grids: each map of ranks takes a BLACS context for good.
std::vector<ProcessGrid> grids(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  std::vector<ProcessGrid> all{ProcessGrid(comm), ProcessGrid(comm, {size, 1}),
                               ProcessGrid(comm, {1, size})};
  if (size == 5) all.emplace_back(comm, GridShape{2, 2});  // and a rank outside
  return all;
}

/// f(i, j) in any layout and block.
template <Scalar T, class F>
DistMatrix<T> anywhere(const ProcessGrid& grid, Shape shape, Sample& sample, F&& f) {
  const Layout layout = all_layouts[static_cast<std::size_t>(sample.choose(14))];
  return from_function<T>(grid, shape, layout, f,
                          any_options(grid.map(), layout, any_block(sample), sample));
}

template <class F>
void for_each_setting(F&& f) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([&](MPI_Comm comm) {
    Sample sample(7);
    for (const ProcessGrid& grid : grids(comm)) {
      int scalars = 0;
      const int only = sample.choose(4);  // on small rank counts each scalar on each grid
      for_each_scalar([&](auto scalar) {
        if (scalars++ != only && grid.comm().size() > 2 && !campaign()) return;
        for (const Index n : {Index{0}, Index{1}, Index{66}}) {
          SCOPED_TRACE("n = " + std::to_string(n) + " on " + to_string(grid.shape()));
          if (!testing::Test::HasFailure()) f(scalar, grid, n, sample);
        }
      });
    }
  });
}

TEST(Factorizations, CholeskyAndSolve) {
  for_each_setting([](auto scalar, const ProcessGrid& grid, Index n, Sample& sample) {
    using T = decltype(scalar);
    const auto entry = [n](Index i, Index j) {  // diagonally dominant
      const T x = i >= j ? normal_entry<T>(i, j) : conjugate(normal_entry<T>(j, i));
      return i == j ? T{4} * static_cast<Real<T>>(n + 1) : x;
    };
    const auto a = anywhere<T>(grid, {n, n}, sample, entry);
    const Whole<T> l(cholesky(a));
    expect_close(l * l.adjoint(), Whole<T>(a));
    const Whole<T> u(cholesky(a, Triangle::upper));
    expect_close(u.adjoint() * u, Whole<T>(a));
    const auto b = anywhere<T>(grid, {n, 3}, sample, normal_entry<T>);
    for (const Assume assume : {Assume::general, Assume::positive, Assume::symmetric}) {
      const auto x = solve(a, b, assume);
      EXPECT_EQ(x.layout(), b.layout());
      expect_close(Whole<T>(a) * Whole<T>(x), Whole<T>(b));
    }
    expect_close(Whole<T>(a) * Whole<T>(inv(a)), identity<T>(n));
  });
}

TEST(Factorizations, Lu) {
  for_each_setting([](auto scalar, const ProcessGrid& grid, Index n, Sample& sample) {
    using T = decltype(scalar);
    for (const Shape shape : {Shape{n, n}, Shape{n + 5, n}, Shape{n, n + 70}}) {
      const auto a = anywhere<T>(grid, shape, sample, normal_entry<T>);
      const Lu<T> f = lu(a);
      Whole<T> permuted(shape.rows, shape.cols);
      const Whole<T> whole(a);
      for (Index i = 0; i < shape.rows; ++i) {
        const Index from = f.permutation[static_cast<std::size_t>(i)];
        for (Index j = 0; j < shape.cols; ++j) permuted(i, j) = whole(from, j);
      }
      expect_close(Whole<T>(f.l) * Whole<T>(f.u), permuted);
    }
  });
}

TEST(Factorizations, QrInAllModes) {
  for_each_setting([](auto scalar, const ProcessGrid& grid, Index n, Sample& sample) {
    using T = decltype(scalar);
    for (const Shape shape : {Shape{n, n}, Shape{n + 5, n}, Shape{n, n + 70}}) {
      const auto a = anywhere<T>(grid, shape, sample, normal_entry<T>);
      for (const QrMode mode : {QrMode::reduced, QrMode::complete}) {
        const Qr<T> f = qr(a, mode);
        const Whole<T> q(f.q);
        expect_close(q * Whole<T>(f.r), Whole<T>(a));
        expect_close(q.adjoint() * q, identity<T>(q.shape.cols));
      }
      expect_close(Whole<T>(qr(a, QrMode::r).r), Whole<T>(qr(a).r));
      EXPECT_TRUE(qr(a, QrMode::r).q.empty_handle());
    }
  });
}

TEST(Factorizations, SvdAndEigh) {
  for_each_setting([](auto scalar, const ProcessGrid& grid, Index n, Sample& sample) {
    using T = decltype(scalar);
    for (const Shape shape : {Shape{n, n}, Shape{2 * n + 1, n}, Shape{n, n + 9}}) {
      const auto a = anywhere<T>(grid, shape, sample, normal_entry<T>);
      const Svd<T> f = svd(a);
      Whole<T> us(f.u);
      const Whole<T> vt(f.vt);
      expect_close(us.adjoint() * us, identity<T>(us.shape.cols));
      expect_close(vt * vt.adjoint(), identity<T>(vt.shape.rows));
      for (Index j = 0; j < us.shape.cols; ++j) {
        const auto s = static_cast<double>(f.s[static_cast<std::size_t>(j)]);
        for (Index i = 0; i < us.shape.rows; ++i) us(i, j) *= s;
      }
      expect_close(us * vt, Whole<T>(a));
    }
    const auto h = anywhere<T>(grid, {n, n}, sample, [](Index i, Index j) {
      const T x = i >= j ? normal_entry<T>(i, j) : conjugate(normal_entry<T>(j, i));
      return i == j ? static_cast<T>(std::real(x)) : x;
    });
    for (const Triangle triangle : {Triangle::lower, Triangle::upper}) {
      const Eigh<T> f = eigh(h, triangle);
      const Whole<T> v(f.v);
      Whole<T> vw(v);
      for (Index j = 0; j < n; ++j) {
        for (Index i = 0; i < n; ++i)
          vw(i, j) *= static_cast<double>(f.w[static_cast<std::size_t>(j)]);
      }
      expect_close(v.adjoint() * v, identity<T>(n));
      expect_close(Whole<T>(h) * v, vw);
    }
  });
}

/// Some ranks factor on a grid of their own, then all together: PBLAS's topologies, which are one
/// for a process, must then be the same on all ranks, or they wait forever.
TEST(Factorizations, TopologiesAreNobodysHeritage) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = from_function<float>(grid, {70, 70}, MC_MR, normal_entry<float>);
    int context = 0;
    if (grid.rank() == 0) {
      const ProcessGrid self(MPI_COMM_SELF);
      const auto b = from_function<float>(self, {70, 70}, MC_MR, normal_entry<float>);
      context = detail::factor_copy(DistMatrix<float>(b)).desc[1];
      pb_topset_(&context, "Broadcast", "Rowwise", "I");  // a choice of the process's own
      const detail::Topologies before = detail::topologies(context);
      qr(b, QrMode::reduced, Way::scalapack);
      svd(b, SvdMode::full, Way::scalapack);
      eigh(b);
      eigvals(b);
      inv(b);
      EXPECT_EQ(detail::topologies(context), before);
      EXPECT_EQ(before.front(), 'I');
    }
    const Qr<float> f = qr(a, QrMode::reduced, Way::scalapack);
    expect_close(Whole<float>(matmul(f.q, f.r)), Whole<float>(a));
    EXPECT_EQ(inv(a).shape(), a.shape());
    if (grid.rank() == 0) pb_topset_(&context, "Broadcast", "Rowwise", " ");
  });
}

TEST(Factorizations, ErrorsAreNamedAndTheSame) {
  run_on(world_size(), [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto ones = [](Index, Index) { return 1.0; };
    const auto a = from_function<double>(grid, {70, 70}, MC_MR, ones);
    expect_same_error<NotPositiveDefiniteError>(grid, [&] { cholesky(a); }, {"order 2 "});
    expect_same_error<SingularError>(grid, [&] { solve(a, a); }, {"pivot 2 "});
    const auto wide = from_function<double>(grid, {3, 5}, VC_STAR, ones);
    expect_same_error<ShapeError>(grid, [&] { cholesky(wide); }, {"square", "(3, 5)"});
    expect_same_error<ShapeError>(grid, [&] { solve(a, wide); }, {"70 and 3"});
    const auto nan = from_function<double>(grid, {70, 70}, VC_STAR, [](Index i, Index j) {
      return i == 66 && j == 5 ? std::nan("") : 1.0;
    });
    for (const auto& call : std::vector<std::function<void()>>{
             [&] { lu(nan); }, [&] { qr(nan); }, [&] { svd(nan); }, [&] { eigh(nan); },
             [&] { eigvals(nan); }, [&] { slogdet(nan); }, [&] { inv(nan); }, [&] { pinv(nan); }}) {
      expect_same_error<InvalidArgument>(grid, call, {"got NaN or infinity at (66, 5)"});
    }
    // Only the triangle that is read counts.
    EXPECT_NO_THROW(eigh(nan, Triangle::upper));
  });
}

}  // namespace
}  // namespace matrass
