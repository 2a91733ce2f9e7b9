// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Every path on one machine and on pretended nodes in one short program, which compiles the engine
/// for itself: what runs under sanitizers every day. Next:
/// tests/cpp/redistribute/test_redistribute.cpp
#include <gtest/gtest.h>

#include <matrass/redistribute/tiles.hpp>

#include "support/matrices.hpp"
#include "support/paths.hpp"

namespace matrass {
namespace {

using namespace test;

constexpr Shape shape{203, 197};

/// There and back through layouts that need every kind of walk.
void move_around(const ProcessGrid& grid) {
  auto a = oracle_matrix<double>(grid, shape, VC_STAR);
  for (const auto& [layout, block] : std::vector<std::pair<Layout, Block>>{{MC_MR, {64, 64}},
                                                                           {STAR_VR, {1, 1}},
                                                                           {MD_STAR, {3, 3}},
                                                                           {STAR_STAR, {1, 1}},
                                                                           {MR_MC, {2, 5}},
                                                                           {CIRC_CIRC, {1, 1}},
                                                                           {VC_STAR, {7, 1}}}) {
    SCOPED_TRACE(to_string(a.distribution()) + "  ->  " + to_string(layout));
    a = redistribute(a, layout, {.block = block});
    expect_oracle(a);
  }
  DistMatrix<double> turned(grid, {shape.cols, shape.rows}, MC_MR);
  redistribute_into(a.transposed(), turned);
  expect_entries(turned, [](Index i, Index j) { return oracle<double>(j, i, shape.rows); });
}

/// Rows in private memory, row-major, in the order of ranks.
void from_rows(const ProcessGrid& grid) {
  const IndexRange rows{shape.rows * grid.rank() / grid.size(),
                        shape.rows * (grid.rank() + 1) / grid.size()};
  std::vector<double> memory;
  for (Index i = rows.begin; i < rows.end; ++i) {
    for (Index j = 0; j < shape.cols; ++j) memory.push_back(oracle<double>(i, j, shape.rows));
  }
  const LocalPart<const double> part{memory.data(), {rows.size(), shape.cols}, shape.cols, 1};
  const Distribution wanted(grid.map(), shape, MC_MR, {.block = Block{16, 16}});
  expect_oracle(from_tiles<double>(grid, {{rows.begin, 0, part}}, wanted));
}

TEST(Paths, AllGiveTheSame) {
  set_time_limit(std::chrono::seconds(120));
  for (const Path path : {Path::automatic, Path::direct, Path::push, Path::pull, Path::message}) {
    for (const int ranks_per_node : {0, 1, 2}) {
      SCOPED_TRACE("path " + std::to_string(static_cast<int>(path)) + ", ranks per node " +
                   std::to_string(ranks_per_node));
      const TakePath taken(path, ranks_per_node);
      MPI_Comm comm = MPI_COMM_NULL;  // nodes are looked for once for each communicator
      MPI_Comm_dup(world(), &comm);
      {
        const ProcessGrid grid(comm);
        move_around(grid);
        from_rows(grid);
      }
      MPI_Comm_free(&comm);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace matrass
