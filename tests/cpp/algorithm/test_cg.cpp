// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Conjugate gradients on matrices with known spectra and solutions, and on a matrix-free operator.
/// Next: tests/cpp/algorithm/test_lsqr.cpp
#include <matrass/algorithm/cg.hpp>

#include "known_svd.hpp"
#include "support/mpi_test.hpp"
#include "support/same_error.hpp"

namespace matrass::test {
namespace {

/// H diag(spectrum) H with three reflectors each side: Hermitian with these eigenvalues.
template <class T>
Small<T> hermitian(Index n, const std::function<double(Index)>& spectrum) {
  Small<Wide<T>> x(n, n);
  for (Index i = 0; i < n; ++i) x(i, i) = spectrum(i);
  for (int side = 0; side < 2; ++side) {
    for (int which = 0; which < 3; ++which) reflect_rows(x, which);
    x = adjoint(x);
  }
  Small<T> a(n, n);
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i <= j; ++i) {
      a(i, j) = static_cast<T>(x(i, j));
      a(j, i) = conjugate(a(i, j));
      if (i == j) a(i, i) = static_cast<T>(std::real(x(i, i)));
    }
  }
  return a;
}

template <class T>
void check(const Small<T>& a, const Small<T>& b, const Cg<T>& found, double tol) {
  EXPECT_EQ(found.x.layout(), VC_STAR);
  EXPECT_TRUE(found.converged);
  Small<Wide<T>> r = widened(b);
  const Small<Wide<T>> x = gathered(found.x);
  detail::subtract_product(r, widened(a), x);
  ASSERT_EQ(static_cast<Index>(found.residual.size()), b.cols);
  double largest = 0;  // of the columns' norms, at most the norm of A
  for (Index j = 0; j < a.cols; ++j) largest = std::max(largest, column_norm(widened(a), j));
  for (Index c = 0; c < b.cols; ++c) {
    const double measured = column_norm(r, c);
    const double bnorm = column_norm(widened(b), c);
    // x is rounded to T when it is returned; products have errors of n eps |A| |x|.
    const double rounding =
        10 * eps<T> * static_cast<double>(a.rows) * (bnorm + largest * column_norm(x, c));
    EXPECT_LE(found.residual[static_cast<std::size_t>(c)], tol * bnorm);
    EXPECT_NEAR(found.residual[static_cast<std::size_t>(c)], measured, rounding);
  }
}

template <class T>
class CgOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(CgOf, Scalars);

TYPED_TEST(CgOf, SolvesSeveralSystemsOnAnyRankCount) {
  using T = TypeParam;
  for (const Index n : {1, 2, 37}) {
    const Small<T> a = hermitian<T>(n, [](Index i) { return 1 + static_cast<double>(i % 9); });
    Small<T> b = random_matrix<T>(n, 3, 5);
    std::fill(b.col(1), b.col(1) + n, T{});  // solved by zero
    for_each_rank_count([&](MPI_Comm comm) {
      const ProcessGrid grid(comm);
      const Cg<T> found = cg(spread(grid, a), spread(grid, b));
      check(a, b, found, std::same_as<Real<T>, float> ? 1e-5 : 1e-8);
      EXPECT_EQ(found.residual[1], 0);
      EXPECT_EQ(column_norm(gathered(found.x), 1), 0);
    });
  }
}

TEST(CgLayouts, AreAllTaken) {
  const auto a = hermitian<double>(41, [](Index i) { return 1 + static_cast<double>(i); });
  const auto b = random_matrix<double>(41, 2, 6);
  run_on(5, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm, {2, 2});  // one rank outside
    for (const Layout layout : {MC_MR, STAR_VR, MD_STAR, STAR_STAR, CIRC_CIRC, VC_STAR}) {
      for (const Layout right : {VC_STAR, MC_MR, STAR_STAR}) {
        const auto big = spread(grid, a, layout, {.block = Block{3, 2}});
        check(a, b, cg(big, spread(grid, b, right)), 1e-8);
      }
    }
  });
}

