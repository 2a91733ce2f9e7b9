// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// LSQR against the solution by singular values, for tall and wide matrices, and for an operator.
/// Next: tests/cpp/algorithm/test_kmeans.cpp
#include <matrass/algorithm/lsqr.hpp>

#include "known_svd.hpp"
#include "support/mpi_test.hpp"
#include "support/same_error.hpp"

namespace matrass::test {
namespace {

/// The solution of smallest norm: V diag(s / (s^2 + damp^2)) U^H b over s > 1e-6 s_1.
template <class T>
Small<Wide<T>> solution(const Small<T>& a, const Small<T>& b, double damp) {
  const auto svd = detail::gesdd(widened(a));
  Small<Wide<T>> y = multiply('C', svd.u, 'N', widened(b));
  for (Index i = 0; i < y.rows; ++i) {
    const double s = svd.s[static_cast<std::size_t>(i)];
    const double factor = s > 1e-6 * svd.s[0] ? s / (s * s + damp * damp) : 0;
    for (Index c = 0; c < y.cols; ++c) y(i, c) *= factor;
  }
  return multiply('C', svd.vh, 'N', y);
}

/// @param tol of the solution, relative
template <class T>
void check(const Small<T>& a, const Small<T>& b, const Lsqr<T>& found, double damp, double tol) {
  const Small<Wide<T>> x = gathered(found.x);
  const Small<Wide<T>> expected = solution(a, b, damp);
  EXPECT_TRUE(found.converged);
  EXPECT_EQ(found.x.layout(), VC_STAR);
  Small<Wide<T>> r = widened(b);
  detail::subtract_product(r, widened(a), x);
  Small<Wide<T>> normal = multiply('C', widened(a), 'N', r);
  for (std::size_t at = 0; at < normal.data.size(); ++at) {
    normal.data[at] -= damp * damp * x.data[at];
  }
  double largest = 0;
  for (Index j = 0; j < a.cols; ++j) largest = std::hypot(largest, column_norm(widened(a), j));
  for (Index c = 0; c < b.cols; ++c) {
    const auto at = static_cast<std::size_t>(c);
    double error = 0;
    for (Index i = 0; i < x.rows; ++i) error += std::norm(x(i, c) - expected(i, c));
    EXPECT_LE(std::sqrt(error), tol * column_norm(expected, c));
    const double rounding = 10 * eps<T> * std::sqrt(static_cast<double>(a.rows + a.cols)) *
                            (column_norm(widened(b), c) + largest * column_norm(x, c));
    EXPECT_NEAR(found.residual[at], column_norm(r, c), rounding);
    EXPECT_NEAR(found.normal_residual[at], column_norm(normal, c), largest * rounding);
  }
}

template <class T>
class LsqrOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(LsqrOf, Scalars);

TYPED_TEST(LsqrOf, SolvesTallAndWideSystemsOnAnyRankCount) {
  using T = TypeParam;
  constexpr bool single = std::same_as<Real<T>, float>;
  // Condition 4: the error of x is at most a few times the tolerance.
  const LsqrOptions options{.atol = single ? 1e-6 : 1e-13, .btol = single ? 1e-6 : 1e-13};
  for (const Shape shape : {Shape{113, 20}, Shape{20, 113}, Shape{31, 31}, Shape{7, 1}}) {
    const auto a = with_spectrum<T>(shape.rows, shape.cols,
                                    [](Index i) { return 1 + 3.0 / (1 + static_cast<double>(i)); });
    Small<T> b = random_matrix<T>(shape.rows, 3, 5);
    std::fill(b.col(1), b.col(1) + b.rows, T{});
    for_each_rank_count([&](MPI_Comm comm) {
      const ProcessGrid grid(comm);
      for (const double damp : {0.0, 0.7}) {
        LsqrOptions damped = options;
        damped.damp = damp;
        const auto found = lsqr(spread(grid, a.a), spread(grid, b), damped);
        check(a.a, b, found, damp, single ? 1e-4 : 1e-11);
        EXPECT_EQ(found.residual[1], 0);
      }
    });
  }
}

TEST(LsqrSolution, IsTheShortestOneWhereColumnsDepend) {
  // Rank 12 of 20.
  const auto a = with_spectrum<double>(60, 20, [](Index i) { return i < 12 ? 1.0 + 0.1 * i : 0; });
  const auto b = random_matrix<double>(60, 2, 6);
  const auto wide = with_spectrum<double>(20, 60, [](Index i) { return i < 12 ? 2.0 : 0; });
  const auto c = random_matrix<double>(20, 2, 6);
  run_on(3, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const LsqrOptions options{.atol = 1e-13, .btol = 1e-13, .conlim = 0};
    check(a.a, b, lsqr(spread(grid, a.a), spread(grid, b), options), 0, 1e-10);
    check(wide.a, c, lsqr(spread(grid, wide.a), spread(grid, c), options), 0, 1e-10);
  });
}

TEST(LsqrLayouts, AreAllTaken) {
  const auto tall = with_spectrum<double>(61, 9, [](Index i) { return 1.0 + 0.2 * i; });
  const auto wide = with_spectrum<double>(9, 61, [](Index i) { return 1.0 + 0.2 * i; });
  run_on(5, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm, {2, 2});  // one rank outside
    const LsqrOptions options{.atol = 1e-13, .btol = 1e-13};
    for (const auto& a : {tall.a, wide.a}) {
      const auto b = random_matrix<double>(a.rows, 12, 7);  // more than A has columns
      for (const Layout layout : {MC_MR, STAR_VC, MD_STAR, STAR_STAR, CIRC_CIRC, VC_STAR}) {
        const LayoutOptions blocks{.block = matrass::Block{3, 2}};
        const auto found = lsqr(spread(grid, a, layout, blocks), spread(grid, b, MC_MR), options);
        check(a, b, found, 0, 1e-11);
      }
    }
    // A view whose first block has lost its head.
    const auto big = spread(grid, tall.a, VC_STAR, {.block = matrass::Block{4, 9}});
    const auto b = random_matrix<double>(50, 1, 8);
    Small<double> part(50, 9);
    for (Index j = 0; j < 9; ++j) std::copy_n(tall.a.col(j) + 6, 50, part.col(j));
    check(part, b, lsqr(big.slice(6, 56, 0, 9), spread(grid, b), options), 0, 1e-10);
  });
}

