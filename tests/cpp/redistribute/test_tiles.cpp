// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Matrices from and to rectangles that lie anywhere on any ranks, and whole matrices.
/// Next: tests/cpp/redistribute/test_errors.cpp
#include <gtest/gtest.h>

#include <complex>
#include <deque>
#include <matrass/redistribute/tiles.hpp>

#include "support/matrices.hpp"
#include "support/random_tiles.hpp"

namespace matrass {
namespace {

using namespace test;

/// Memory of a rectangle in one of the orders in which arrays come: column- or row-major, with or
/// without a gap between lines, or backwards.
template <class T>
class TileMemory {
 public:
  TileMemory(Index m, Index n, int kind) : memory_(static_cast<std::size_t>((m + 3) * (n + 3))) {
    part_.shape = {m, n};
    part_.data = memory_.data();
    switch (kind) {
      case 0:
        set(1, std::max<Index>(1, m));
        break;
      case 1:
        set(std::max<Index>(1, n), 1);
        break;
      case 2:
        set(1, m + 3);
        break;
      case 3:
        set(n + 2, 1);
        break;
      default:  // backwards in both directions
        set(-1, -std::max<Index>(1, m));
        if (m > 0 && n > 0) part_.data += m * n - 1;
    }
  }

  const LocalPart<T>& part() const { return part_; }

 private:
  void set(Index row, Index col) {
    part_.row_stride = row;
    part_.col_stride = col;
  }

  std::vector<T> memory_;
  LocalPart<T> part_;
};

/// This rank's share of a tiling, in memory of all kinds.
template <class T>
struct Share {
  std::deque<TileMemory<T>> memory;
  std::vector<Tile<T>> tiles;

  Share(const std::vector<Rectangle>& all, int rank, int size, Sample& sample) {
    for (const Rectangle& t : all) {
      const int owner = sample.choose(size);
      const int kind = sample.choose(5);
      if (owner != rank) continue;
      memory.emplace_back(t.i1 - t.i0, t.j1 - t.j0, kind);
      tiles.push_back({t.i0, t.j0, memory.back().part()});
    }
  }

  std::vector<Tile<const T>> readable() const {
    std::vector<Tile<const T>> result;
    for (const Tile<T>& t : tiles) result.push_back({t.i0, t.j0, t.part});
    return result;
  }

  template <class F>
  void for_each_element(F&& f) const {
    for (const Tile<T>& t : tiles) {
      for (Index i = 0; i < t.part.shape.rows; ++i) {
        for (Index j = 0; j < t.part.shape.cols; ++j) f(t.i0 + i, t.j0 + j, t.part(i, j));
      }
    }
  }
};

template <Scalar T>
void there_and_back(MPI_Comm comm, Shape shape, unsigned seed, Sample& sample) {
  const ProcessGrid grid = any_grid(comm, sample);
  const Layout layout = all_layouts[static_cast<std::size_t>(sample.choose(14))];
  const Distribution wanted(grid.map(), shape, layout,
                            any_options(grid.map(), layout, any_block(sample), sample));
  SCOPED_TRACE("tiling " + std::to_string(seed) + "  ->  " + to_string(wanted));
  const Share<T> in(random_tiling(shape, seed), grid.rank(), grid.comm().size(), sample);
  in.for_each_element([&](Index i, Index j, T& x) { x = oracle<T>(i, j, shape.rows); });
  const DistMatrix<T> a = from_tiles<T>(grid, in.readable(), wanted);
  expect_oracle(a);

  const Share<T> out(random_tiling(shape, seed + 1), grid.rank(), grid.comm().size(), sample);
  out.for_each_element([](Index, Index, T& x) { x = T(-1); });
  to_tiles(a, out.tiles);
  out.for_each_element([&](Index i, Index j, const T& x) {
    ASSERT_EQ(x, oracle<T>(i, j, shape.rows)) << "element (" << i << ", " << j << ")";
  });
}

TEST(Tiles, RandomTilingsThereAndBack) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    const unsigned tilings = campaign() ? 1000 : 60;
    for (unsigned seed = 0; seed < tilings; ++seed) {
      const Shape shape{sample.choose(40), sample.choose(40)};
      switch (seed % 4) {
        case 0:
          there_and_back<float>(comm, shape, seed, sample);
          break;
        case 1:
          there_and_back<double>(comm, shape, seed, sample);
          break;
        case 2:
          there_and_back<std::complex<float>>(comm, shape, seed, sample);
          break;
        default:
          there_and_back<std::complex<double>>(comm, shape, seed, sample);
      }
      if (testing::Test::HasFailure()) return;
    }
  });
}

TEST(Tiles, ALargestCountOfAThousand) {
  const Index before = mpi::largest_count();
  mpi::largest_count() = 1000;
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    there_and_back<double>(comm, {200, 300}, 5, sample);
  });
  mpi::largest_count() = before;
}

TEST(Tiles, TilesToReadMayOverlapAndNeedNotCover) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = oracle_matrix<double>(grid, {20, 30}, MC_MR, {.block = Block{3, 4}});
    TileMemory<double> first(7, 9, 0);
    TileMemory<double> second(7, 9, 1);
    to_tiles<double>(a, {{2, 3, first.part()}, {4, 5, second.part()}});
    for (Index i = 0; i < 7; ++i) {
      for (Index j = 0; j < 9; ++j) {
        EXPECT_EQ(first.part()(i, j), oracle<double>(i + 2, j + 3, 20));
        EXPECT_EQ(second.part()(i, j), oracle<double>(i + 4, j + 5, 20));
      }
    }
  });
}

