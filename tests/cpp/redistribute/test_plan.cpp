// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// All 14 x 14 pairs of layouts in a simulator that holds every rank in one process: each rank's
/// plan is made as it would make it itself, its messages are packed, handed over and unpacked, and
/// every element is compared. Next: tests/cpp/redistribute/test_redistribute.cpp
#include <gtest/gtest.h>

#include <complex>
#include <cstring>
#include <matrass/redistribute/stream.hpp>

#include "support/campaign.hpp"
#include "support/grids.hpp"
#include "support/mpi_test.hpp"
#include "support/reference.hpp"

namespace matrass {
namespace {

struct Side {
  GridMap grid;
  Layout layout;
  LayoutOptions options;

  Distribution on(Shape shape) const { return {grid, shape, layout, options}; }
};

std::string name(const Side& side, Shape shape) {
  return to_string(side.on(shape)) + (side.grid.order == GridOrder::row_major ? " row-major" : "") +
         " sources " + std::to_string(side.options.row_source) + "," +
         std::to_string(side.options.col_source) + " of " + std::to_string(side.grid.comm_size);
}

/// One rank's local part; a border of guard values shows writes beside it.
template <class T>
class Local {
 public:
  Local(Shape shape, bool row_major)
      : shape_(shape),
        memory_(static_cast<std::size_t>((shape.rows + 2) * (shape.cols + 2)), guard()) {
    ld_ = (row_major ? shape.cols : shape.rows) + 2;
    row_major_ = row_major;
  }

  LocalPart<T> part() {
    T* data = memory_.data() + ld_ + 1;
    return row_major_ ? LocalPart<T>{data, shape_, ld_, 1} : LocalPart<T>{data, shape_, 1, ld_};
  }

  static T guard() { return static_cast<T>(-7777); }

  /// How many values beside the part have changed.
  std::size_t damage() {
    std::size_t inside = 0;
    for (Index i = 0; i < shape_.rows; ++i) {
      for (Index j = 0; j < shape_.cols; ++j) inside += part()(i, j) == guard() ? 1U : 0U;
    }
    std::size_t untouched = 0;
    for (const T& value : memory_) untouched += value == guard() ? 1U : 0U;
    return memory_.size() - static_cast<std::size_t>(shape_.size()) - (untouched - inside);
  }

 private:
  Shape shape_;
  std::vector<T> memory_;
  Index ld_ = 0;
  bool row_major_ = false;
};

template <class T>
class Simulator {
 public:
  Simulator(const Distribution& source, const Distribution& target, Index piece)
      : source_(source),
        target_(target),
        ranks_(source.grid().comm_size),
        piece_(piece),
        write_(piece % 2 == 0 ? detail::Write::past_cache : detail::Write::cached) {
    const Pieces from = pieces_of(source);
    const Pieces to = pieces_of(target);
    for (int rank = 0; rank < ranks_; ++rank) {
      plans_.push_back(make_plan(from, to, rank, ranks_));
      sources_.emplace_back(source.local_shape(rank), rank % 2 == 1);
      targets_.emplace_back(target.local_shape(rank), rank % 3 == 1);
      fill(rank);
    }
  }

  void run() {
    for (int from = 0; from < ranks_; ++from) {
      for (int to = 0; to < ranks_; ++to) {
        const Stream& stream = at(plans_, from).sends[static_cast<std::size_t>(to)];
        if (from == to) {
          copy_at_home(from, stream);
        } else {
          hand_over(from, to, stream);
        }
      }
    }
  }

  void compare() {
    const Index m = source_.shape().rows;
    for (int rank = 0; rank < ranks_; ++rank) {
      const std::vector<Index> rows = target_.local_rows(rank);
      const std::vector<Index> cols = target_.local_cols(rank);
      const LocalPart<T> part = at(targets_, rank).part();
      for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t j = 0; j < cols.size(); ++j) {
          const T expected = test::oracle<T>(rows[i], cols[j], m);
          const T& found = part(static_cast<Index>(i), static_cast<Index>(j));
          ASSERT_EQ(std::memcmp(&found, &expected, sizeof(T)), 0)
              << "rank " << rank << " element (" << rows[i] << ", " << cols[j] << ")";
        }
      }
      ASSERT_EQ(at(targets_, rank).damage(), 0U) << "rank " << rank << " wrote beside its part";
    }
  }

  /// Every element of every rank's target comes exactly once; nobody sends what the receiver has
  /// itself.
  void count() {
    for (int rank = 0; rank < ranks_; ++rank) {
      const Plan& plan = at(plans_, rank);
      const Index own = plan.sends[static_cast<std::size_t>(rank)].size;
      ASSERT_EQ(own + plan.elements_received(), target_.local_shape(rank).size())
          << "rank " << rank;
      ASSERT_EQ(plan.receives[static_cast<std::size_t>(rank)].size, 0);
      Index at_home = 0;
      for (const Index i : target_.local_rows(rank)) {
        for (const Index j : target_.local_cols(rank)) {
          const std::vector<int> owners = source_.owners(i, j);
          at_home += std::binary_search(owners.begin(), owners.end(), rank) ? 1 : 0;
        }
      }
      ASSERT_EQ(own, at_home) << "rank " << rank;
    }
  }