TEST(LsqrFused, TheStepInPiecesIsTheTwoProducts) {
  // 3000 rows of 80: two pieces on one rank.
  const auto a = random_matrix<double>(5000, 80, 9);
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const detail::DenseRows<double> op(spread(grid, a));
    const auto m = static_cast<Index>(op.row_indices().size());
    const auto v = random_matrix<double>(80, 2, 10);
    const std::vector<double> alpha{0.5, -2};
    detail::DealtVectors<double> u(m, 2, 8);
    for (Index i = 0; i < m; ++i) u(i, 0) = u(i, 1) = static_cast<double>(i % 7);
    detail::DealtVectors<double> expected(m, 2, 8);
    op.apply(v, expected.block());
    detail::combine({-0.5, 2}, u, {1, 1}, expected);
    Small<double> w_expected;
    op.apply_adjoint(expected.block(), w_expected);
    Small<double> w;
    op.update(v, alpha, u.block(), w);
    for (Index c = 0; c < 2; ++c) {
      for (Index i = 0; i < m; ++i) ASSERT_NEAR(u(i, c), expected(i, c), 1e-11);
      for (Index j = 0; j < 80; ++j) ASSERT_NEAR(w(j, c), w_expected(j, c), 1e-8);
    }
  });
}

TEST(LsqrEdge, SaysWhenItHasNotConverged) {
  const auto a = with_spectrum<double>(80, 40, [](Index i) { return std::pow(0.6, i); });
  const auto b = random_matrix<double>(80, 1, 11);
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto few = lsqr(spread(grid, a.a), spread(grid, b), {.atol = 1e-14, .maxiter = 3});
    EXPECT_FALSE(few.converged);
    EXPECT_EQ(few.iterations, 3);
    const auto ill = lsqr(spread(grid, a.a), spread(grid, b), {.atol = 1e-15, .conlim = 100});
    EXPECT_FALSE(ill.converged);
    EXPECT_GE(ill.condition[0], 100);
  });
}

