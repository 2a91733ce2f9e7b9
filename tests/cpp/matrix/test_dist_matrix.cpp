// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The distributed matrix: handles, views, static and dynamic layouts, and its xtensor view.
/// Next: tests/cpp/matrix/test_create.cpp
#include <gtest/gtest.h>

#include <complex>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/matrix/local_view.hpp>
#include <type_traits>

#include "support/matrices.hpp"

namespace matrass {
namespace {

using namespace test;

TEST(DistMatrix, IsZeroInEveryLayoutAndScalar) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Layout layout : all_layouts) {
      for_each_scalar([&](auto scalar) {
        using T = decltype(scalar);
        const DistMatrix<T> a(grid, {7, 9}, layout, {.block = Block{2, 1}});
        EXPECT_EQ(a.shape(), (Shape{7, 9}));
        EXPECT_EQ(a.layout(), layout);
        expect_entries(a, [](Index, Index) { return T{}; });
      });
    }
  });
}

TEST(DistMatrix, LocalPartIsColumnMajorAndOfItsShare) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Layout layout : all_layouts) {
      for (const Shape shape : {Shape{11, 5}, Shape{1, 1}, Shape{0, 3}, Shape{3, 0}}) {
        const DistMatrix<double> a(grid, shape, layout);
        EXPECT_EQ(a.local_shape(), a.distribution().local_shape(grid.rank()));
        EXPECT_EQ(a.part().row_stride, 1);
        EXPECT_GE(a.part().col_stride, std::max<Index>(1, a.local_shape().rows));
      }
    }
  });
}

TEST(DistMatrix, CopiesOfTheHandleShareAndCopyIsDeep) {
  const ProcessGrid grid(world());
  const auto a = oracle_matrix<double>(grid, {9, 9}, VC_STAR, {.block = Block{1, 1}});
  const DistMatrix<double> same = a;
  const DistMatrix<double> deep = a.copy();
  EXPECT_EQ(same.data(), a.data());
  if (a.local_shape().size() > 0) {
    EXPECT_NE(deep.data(), a.data());
    same.part()(0, 0) = -5.0;
    EXPECT_EQ(a.part()(0, 0), -5.0);
    EXPECT_NE(deep.part()(0, 0), -5.0);
  }
  expect_oracle(deep);
}

TEST(LocalPart, MayOverlapWhereTheStretchesOfMemoryMeet) {
  std::vector<double> memory(100);
  const auto part = [&](Index at, Shape shape, Index rs, Index cs) {
    return LocalPart<double>{memory.data() + at, shape, rs, cs};
  };
  const auto a = part(10, {3, 2}, 1, 5);  // elements 10:13 and 15:18
  EXPECT_TRUE(may_overlap(a, a));
  EXPECT_TRUE(may_overlap(a, part(17, {1, 1}, 1, 1)));
  EXPECT_FALSE(may_overlap(a, part(18, {1, 1}, 1, 1)));
  EXPECT_TRUE(may_overlap(a, part(0, {11, 1}, 1, 11)));
  EXPECT_FALSE(may_overlap(a, part(0, {10, 1}, 1, 10)));
  EXPECT_TRUE(may_overlap(a, part(13, {1, 1}, 1, 1))) << "a gap between columns counts";
  EXPECT_TRUE(may_overlap(part(0, {40, 2}, 2, 1), part(50, {2, 2}, 1, 2)));
  EXPECT_FALSE(may_overlap(a, part(11, {0, 2}, 1, 1)));
  EXPECT_FALSE(may_overlap(part(11, {2, 0}, 1, 2), a));
}

TEST(DistMatrix, OrderIsOfAllRanks) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Layout layout : all_layouts) {
      const DistMatrix<double> a(grid, {7, 9}, layout, {.block = Block{2, 2}});
      EXPECT_EQ(a.order(), StorageOrder::column_major);
      EXPECT_EQ(a.slice(1, 1, 2, 3).order(), StorageOrder::column_major);
      EXPECT_EQ(a.transposed().order(), StorageOrder::row_major);
      EXPECT_EQ(a.transposed().slice(0, 4, 3, 7).order(), StorageOrder::row_major);
      EXPECT_EQ(a.transposed().transposed().order(), StorageOrder::column_major);
      EXPECT_EQ(a.transposed().copy().order(), StorageOrder::column_major);
    }
  });
}

