// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Tiles that come over time: every order and batch, what is missing, what comes twice.
/// Next: tests/cpp/scalapack/test_context.cpp
#include <gtest/gtest.h>

#include <matrass/redistribute/tile_sink.hpp>
#include <memory>

#include "support/matrices.hpp"

namespace matrass {
namespace {

using namespace test;

constexpr Shape shape{97, 83};

/// A tile of the test matrix, column-major or row-major, in memory of its own.
class OwnTile {
 public:
  OwnTile(IndexRange rows, IndexRange cols, bool row_major) {
    const Shape size{rows.size(), cols.size()};
    memory_.resize(static_cast<std::size_t>(size.size()));
    LocalPart<double> part{memory_.data(), size, 1, std::max<Index>(1, size.rows)};
    if (row_major) part = {memory_.data(), size, std::max<Index>(1, size.cols), 1};
    for (Index i = 0; i < size.rows; ++i) {
      for (Index j = 0; j < size.cols; ++j) {
        part(i, j) = oracle<double>(rows.begin + i, cols.begin + j, shape.rows);
      }
    }
    tile_ = {rows.begin, cols.begin, part};
  }
  const Tile<const double>& tile() const { return tile_; }
  void forget() { std::fill(memory_.begin(), memory_.end(), -1.0); }

 private:
  std::vector<double> memory_;
  Tile<const double> tile_;
};

/// Rectangles that cover the matrix, in an order by chance, the same on every rank.
std::vector<std::pair<IndexRange, IndexRange>> shuffled_cover(Index height, Index width,
                                                              Sample& sample) {
  std::vector<std::pair<IndexRange, IndexRange>> cover;
  for (Index i = 0; i < shape.rows; i += height) {
    for (Index j = 0; j < shape.cols; j += width) {
      const std::pair<IndexRange, IndexRange> next{{i, std::min(shape.rows, i + height)},
                                                   {j, std::min(shape.cols, j + width)}};
      const int at = sample.choose(static_cast<int>(cover.size()) + 1);
      cover.insert(cover.begin() + at, next);
    }
  }
  return cover;
}

TEST(TileSink, AnyOrderInAnyBatches) {
  set_time_limit(std::chrono::seconds(240));
  for_each_rank_count([](MPI_Comm comm) {
    Sample sample(1);
    for (const Layout layout : {MC_MR, VC_STAR, STAR_VR, STAR_STAR, CIRC_CIRC}) {
      for (const auto& [height, width] : {std::pair<Index, Index>{10, 83}, {97, 1}, {13, 17}}) {
        const ProcessGrid grid = any_grid(comm, sample);
        const Distribution wanted(grid.map(), shape, layout, {.block = Block{4, 4}});
        SCOPED_TRACE(to_string(wanted));
        const auto cover = shuffled_cover(height, width, sample);
        TileSink<double> sink(grid, wanted);
        std::vector<OwnTile> last;
        int ranks = 0;
        MPI_Comm_size(comm, &ranks);
        for (std::size_t k = 0; k < cover.size();) {
          std::vector<OwnTile> batch;
          const int size = sample.choose(7);  // 0: none on any rank
          for (int n = 0; n < size && k < cover.size(); ++n, ++k) {
            if (sample.choose(ranks) == grid.rank()) {
              batch.emplace_back(cover[k].first, cover[k].second, n % 2 == 0);
            }
          }
          std::vector<Tile<const double>> tiles;
          for (const OwnTile& own : batch) tiles.push_back(own.tile());
          sink.add(tiles);
          for (OwnTile& own : batch) own.forget();  // nothing reads it any more
        }
        EXPECT_EQ(sink.covered(), shape.size());
        expect_oracle(sink.finish());
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

/// What `call` throws.
template <class F>
std::string text_of(F&& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "nothing";
}

TEST(TileSink, WhatIsMissingOrComesTwiceIsNamed) {
  run_on(world_size(), [](MPI_Comm comm) {
    const ProcessGrid grid(comm);
    const auto rows = [&](Index begin, Index end) {
      return OwnTile({begin, end}, {0, shape.cols}, false);
    };
    const auto give = [&](TileSink<double>& sink, const OwnTile& tile) {
      sink.add(grid.rank() == 0 ? std::vector{tile.tile()} : std::vector<Tile<const double>>{});
    };
    TileSink<double> sink(grid, Distribution(grid.map(), shape, VC_STAR));
    give(sink, rows(0, 50));
    EXPECT_NE(text_of([&] { sink.finish(); }).find("rows 50:97"), std::string::npos);
    // It is not lost: the rest may come still. What lies outside is refused, and changes nothing.
    EXPECT_NE(text_of([&] { give(sink, OwnTile({90, 98}, {0, 3}, false)); }).find("within"),
              std::string::npos);
    give(sink, rows(50, 97));
    // More than there is.
    EXPECT_NE(text_of([&] { give(sink, rows(3, 4)); }).find("tile 2 of rank 0"), std::string::npos);
    expect_oracle(sink.finish());

    // Twice the same, though no more than there is: refused at once, and nothing of it is placed.
    TileSink<double> again(grid, Distribution(grid.map(), shape, VC_STAR));
    give(again, rows(0, 50));
    EXPECT_NE(text_of([&] { give(again, rows(49, 60)); }).find("must not overlap"),
              std::string::npos);
    EXPECT_EQ(again.covered(), 50 * shape.cols);
    give(again, rows(50, 97));
    expect_oracle(again.finish());
  });
}

}  // namespace
}  // namespace matrass