TEST(Tiles, WholeMatricesFromAndToEveryRoot) {
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    int size = 0;
    MPI_Comm_size(comm, &size);
    const Shape shape{23, 17};
    for (int root = -1; root < size; ++root) {
      for (const Layout layout : all_layouts) {
        const ProcessGrid grid = any_grid(comm, sample);
        const std::optional<int> where = root < 0 ? std::nullopt : std::optional(root);
        const bool mine = !where || *where == grid.rank();
        TileMemory<double> whole(mine ? 23 : 0, mine ? 17 : 0, sample.choose(5));
        for (Index i = 0; i < whole.part().shape.rows; ++i) {
          for (Index j = 0; j < whole.part().shape.cols; ++j) {
            whole.part()(i, j) = oracle<double>(i, j, 23);
          }
        }
        const Distribution wanted(grid.map(), shape, layout,
                                  any_options(grid.map(), layout, any_block(sample), sample));
        SCOPED_TRACE(to_string(wanted) + " root " + std::to_string(root));
        const auto a = from_global<double>(grid, whole.part(), wanted, where);
        expect_oracle(a);
        TileMemory<double> back(mine ? 23 : 0, mine ? 17 : 0, sample.choose(5));
        to_global<double>(a, back.part(), where);
        for (Index i = 0; i < back.part().shape.rows; ++i) {
          for (Index j = 0; j < back.part().shape.cols; ++j) {
            ASSERT_EQ(back.part()(i, j), oracle<double>(i, j, 23));
          }
        }
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

/// The same text on every rank, with these words in it.
void expect_same_error(MPI_Comm comm, const std::function<void()>& f,
                       const std::vector<std::string>& words) {
  std::string text;
  try {
    f();
    ADD_FAILURE() << "no error";
  } catch (const InvalidArgument& error) {
    text = error.what();
  }
  for (const std::string& word : words) EXPECT_NE(text.find(word), std::string::npos) << text;
  std::array<char, 300> mine{};
  text.copy(mine.data(), mine.size() - 1);
  std::array<char, 300> first = mine;
  MPI_Bcast(first.data(), 300, MPI_CHAR, 0, comm);
  EXPECT_STREQ(mine.data(), first.data()) << "the ranks raise different errors";
}

/// Rows are dealt to the ranks in turn, 2 at a time, one tile each; `spoil` changes one of them.
void expect_refused(MPI_Comm comm, const std::function<void(Tile<const double>&)>& spoil,
                    const std::vector<std::string>& words) {
  const ProcessGrid grid(comm);
  const int size = grid.comm().size();
  const Index m = 2 * size;
  std::vector<double> memory(64 * 64, 1.0);
  Tile<const double> tile{2 * grid.rank(), 0, {memory.data(), {2, 5}, 1, 64}};
  if (grid.rank() == size - 1) spoil(tile);
  expect_same_error(
      comm, [&] { from_tiles<double>(grid, {tile}, Distribution(grid.map(), {m, 5}, MC_MR)); },
      words);
}

TEST(Tiles, FaultsAreOneErrorOnEveryRankThatNamesTheTile) {
  for_each_rank_count([](MPI_Comm comm) {
    int size = 0;
    MPI_Comm_size(comm, &size);
    const std::string last = "tile 0 of rank " + std::to_string(size - 1);
    expect_refused(comm, [](auto& t) { t.part.shape.rows = 3; }, {last, "within"});
    expect_refused(comm, [](auto& t) { t.j0 = -1; }, {last, "within"});
    expect_refused(comm, [](auto& t) { t.part.shape.cols = 6; }, {last, "within"});
    expect_refused(comm, [](auto& t) { t.part.shape.cols = 4; }, {"columns 4:5", "cover"});
    expect_refused(comm, [](auto& t) { t.part.shape.rows = 0; }, {"cover"});
    if (size > 1) {
      expect_refused(comm, [](auto& t) { t.i0 -= 1; }, {last, "overlap"});
    }
    // The communicator is as good as before.
    const ProcessGrid grid(comm);
    expect_oracle(redistribute(oracle_matrix<double>(grid, {9, 9}, MC_MR), VC_STAR));
  });
}

TEST(Tiles, OtherFaults) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto a = oracle_matrix<double>(grid, {4, 5}, MC_MR);
    TileMemory<double> tile(2, 2, 0);
    expect_same_error(comm, [&] { to_tiles<double>(a, {{3, 0, tile.part()}}); },
                      {"tile 0 of rank 0", "to_tiles"});
    const Distribution wanted(grid.map(), {4, 5}, MC_MR);
    EXPECT_THROW(from_global<double>(grid, tile.part(), wanted), ShapeError);
    EXPECT_THROW(from_global<double>(grid, tile.part(), wanted, 99), InvalidArgument);
    EXPECT_THROW(to_global<double>(a, tile.part(), -2), InvalidArgument);
  });
}

}  // namespace
}  // namespace matrass