/// Views within blocks, across blocks, and transposed ones.
TEST(DistMatrix, LocalCopyAndApartFrom) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Layout layout : all_layouts) {
      const auto a = oracle_matrix<double>(grid, {12, 11}, layout, {.block = Block{3, 4}});
      const auto b = oracle_matrix<double>(grid, {12, 11}, layout, {.block = Block{3, 4}});
      const auto view = a.slice(2, 11, 1, 10);
      const auto turned = view.transposed();
      const auto is_view = [](Index i, Index j) { return oracle<double>(i + 2, j + 1, 12); };
      const auto is_turned = [&](Index i, Index j) { return is_view(j, i); };

      EXPECT_EQ(view.apart_from(b).data(), view.data()) << "nothing to copy";
      const auto apart = view.apart_from(a);
      const auto turned_apart = turned.apart_from(a);
      const auto copy = turned.local_copy();
      EXPECT_EQ(copy.order(), StorageOrder::column_major);
      EXPECT_EQ(apart.order(), StorageOrder::column_major);
      EXPECT_EQ(turned_apart.order(), StorageOrder::row_major) << "on every rank, whoever copies";
      for (const auto& each : {copy, turned_apart}) {
        EXPECT_EQ(each.distribution(), turned.distribution());
      }
      EXPECT_EQ(apart.distribution(), view.distribution());
      for (const auto& each : {apart, copy, turned_apart}) {
        if (each.local_shape().size() == 0) continue;  // shared: there is nothing to copy
        EXPECT_FALSE(may_overlap(each.part(), a.part()));
        const bool by_columns = each.order() == StorageOrder::column_major;
        const LocalPart<double> part = by_columns ? each.part() : each.part().transposed();
        const Distribution stored =
            by_columns ? each.distribution() : each.distribution().transposed();
        EXPECT_EQ(part.row_stride, 1);
        EXPECT_EQ(part.col_stride, stored.leading_dimension(grid.rank()));
      }
      const LocalPart<double>& part = a.part();
      for (Index j = 0; j < part.shape.cols; ++j) {
        for (Index i = 0; i < part.shape.rows; ++i) part(i, j) = -1;
      }
      expect_entries(apart, is_view);
      expect_entries(turned_apart, is_turned);
      expect_entries(copy, is_turned);
      expect_oracle(b);
    }
  });
}

TEST(DistMatrix, ViewsLiveAsLongAsTheyAreNeeded) {
  const ProcessGrid grid(world());
  DistMatrix<double> view;
  EXPECT_TRUE(view.empty_handle());
  {
    const auto a = oracle_matrix<double>(grid, {9, 9}, MC_MR, {.block = Block{2, 2}});
    view = a.slice(2, 8, 1, 9).transposed();
  }
  EXPECT_FALSE(view.empty_handle());
  expect_entries(view, [](Index i, Index j) { return oracle<double>(j + 2, i + 1, 9); });
}

TEST(DistMatrix, EverySliceOfEveryLayout) {
  set_time_limit(std::chrono::seconds(120));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const Layout layout : all_layouts) {
      const ProcessGrid grid = any_grid(comm, sample);
      const auto a = oracle_matrix<double>(
          grid, {7, 6}, layout, any_options(grid.map(), layout, any_block(sample), sample));
      for (Index i0 = 0; i0 <= 7; ++i0) {
        for (Index i1 = i0; i1 <= 7; ++i1) {
          for (Index j0 = 0; j0 <= 6; ++j0) {
            for (Index j1 = j0; j1 <= 6; ++j1) {
              const DistMatrix<double> part = a.slice(i0, i1, j0, j1);
              ASSERT_EQ(part.shape(), (Shape{i1 - i0, j1 - j0}));
              expect_entries(part,
                             [&](Index i, Index j) { return oracle<double>(i0 + i, j0 + j, 7); });
              if (testing::Test::HasFailure()) return;
            }
          }
        }
      }
    }
  });
}

TEST(DistMatrix, SliceOfATransposedSlice) {
  const ProcessGrid grid(world());
  for (const Layout layout : all_layouts) {
    const auto a = oracle_matrix<float>(grid, {20, 30}, layout, {.block = Block{3, 2}});
    const auto b = a.slice(4, 19, 5, 27).transposed().slice(1, 20, 2, 14);
    expect_entries(b, [](Index i, Index j) { return oracle<float>(j + 2 + 4, i + 1 + 5, 20); });
    EXPECT_EQ(b.layout(), transposed(layout));
  }
}

TEST(DistMatrix, StaticAndDynamicLayouts) {
  const ProcessGrid grid(world());
  const DistMatrix<double, VC_STAR> known(grid, {8, 3});
  const DistMatrix<double> dynamic = known;
  EXPECT_EQ(dynamic.layout(), VC_STAR);
  EXPECT_EQ(dynamic.data(), known.data());
  const DistMatrix<double, VC_STAR> back(dynamic);
  EXPECT_EQ(back.data(), known.data());
  using Wrong = DistMatrix<double, MC_MR>;
  EXPECT_THROW(Wrong{dynamic}, LayoutError);
  static_assert(std::is_convertible_v<DistMatrix<double, VC_STAR>, DistMatrix<double>>);
  static_assert(!std::is_convertible_v<DistMatrix<double>, DistMatrix<double, VC_STAR>>);
  static_assert(std::is_same_v<decltype(known.transposed()), DistMatrix<double, STAR_VC>>);
  static_assert(std::is_same_v<decltype(dynamic.transposed()), DistMatrix<double>>);
}

