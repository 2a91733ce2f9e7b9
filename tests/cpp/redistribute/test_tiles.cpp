// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Matrices from and to rectangles that lie anywhere on any ranks, and whole matrices.
/// Next: tests/cpp/redistribute/test_errors.cpp
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <complex>
#include <deque>
#include <matrass/redistribute/tiles.hpp>

#include "support/matrices.hpp"
#include "support/random_tiles.hpp"

namespace matrass {
namespace {

using namespace test;

/// Memory of a rectangle in one of the orders in which arrays come: column- or row-major, with or
/// without a gap between lines, backwards, or every second row and column of something larger. The
/// pool's, which others may be able to read, or not.
template <class T>
class TileMemory {
 public:
  static constexpr int kinds = 9;
  static constexpr std::array<int, 4> row_major{1, 3, 6, 8};

  TileMemory(Index m, Index n, int kind, bool pooled = false) {
    const Index size = 4 * (m + 3) * (n + 3);
    if (pooled) {
      storage_ = Storage<T>::allocate(size, true);
    } else {
      memory_.resize(static_cast<std::size_t>(size));
    }
    part_.shape = {m, n};
    part_.data = pooled ? storage_.data() : memory_.data();
    m = std::max<Index>(1, m);
    n = std::max<Index>(1, n);
    const std::array<std::pair<Index, Index>, kinds> strides{{{1, m},
                                                              {n, 1},
                                                              {1, m + 3},
                                                              {n + 2, 1},
                                                              {-1, -m},
                                                              {2, 4 * m},
                                                              {4 * n, 2},
                                                              {-1, m},
                                                              {n, -1}}};
    const auto [row, col] = strides[static_cast<std::size_t>(kind)];
    part_.row_stride = row;
    part_.col_stride = col;
    if (part_.shape.size() == 0) return;
    if (row < 0) part_.data -= row * (m - 1);
    if (col < 0) part_.data -= col * (n - 1);
  }

  const LocalPart<T>& part() const { return part_; }

 private:
  std::vector<T> memory_;
  Storage<T> storage_;
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
      const int kind = sample.choose(TileMemory<T>::kinds);
      const bool pooled = sample.choose(2) == 0;
      if (owner == rank) add(t, kind, pooled);
    }
  }

  Share() = default;

  void add(const Rectangle& t, int kind, bool pooled) {
    memory.emplace_back(t.i1 - t.i0, t.j1 - t.j0, kind, pooled);
    tiles.push_back({t.i0, t.j0, memory.back().part()});
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

/// A matrix of 2 x 3 whole tiles of `height` x `width` and what is left at its ends, one kind of
/// memory for all or each its own; dealt to the ranks in turn.
template <Scalar T>
void from_equal_tiles(const ProcessGrid& grid, Index height, Index width, Layout layout,
                      Index block, Sample& sample) {
  const Shape shape{2 * height + height / 2, 3 * width + width / 3};
  const Distribution wanted(grid.map(), shape, layout, {.block = Block{block, block}});
  SCOPED_TRACE("tiles of " + std::to_string(height) + " x " + std::to_string(width) + "  ->  " +
               to_string(wanted));
  const bool one_kind = sample.choose(2) == 0;
  const auto any_kind = [&] {
    return TileMemory<T>::row_major[static_cast<std::size_t>(sample.choose(4))];
  };
  const int common = any_kind();
  const bool pooled = sample.choose(2) == 0;
  Share<T> share;
  int next = sample.choose(grid.comm().size());
  for (Index i = 0; i < shape.rows; i += height) {
    for (Index j = 0; j < shape.cols; j += width) {
      const int kind = one_kind ? common : any_kind();
      if (next++ % grid.comm().size() != grid.rank()) continue;
      share.add({i, std::min(i + height, shape.rows), j, std::min(j + width, shape.cols)}, kind,
                pooled);
    }
  }
  share.for_each_element([&](Index i, Index j, T& x) { x = oracle<T>(i, j, shape.rows); });
  expect_oracle(from_tiles<T>(grid, share.readable(), wanted));
}

TEST(Tiles, RowMajorOnesOfEverySize) {
  set_time_limit(std::chrono::seconds(240));
  constexpr std::array<Index, 9> sizes{1, 2, 3, 7, 8, 9, 63, 64, 65};
  for (const int ranks : {1, 2, 4, 5, 6}) {
    const bool good = run_on(std::min(ranks, world_size()), [&](MPI_Comm comm) {
      Sample sample(1);
      const ProcessGrid grid(comm);
      for (const Index height : sizes) {
        for (const Index width : sizes) {
          for (const auto& [layout, block] :
               std::vector<std::pair<Layout, Index>>{{VC_STAR, 1}, {MC_MR, 3}, {MC_MR, 64}}) {
            for_each_scalar([&](auto scalar) {
              from_equal_tiles<decltype(scalar)>(grid, height, width, layout, block, sample);
            });
            if (testing::Test::HasFailure()) return;
          }
        }
      }
    });
    if (!good) return;
  }
}

/// One number, row or column in the memory of many.
TEST(Tiles, BroadcastOnes) {
  for_each_rank_count([](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const Index height = 30;
    const Shape shape{height * grid.comm().size(), 41};
    const Index first = height * grid.rank();
    for (const auto& [row_stride, col_stride] :
         std::vector<std::pair<Index, Index>>{{0, 1}, {1, 0}, {0, 0}, {0, -1}, {-1, 0}}) {
      const auto number = [&, r = row_stride, c = col_stride](Index i, Index j) {
        const Index rank = i / height;
        return static_cast<double>(rank * 1000 + (i % height) * r + j * c);
      };
      std::vector<double> memory(100);
      for (Index k = 0; k < 100; ++k) {
        memory[static_cast<std::size_t>(k)] = number(first, 0) + static_cast<double>(k - 50);
      }
      const LocalPart<const double> part{memory.data() + 50, {height, 41}, row_stride, col_stride};
      for (const auto& [layout, block] :
           std::vector<std::pair<Layout, Index>>{{VC_STAR, 1}, {MC_MR, 3}, {STAR_VR, 8}}) {
        const Distribution wanted(grid.map(), shape, layout, {.block = Block{block, block}});
        SCOPED_TRACE(to_string(wanted) + " strides " + std::to_string(row_stride) + ", " +
                     std::to_string(col_stride));
        expect_entries(from_tiles<double>(grid, {{first, 0, part}}, wanted), number);
      }
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
        TileMemory<double> whole(mine ? 23 : 0, mine ? 17 : 0,
                                 sample.choose(TileMemory<double>::kinds));
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
        TileMemory<double> back(mine ? 23 : 0, mine ? 17 : 0,
                                sample.choose(TileMemory<double>::kinds));
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