TEST(CgSteps, AreAsManyAsThereAreEigenvalues) {
  // In exact arithmetic the iterate is exact after as many steps as A has distinct eigenvalues.
  const auto a = hermitian<double>(60, [](Index i) { return std::pow(2.0, i % 4); });
  const auto b = random_matrix<double>(60, 2, 7);
  run_on(3, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    EXPECT_EQ(cg(spread(grid, a), spread(grid, b), {.tol = 1e-10}).iterations, 4);
  });
}

TEST(CgSteps, AreNoneFromTheSolution) {
  const auto a = hermitian<double>(20, [](Index i) { return 1 + static_cast<double>(i); });
  const auto x = random_matrix<double>(20, 1, 8);
  const auto b = multiply('N', a, 'N', x);
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto found = cg(spread(grid, a), spread(grid, b), spread(grid, x));
    EXPECT_EQ(found.iterations, 0);
    EXPECT_TRUE(found.converged);
    check(a, b, found, 1e-8);
  });
}

TEST(CgAccuracy, CyclesFollowUntilTheTrueResidualIsSmall) {
  // The recurrence alone parts from the residual by some eps cond: here 1e-9 in units of ||b||.
  const auto a = hermitian<double>(50, [](Index i) { return std::pow(10.0, -7.0 * (i % 10) / 9); });
  const auto b = random_matrix<double>(50, 1, 9);
  run_on(2, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    check(a, b, cg(spread(grid, a), spread(grid, b), {.tol = 5e-9, .maxiter = 2000}), 5e-9);
  });
}

TEST(CgAccuracy, SaysWhenItHasNotConverged) {
  const auto a = hermitian<double>(60, [](Index i) { return 1 + static_cast<double>(i * i); });
  const auto b = random_matrix<double>(60, 2, 10);
  run_on(3, [&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto few = cg(spread(grid, a), spread(grid, b), {.maxiter = 3});
    EXPECT_FALSE(few.converged);
    EXPECT_EQ(few.iterations, 3);
    EXPECT_GT(few.residual[0], 1e-8 * column_norm(b, 0));
    const auto impossible = cg(spread(grid, a), spread(grid, b), {.tol = 1e-30});
    EXPECT_FALSE(impossible.converged);
    EXPECT_LE(impossible.residual[0], 1e-12 * column_norm(b, 0));
  });
}

TEST(CgReproducible, TheSameBitsOnAnyRankCount) {
  const auto a = hermitian<double>(47, [](Index i) { return 1 + static_cast<double>(i); });
  const auto b = random_matrix<double>(47, 2, 11);
  std::vector<double> expected;
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const std::vector<double> x = gathered(cg(spread(grid, a), spread(grid, b)).x).data;
    if (expected.empty()) expected = x;
    EXPECT_EQ(x, expected);
  });
}

TYPED_TEST(CgOf, RefusesIndefiniteMatrices) {
  using T = TypeParam;
  const Small<T> a = hermitian<T>(20, [](Index i) { return i == 7 ? -3.0 : 1.0 + (i % 3); });
  const Small<T> b = random_matrix<T>(20, 2, 12);
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    expect_same_error<NotPositiveDefiniteError>(grid, [&] { cg(spread(grid, a), spread(grid, b)); },
                                                {"cg", "p^H A p"});
  });
}