 private:
  template <class V>
  static auto& at(V& values, int rank) {
    return values[static_cast<std::size_t>(rank)];
  }

  void fill(int rank) {
    const std::vector<Index> rows = source_.local_rows(rank);
    const std::vector<Index> cols = source_.local_cols(rank);
    const LocalPart<T> part = at(sources_, rank).part();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t j = 0; j < cols.size(); ++j) {
        part(static_cast<Index>(i), static_cast<Index>(j)) =
            test::oracle<T>(rows[i], cols[j], source_.shape().rows);
      }
    }
  }

  std::vector<LocalPart<const T>> own_sources(int rank) {
    if (!source_.holds(rank)) return {};
    return {at(sources_, rank).part()};
  }
  std::vector<LocalPart<T>> own_targets(int rank) {
    if (!target_.holds(rank)) return {};
    return {at(targets_, rank).part()};
  }

  void copy_at_home(int rank, const Stream& stream) {
    const auto from = own_sources(rank);
    const auto to = own_targets(rank);
    for (Index begin = 0; begin < stream.size; begin += piece_) {
      const Index end = std::min(stream.size, begin + piece_);
      detail::visit_stream(stream, begin, end,
                           [&](const Transfer& t, Index first, Index last, Index) {
                             detail::copy_transfer<detail::Packed::neither, T>(
                                 t, first, last, at(from, t.source), at(to, t.target), write_);
                           });
    }
  }

  void hand_over(int from, int to, const Stream& stream) {
    const Stream& expected = at(plans_, to).receives[static_cast<std::size_t>(from)];
    ASSERT_EQ(expected.size, stream.size) << "rank " << from << " sends to rank " << to;
    const auto sources = own_sources(from);
    const auto targets = own_targets(to);
    for (Index begin = 0; begin < stream.size; begin += piece_) {
      const Index end = std::min(stream.size, begin + piece_);
      std::vector<T> message(static_cast<std::size_t>(end - begin) + 1, Local<T>::guard());
      detail::pack<T>(stream, begin, end, sources, message.data());
      ASSERT_EQ(message.back(), Local<T>::guard()) << "packed beyond the message";
      detail::unpack<T>(expected, begin, end, message.data(), targets, write_);
    }
  }

  Distribution source_;
  Distribution target_;
  int ranks_;
  Index piece_;
  detail::Write write_;
  std::vector<Plan> plans_;
  std::vector<Local<T>> sources_;
  std::vector<Local<T>> targets_;
};

template <class T>
void simulate(const Side& from, const Side& to, Shape shape, Index piece) {
  SCOPED_TRACE(name(from, shape) + "  ->  " + name(to, shape) + ", pieces of " +
               std::to_string(piece) + " of " + std::to_string(sizeof(T)) + " bytes");
  Simulator<T> simulator(from.on(shape), to.on(shape), piece);
  simulator.count();
  simulator.run();
  simulator.compare();
}

void simulate(int scalar, const Side& from, const Side& to, Shape shape, Index piece) {
  switch (scalar) {
    case 0:
      return simulate<float>(from, to, shape, piece);
    case 1:
      return simulate<double>(from, to, shape, piece);
    case 2:
      return simulate<std::complex<float>>(from, to, shape, piece);
    default:
      return simulate<std::complex<double>>(from, to, shape, piece);
  }
}

constexpr std::array blocks{Block{1, 1}, Block{2, 2}, Block{3, 3}, Block{64, 64}, Block{300, 300}};
const std::vector<Shape> shapes{{7, 7},   {1, 1},  {0, 5},  {5, 0},  {0, 0},
                                {13, 17}, {2, 61}, {67, 3}, {131, 9}};
const std::vector<Index> pieces{1'000'000, 7, 1};

/// A side with sources, diagonal and root chosen by chance.
Side side(const GridMap& grid, Layout layout, Block block, test::Sample& sample) {
  const int rows = place_count(layout.col, grid);
  const int cols = place_count(layout.row, grid);
  LayoutOptions options{block, sample.choose(rows), sample.choose(cols), {}};
  options.anchor = {sample.choose(std::gcd(grid.shape.rows, grid.shape.cols)),
                    sample.choose(grid.comm_size)};
  return {grid, layout, options};
}

