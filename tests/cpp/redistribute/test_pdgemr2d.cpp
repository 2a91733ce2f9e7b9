// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Redistribution against ScaLAPACK's own p?gemr2d, wherever ScaLAPACK can address both sides.
/// Next: tests/cpp/redistribute/test_tiles.cpp
#include <gtest/gtest.h>

#include <complex>
#include <matrass/redistribute/redistribute.hpp>
#include <matrass/scalapack/context.hpp>

#include "support/matrices.hpp"

extern "C" {
#define MATRASS_GEMR2D(name, T)                                                       \
  void name(const int* m, const int* n, const T* a, const int* ia, const int* ja,     \
            const int* desc_a, T* b, const int* ib, const int* jb, const int* desc_b, \
            const int* context);
MATRASS_GEMR2D(psgemr2d_, float)
MATRASS_GEMR2D(pdgemr2d_, double)
MATRASS_GEMR2D(pcgemr2d_, std::complex<float>)
MATRASS_GEMR2D(pzgemr2d_, std::complex<double>)
#undef MATRASS_GEMR2D
}

namespace matrass {
namespace {

using namespace test;

template <class T>
constexpr auto gemr2d() {
  if constexpr (std::same_as<T, float>) return &psgemr2d_;
  if constexpr (std::same_as<T, double>) return &pdgemr2d_;
  if constexpr (std::same_as<T, std::complex<float>>) return &pcgemr2d_;
  if constexpr (std::same_as<T, std::complex<double>>) return &pzgemr2d_;
}

/// A context over all ranks of the communicator: what p?gemr2d wants last.
int context_of_all(const ProcessGrid& grid) {
  ContextMap map{{1, grid.comm().size()}, {}};
  for (int rank = 0; rank < grid.comm().size(); ++rank) map.ranks.push_back(rank);
  return blacs_context(grid.comm(), map);
}

template <Scalar T>
Descriptor describe(const DistMatrix<T>& a) {
  const int context = blacs_context(a.grid().comm(), context_map(a.distribution()));
  return make_descriptor(a.distribution(), context, a.part().col_stride);
}

/// By ScaLAPACK: `b` gets the elements of `a`.
template <Scalar T>
void copy_by_scalapack(const DistMatrix<T>& a, const DistMatrix<T>& b) {
  const Descriptor desc_a = describe(a);
  const Descriptor desc_b = describe(b);
  const int m = static_cast<int>(a.shape().rows);
  const int n = static_cast<int>(a.shape().cols);
  const int one = 1;
  const int all = context_of_all(a.grid());
  gemr2d<T>()(&m, &n, a.data(), &one, &one, desc_a.data(), b.data(), &one, &one, desc_b.data(),
              &all);
}

/// Layouts without replicas on every grid.
const std::vector<Layout> addressed{MC_MR, MR_MC, VC_STAR, STAR_VC, VR_STAR, STAR_VR};

template <Scalar T>
void compare(const ProcessGrid& grid, Layout from, Layout to, Shape shape, Sample& sample) {
  const LayoutOptions a_options = any_options(grid.map(), from, any_block(sample), sample);
  const LayoutOptions b_options = any_options(grid.map(), to, any_block(sample), sample);
  const auto a = oracle_matrix<T>(grid, shape, from, a_options);
  const DistMatrix<T> by_scalapack(grid, shape, to, b_options);
  SCOPED_TRACE(to_string(a.distribution()) + "  ->  " + to_string(by_scalapack.distribution()));
  copy_by_scalapack(a, by_scalapack);
  expect_oracle(by_scalapack);  // the oracle itself: descriptor and memory agree with ScaLAPACK
  const DistMatrix<T> ours = redistribute(a, to, b_options);
  expect_entries(ours, [&](Index i, Index j) {
    const auto& d = by_scalapack.distribution();
    return by_scalapack.part()(d.rows().local_index(i), d.cols().local_index(j));
  });
}

TEST(Pdgemr2d, AgreesOnOneToSixRanks) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    // Few grids: each map of ranks takes a BLACS context for good.
    int size = 0;
    MPI_Comm_size(comm, &size);
    std::vector<ProcessGrid> grids{ProcessGrid(comm), ProcessGrid(comm, GridOrder::row_major),
                                   ProcessGrid(comm, {size, 1})};
    if (size == 6) grids.emplace_back(comm, GridShape{3, 2});
    if (size == 5) grids.emplace_back(comm, GridShape{2, 2});
    if (size == 6) grids.emplace_back(comm, GridMap::placed({2, 2}, {4, 1, 5, 2}, 6));
    for (const ProcessGrid& grid : grids) {
      for (const Layout from : addressed) {
        for (const Layout to : addressed) {
          const Shape shape{1 + sample.choose(90), 1 + sample.choose(90)};
          switch (sample.choose(4)) {
            case 0:
              compare<float>(grid, from, to, shape, sample);
              break;
            case 1:
              compare<double>(grid, from, to, shape, sample);
              break;
            case 2:
              compare<std::complex<float>>(grid, from, to, shape, sample);
              break;
            default:
              compare<std::complex<double>>(grid, from, to, shape, sample);
          }
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  });
}

}  // namespace
}  // namespace matrass