TEST(DistMatrix, FreeingIsLocalInAnyOrder) {
  const ProcessGrid grid(world());
  std::vector<DistMatrix<double>> held;
  for (int k = 0; k < 10; ++k) held.emplace_back(grid, Shape{50, 50}, MC_MR);
  for (int k = 0; k < 10; ++k) {  // another order on each rank
    const auto at = static_cast<std::size_t>(world_rank() + k) % held.size();
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
  }
  expect_oracle(oracle_matrix<double>(grid, {9, 9}, MC_MR));
}

TEST(DistMatrix, RefusesWhatDoesNotFitOnEveryRank) {
  const ProcessGrid grid(world());
  using Matrix = DistMatrix<double>;
  EXPECT_THROW(Matrix(grid, {-1, 3}, MC_MR), InvalidArgument);
  EXPECT_THROW(Matrix(grid, {3, 3}, MC_MR, {.block = Block{0, 1}}), InvalidArgument);
  EXPECT_THROW(Matrix(grid, {3, 3}, any_layout), LayoutError);
  EXPECT_THROW(Matrix(grid, {3, 3}, Layout{Dist::MC, Dist::MC}), LayoutError);
  EXPECT_THROW(Matrix(grid, {3, 3}, MC_MR).slice(0, 4, 0, 3), InvalidArgument);
  expect_oracle(oracle_matrix<double>(grid, {9, 9}, MC_MR));
}

/// Products of extents and sizes of scalars that no integer holds.
TEST(DistMatrix, AbsurdShapesAreRefusedOnEveryRank) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Shape shape :
         {Shape{Index{1} << 31, Index{1} << 30}, Shape{Index{1} << 40, Index{1} << 40},
          Shape{Index{1} << 62, Index{1} << 62}, Shape{1, Index{1} << 61}}) {
      for (const Layout layout : {MC_MR, VC_STAR, STAR_VR, STAR_STAR}) {
        EXPECT_THROW(DistMatrix<double>(grid, shape, layout), Error)
            << shape.rows << " " << shape.cols;
      }
    }
    expect_oracle(oracle_matrix<double>(grid, {9, 9}, MC_MR));
  });
}

// --- the xtensor view ---

/// Reads what the test matrix has, and writes its double.
template <Scalar T>
void check_local_view(const DistMatrix<T>& a) {
  auto view = a.local();
  static_assert(std::is_same_v<typename decltype(view)::value_type, T>);
  ASSERT_EQ(view.shape()[0], static_cast<std::size_t>(a.local_shape().rows));
  ASSERT_EQ(view.shape()[1], static_cast<std::size_t>(a.local_shape().cols));
  const std::vector<Index> rows = a.local_rows();
  const std::vector<Index> cols = a.local_cols();
  for (std::size_t i = 0; i < view.shape()[0]; ++i) {
    for (std::size_t j = 0; j < view.shape()[1]; ++j) {
      ASSERT_EQ(&view(i, j), &a.part()(static_cast<Index>(i), static_cast<Index>(j)));
      ASSERT_EQ(view(i, j), oracle<T>(rows[i], cols[j], a.shape().rows));
      view(i, j) += view(i, j);
    }
  }
  expect_values(a, [&](Index i, Index j) { return T{2} * oracle<T>(i, j, a.shape().rows); });
}

TEST(LocalView, ReadsAndWritesTheMatrix) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    for (const Layout layout : all_layouts) {
      for (const Shape shape : {Shape{7, 9}, Shape{1, 9}, Shape{7, 1}, Shape{1, 1}, Shape{0, 4}}) {
        for_each_scalar([&](auto scalar) {
          check_local_view(
              oracle_matrix<decltype(scalar)>(grid, shape, layout, {.block = Block{2, 2}}));
        });
      }
    }
  });
}

TEST(LocalView, OfSlicesAndTransposedViews) {
  const ProcessGrid grid(world());
  const auto a = oracle_matrix<double>(grid, {13, 17}, MC_MR, {.block = Block{2, 3}});
  const auto b = a.slice(3, 12, 4, 16).transposed();
  auto view = b.local();
  const auto rows = b.local_rows();
  const auto cols = b.local_cols();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < cols.size(); ++j) {
      ASSERT_EQ(view(i, j), oracle<double>(cols[j] + 3, rows[i] + 4, 13));
    }
  }
}

}  // namespace
}  // namespace matrass