/// Every pair of layouts, of blocks, and shape; grids of 1 to 6 ranks, orders, sources, scalars and
/// the size of messages by chance. In a campaign 20 draws of each.
TEST(Plan, AllPairsOfLayoutsBlocksAndShapes) {
  test::set_time_limit(std::chrono::seconds(1500));
  test::Sample sample(1);
  const int draws = test::campaign() ? 20 : 1;
  int cases = 0;
  for (const Layout from : all_layouts) {
    for (const Layout to : all_layouts) {
      for (const Block block_from : blocks) {
        for (const Block block_to : blocks) {
          for (const Shape shape : shapes) {
            for (int draw = 0; draw < draws; ++draw) {
              if (!sample.take()) continue;
              const int ranks = 1 + sample.choose(6);
              const GridMap a = test::any_grid_map(ranks, sample);
              const GridMap b = sample.choose(3) == 0 ? test::any_grid_map(ranks, sample) : a;
              simulate(sample.choose(4), side(a, from, block_from, sample),
                       side(b, to, block_to, sample), shape,
                       pieces[static_cast<std::size_t>(sample.choose(3))]);
              ++cases;
              if (testing::Test::HasFailure()) return;
            }
          }
        }
      }
    }
  }
  std::printf("%d cases\n", cases);
  EXPECT_GT(cases, 40000);
}

/// Axes so long that patterns repeat many times, and writes past the cache have whole lines to
/// write.
TEST(Plan, LongAxes) {
  test::Sample sample(1);
  for (const Layout from : all_layouts) {
    for (const Layout to : all_layouts) {
      const GridMap grid = test::any_grid_map(6, sample);
      for (const Shape shape : {Shape{5003, 3}, Shape{3, 5003}, Shape{210, 190}}) {
        const Block a = blocks[static_cast<std::size_t>(sample.choose(5))];
        const Block b = blocks[static_cast<std::size_t>(sample.choose(5))];
        simulate(sample.choose(4), side(grid, from, a, sample), side(grid, to, b, sample), shape,
                 sample.choose(2) == 0 ? 1000 : 1'000'000);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

/// On the 2 x 3 grid, where swapped rows and columns show: no chance at all.
TEST(Plan, AllPairsOfLayoutsOnTwoByThree) {
  for (const GridOrder order : {GridOrder::column_major, GridOrder::row_major}) {
    const GridMap grid{{2, 3}, order, 6};
    for (const Layout from : all_layouts) {
      for (const Layout to : all_layouts) {
        for (const Block block : {Block{1, 1}, Block{2, 3}}) {
          const Side a{grid, from, {block, 0, 0, {}}};
          const Side b{grid, to, {Block{3, 2}, 0, 0, {}}};
          simulate<double>(a, b, {11, 13}, 5);
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  }
}

/// Views that begin and end inside blocks, on both sides.
TEST(Plan, ViewsOfAllLayouts) {
  test::Sample sample(1);
  for (const Layout from : all_layouts) {
    for (const Layout to : all_layouts) {
      const GridMap grid = test::any_grid_map(6, sample);
      const Distribution a =
          side(grid, from, blocks[static_cast<std::size_t>(sample.choose(3))], sample).on({20, 30});
      const Distribution b =
          side(grid, to, blocks[static_cast<std::size_t>(sample.choose(3))], sample).on({15, 25});
      SCOPED_TRACE(to_string(a) + "  ->  " + to_string(b));
      const Index i0 = sample.choose(12);
      const Index j0 = sample.choose(15);
      Simulator<double> simulator(a.slice(i0, i0 + 9, j0, j0 + 14), b.slice(3, 12, 5, 19), 6);
      simulator.count();
      simulator.run();
      simulator.compare();
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(Plan, TransposedViewsOfAllLayouts) {
  test::Sample sample(1);
  for (const Layout from : all_layouts) {
    for (const Layout to : all_layouts) {
      const GridMap grid = test::any_grid_map(6, sample);
      const Distribution a = side(grid, from, {2, 3}, sample).on({10, 17}).transposed();
      const Distribution b = side(grid, to, {3, 1}, sample).on({17, 10});
      SCOPED_TRACE(to_string(a) + "  ->  " + to_string(b));
      Simulator<float> simulator(a, b, 1000);
      simulator.count();
      simulator.run();
      simulator.compare();
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(Plan, NothingIsSentWhereNothingMoves) {
  for (const Layout layout : all_layouts) {
    const Distribution d({{2, 3}, GridOrder::column_major, 6}, {20, 30}, layout,
                         {.block = Block{3, 4}});
    for (int rank = 0; rank < 6; ++rank) {
      const Plan plan = make_plan(pieces_of(d), pieces_of(d), rank, 6);
      EXPECT_EQ(plan.elements_sent(rank), 0) << to_string(d);
      EXPECT_EQ(plan.elements_received(), 0) << to_string(d);
    }
  }
}

/// From [STAR,STAR] every rank has what it needs: nothing is sent on the grid.
TEST(Plan, ReplicasAreReadAtTheNearestCopy) {
  const GridMap grid{{2, 3}, GridOrder::column_major, 6};
  const Distribution everywhere(grid, {20, 30}, STAR_STAR);
  for (const Layout layout : all_layouts) {
    const Distribution d(grid, {20, 30}, layout, {.block = Block{3, 4}});
    for (int rank = 0; rank < 6; ++rank) {
      EXPECT_EQ(make_plan(pieces_of(everywhere), pieces_of(d), rank, 6).elements_sent(rank), 0);
    }
  }
}

}  // namespace
}  // namespace matrass