TEST(CgEdge, RefusesWrongArgumentsAndTakesNothing) {
  run_on(3, [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const ProcessGrid other(comm, {3, 1}, GridOrder::row_major);
    const auto of = [](const ProcessGrid& on, Shape shape) {
      return DistMatrix<double>(on, shape, MC_MR);
    };
    const auto b = of(grid, {4, 1});
    expect_same_error<ShapeError>(grid, [&] { cg(of(grid, {4, 5}), b); }, {"square", "(4, 5)"});
    expect_same_error<ShapeError>(grid, [&] { cg(of(grid, {5, 5}), b); }, {"as many rows"});
    expect_same_error<ShapeError>(grid, [&] { cg(of(grid, {4, 4}), b, of(grid, {4, 2})); },
                                  {"x0", "(4, 2)"});
    expect_same_error<InvalidArgument>(grid, [&] { cg(of(grid, {4, 4}), of(other, {4, 1})); },
                                       {"one process grid"});
    const auto bad = from_function<double>(grid, {4, 4}, MC_MR, [](Index i, Index j) {
      return i == 2 && j == 3 ? std::numeric_limits<double>::infinity() : 1.0;
    });
    expect_same_error<InvalidArgument>(grid, [&] { cg(bad, b); }, {"A must be finite", "(2, 3)"});
    EXPECT_TRUE(cg(of(grid, {0, 0}), of(grid, {0, 2})).converged);
    const auto nothing = cg(of(grid, {4, 4}), of(grid, {4, 0}));
    EXPECT_TRUE(nothing.converged);
    EXPECT_EQ(nothing.x.shape(), (Shape{4, 0}));
    // Zero is not positive definite; of a zero right-hand side this does not matter.
    EXPECT_TRUE(cg(of(grid, {4, 4}), b).converged);
  });
}

/// The second difference 2, -1 on rows dealt in turn: no matrix anywhere.
class SecondDifference {
 public:
  using value_type = double;
  SecondDifference(Index n, const mpi::Communicator& comm) : n_(n), comm_(comm) {
    for (Index i = comm.rank(); i < n; i += comm.size()) rows_.push_back(i);
  }
  const mpi::Communicator& comm() const { return comm_; }
  Shape shape() const { return {n_, n_}; }
  std::span<const Index> row_indices() const { return rows_; }
  void apply(const Small<double>& x, const detail::RowBlock<double>& y) const {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (Index c = 0; c < x.cols; ++c) {
        const Index i = rows_[r];
        const double before = i > 0 ? x(i - 1, c) : 0;
        const double after = i + 1 < n_ ? x(i + 1, c) : 0;
        y.data[static_cast<Index>(r) * y.ld + c] = 2 * x(i, c) - before - after;
      }
    }
  }
  void apply_adjoint(const detail::RowBlock<double>& y, Small<double>& x) const {
    x = Small<double>(n_, y.width);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (Index c = 0; c < x.cols; ++c) {
        const Index i = rows_[r];
        const double value = y.data[static_cast<Index>(r) * y.ld + c];
        x(i, c) += 2 * value;
        if (i > 0) x(i - 1, c) -= value;
        if (i + 1 < n_) x(i + 1, c) -= value;
      }
    }
  }

 private:
  Index n_;
  mpi::Communicator comm_;
  std::vector<Index> rows_;
};

TEST(CgOperator, SolvesThePoissonEquation) {
  // -x'' = 1 with zero ends: x_i = (i + 1) (n - i) / 2, exactly.
  static_assert(detail::RowOperator<SecondDifference>);
  static_assert(!detail::FusedOperator<SecondDifference>);
  constexpr Index n = 50;
  for_each_rank_count([&](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const SecondDifference op(n, grid.comm());
    Small<double> b(n, 1);
    std::fill(b.data.begin(), b.data.end(), 1.0);
    const auto found = detail::cg_of(op, b, Small<double>(n, 1), 1e-12, 200);
    EXPECT_TRUE(found.converged);
    EXPECT_LE(found.iterations, n / 2 + 1);  // the solution is symmetric
    for (Index i = 0; i < n; ++i) {
      EXPECT_NEAR(found.x(i, 0), static_cast<double>((i + 1) * (n - i)) / 2, 1e-9);
    }
  });
}

}  // namespace
}  // namespace matrass::test