TEST(LsqrEdge, RefusesWrongArgumentsAndTakesNothing) {
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const ProcessGrid other(comm, {3, 1}, GridOrder::row_major);
    const auto of = [](const ProcessGrid& on, Shape shape) {
      return DistMatrix<double>(on, shape, MC_MR);
    };
    const auto b = of(grid, {4, 1});
    expect_same_error<ShapeError>(grid, [&] { lsqr(of(grid, {5, 2}), b); }, {"as many rows"});
    expect_same_error<InvalidArgument>(grid, [&] { lsqr(of(grid, {4, 2}), of(other, {4, 1})); },
                                       {"one process grid"});
    expect_same_error<InvalidArgument>(grid, [&] { lsqr(of(grid, {4, 2}), b, {.damp = -1}); },
                                       {"lsqr: damp"});
    const auto bad = from_function<double>(grid, {4, 2}, MC_MR, [](Index i, Index j) {
      return i == 2 && j == 1 ? std::numeric_limits<double>::quiet_NaN() : 1.0;
    });
    expect_same_error<InvalidArgument>(grid, [&] { lsqr(bad, b); }, {"A must be finite", "(2, 1)"});
    for (const Shape shape : {Shape{0, 0}, Shape{4, 0}, Shape{0, 4}, Shape{4, 4}}) {
      const auto found = lsqr(of(grid, shape), of(grid, {shape.rows, 2}));
      EXPECT_TRUE(found.converged);
      EXPECT_EQ(found.x.shape(), (Shape{shape.cols, 2}));
    }
    EXPECT_TRUE(lsqr(of(grid, {4, 3}), of(grid, {4, 0})).converged);
  });
}

/// Each row of A is (1, t_i): a line through points, without a matrix.
class Line {
 public:
  using value_type = double;
  Line(Index m, const mpi::Communicator& comm) : m_(m), comm_(comm) {
    for (Index i = comm.rank(); i < m; i += comm.size()) rows_.push_back(i);
  }
  const mpi::Communicator& comm() const { return comm_; }
  Shape shape() const { return {m_, 2}; }
  std::span<const Index> row_indices() const { return rows_; }
  void apply(const Small<double>& x, const detail::RowBlock<double>& y) const {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      y.data[static_cast<Index>(r) * y.ld] = x(0, 0) + static_cast<double>(rows_[r]) * x(1, 0);
    }
  }
  void apply_adjoint(const detail::RowBlock<double>& y, Small<double>& x) const {
    x = Small<double>(2, 1);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const double value = y.data[static_cast<Index>(r) * y.ld];
      x(0, 0) += value;
      x(1, 0) += static_cast<double>(rows_[r]) * value;
    }
  }

 private:
  Index m_;
  mpi::Communicator comm_;
  std::vector<Index> rows_;
};

TEST(LsqrOperator, FitsALineWithoutAMatrix) {
  // Points on 3 - t / 2, moved by +1, -1, -1, +1: orthogonal to 1 and t.
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const Line op(4, grid.comm());
    const detail::TallSystem<Line> system{op};
    auto b = system.range(1);
    for (std::size_t r = 0; r < op.row_indices().size(); ++r) {
      const Index i = op.row_indices()[r];
      b(static_cast<Index>(r), 0) = 3 - 0.5 * static_cast<double>(i) + (i % 3 == 0 ? 1 : -1);
    }
    const LsqrOptions options{.atol = 1e-14, .btol = 1e-14};
    const auto found = detail::lsqr_of(system, std::move(b), options, 10);
    EXPECT_TRUE(found.converged);
    EXPECT_EQ(found.iterations, 2);
    EXPECT_NEAR(found.x(0, 0), 3, 1e-12);
    EXPECT_NEAR(found.x(1, 0), -0.5, 1e-12);
    EXPECT_NEAR(found.residual[0], 2, 1e-12);
    // The adjoint: the shortest z with sum z = 1, sum t z = 0 is (0.7, 0.4, 0.1, -0.2).
    const detail::WideSystem<Line> adjoint{op};
    auto c = adjoint.range(1);
    c(0, 0) = 1;
    const auto z = detail::lsqr_of(adjoint, std::move(c), options, 10);
    for (std::size_t r = 0; r < op.row_indices().size(); ++r) {
      const double expected = 0.7 - 0.3 * static_cast<double>(op.row_indices()[r]);
      EXPECT_NEAR(z.x(static_cast<Index>(r), 0), expected, 1e-12);
    }
  });
}

}  // namespace
}  // namespace matrass::test
