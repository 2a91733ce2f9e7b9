// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Walks through one rank's memory against the definition: an element of the target is that of the
/// source with the same indices, and nothing else is written.
/// Next: tests/cpp/redistribute/test_tiles.cpp
#include <gtest/gtest.h>

#include <array>
#include <complex>
#include <deque>
#include <matrass/redistribute/walk.hpp>
#include <sstream>
#include <vector>

#include "support/campaign.hpp"
#include "support/guarded.hpp"

namespace matrass::detail {
namespace {

using namespace test;

constexpr std::array<Index, 7> blocks{1, 2, 3, 5, 8, 64, 100};

/// How a part lies in memory: its columns from `col_gap` elements apart, each along `row_stride`.
struct Form {
  Index row_stride = 1;
  Index col_gap = 0;
  bool backwards = false;  ///< the columns, too
  Index offset = 0;        ///< of the part's first element in a cache line
};

/// The part of a matrix that one place of each axis has, in memory of any form.
template <class T>
class Part {
 public:
  Part(const BlockCyclicAxis& rows, int row_place, const BlockCyclicAxis& cols, int col_place,
       const Form& form)
      : rows_(rows.global_indices(row_place)),
        cols_(cols.global_indices(col_place)),
        height_(std::max<Index>(1, std::abs(form.row_stride) * ssize(rows_)) + form.col_gap),
        memory_(height_ * ssize(cols_), form.offset) {
    const Index step = form.backwards ? -height_ : height_;
    Index first = form.backwards ? height_ * (ssize(cols_) - 1) : 0;
    if (form.row_stride < 0) first += -form.row_stride * (ssize(rows_) - 1);
    part_ = {memory_.data() + (rows_.empty() || cols_.empty() ? 0 : first),
             {ssize(rows_), ssize(cols_)},
             form.row_stride,
             step};
  }

  const LocalPart<T>& part() const { return part_; }
  const std::vector<Index>& rows() const { return rows_; }
  const std::vector<Index>& cols() const { return cols_; }
  std::span<const T> memory() const { return memory_.everything(); }
  /// Where element (i, j) of the part lies in memory().
  std::size_t place(Index i, Index j) const {
    return static_cast<std::size_t>(&part_(i, j) - memory_.everything().data());
  }

  /// Calls f(i_global, j_global, element) for all.
  template <class F>
  void for_each_element(F&& f) const {
    for (Index i = 0; i < ssize(rows_); ++i) {
      for (Index j = 0; j < ssize(cols_); ++j) {
        f(rows_[static_cast<std::size_t>(i)], cols_[static_cast<std::size_t>(j)], part_(i, j));
      }
    }
  }

 private:
  static Index ssize(const std::vector<Index>& v) { return static_cast<Index>(v.size()); }

  std::vector<Index> rows_;
  std::vector<Index> cols_;
  Index height_;
  Guarded<T> memory_;
  LocalPart<T> part_;
};

/// Column numbers in the order of `runs`, as its documentation says: positions on both sides.
std::vector<std::pair<Index, Index>> in_order(const Runs& runs) {
  std::vector<std::pair<Index, Index>> order;
  for (const Pattern& pattern : runs.patterns) {
    for (Index repeat = 0; repeat < pattern.repeats; ++repeat) {
      for (const Run& run : pattern.runs) {
        for (Index r = 0; r < run.count; ++r) {
          for (Index k = 0; k < run.length; ++k) {
            order.emplace_back(run.source + r * run.source_step + k + repeat * pattern.source_step,
                               run.target + r * run.target_step + k + repeat * pattern.target_step);
          }
        }
      }
    }
  }
  return order;
}

/// One walk: the part of a rank on the walked side, those of all places on the other side.
template <class T>
class Case {
 public:
  Case(Walked walked, const BlockCyclicAxis& from_rows, const BlockCyclicAxis& to_rows,
       const BlockCyclicAxis& from_cols, const BlockCyclicAxis& to_cols, Sample& sample,
       bool plain_walked_side)
      : walked_(walked), shape_{from_rows.extent, from_cols.extent} {
    name_ << (walked == Walked::source ? "one source, targets " : "one target, sources ");
    describe("rows", from_rows, to_rows);
    describe("columns", from_cols, to_cols);
    const int from_col = sample.choose(from_cols.nprocs);
    const int to_col = sample.choose(to_cols.nprocs);
    cols_ = intersect(IndexSet::of(from_cols, from_col), IndexSet::of(to_cols, to_col));
    const bool one_source = walked == Walked::source;
    const BlockCyclicAxis& one = one_source ? from_rows : to_rows;
    const BlockCyclicAxis& many = one_source ? to_rows : from_rows;
    const int here = sample.choose(one.nprocs);
    const bool some_missing = sample.choose(3) == 0;
    const bool all_plain = sample.choose(3) > 0;  // else what could be woven is not
    const auto add = [&](std::deque<Part<T>>& parts, bool source, int place, bool plain) {
      parts.emplace_back(source ? from_rows : to_rows, place, source ? from_cols : to_cols,
                         source ? from_col : to_col, any_form(sample, plain));
    };
    add(one_source ? sources_ : targets_, one_source, here, plain_walked_side);
    for (int place = 0; place < many.nprocs; ++place) {
      add(one_source ? targets_ : sources_, !one_source, place, all_plain || sample.choose(2) == 0);
      const int from = one_source ? here : place;
      const int to = one_source ? place : here;
      // What goes another way, in messages for instance, is no lane of the walk.
      const bool other_way = some_missing && sample.choose(4) == 0;
      rows_.push_back(
          other_way ? Runs{} : intersect(IndexSet::of(from_rows, from), IndexSet::of(to_rows, to)));
    }
    for (const Part<T>& source : sources_) {
      source.for_each_element([&](Index i, Index j, T& x) { x = element(i, j); });
    }
  }

  /// Copies columns [begin, end) and compares all memory of all targets.
  void check(Index begin, Index end, Write write) {
    SCOPED_TRACE(name_.str() + " column " + std::to_string(begin) + " to " + std::to_string(end) +
                 (write == Write::past_cache ? " past the cache" : ""));
    std::vector<std::vector<T>> expected;
    for (const Part<T>& target : targets_) {
      expected.emplace_back(target.memory().begin(), target.memory().end());
      expect_columns(target, begin, end, expected.back());
    }
    walk().copy(begin, end, write);
    finish_writing();
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      const std::span<const T> found = targets_[t].memory();
      for (std::size_t k = 0; k < found.size(); ++k) {
        ASSERT_EQ(std::memcmp(&found[k], &expected[t][k], sizeof(T)), 0)
            << "target " << t << ", place " << k << " of " << found.size() << " is " << found[k]
            << ", not " << expected[t][k];
      }
    }
  }

  Index columns() const { return cols_.total; }
  bool empty() const { return lanes().empty() || cols_.total == 0; }

  /// How many elements a column has in all lanes.
  void check_height() const {
    Index height = 0;
    for (const Runs& runs : rows_) height += runs.total;
    EXPECT_EQ(walk().height(), height) << name_.str();
    EXPECT_EQ(walk().columns(), cols_.total) << name_.str();
  }

 private:
  static Form any_form(Sample& sample, bool plain) {
    constexpr std::array<Index, 4> strides{1, 2, -1, -3};
    Form form;
    form.offset = sample.choose(static_cast<int>(line_of<T>));
    form.col_gap = sample.choose(3) == 0 ? 0 : sample.choose(20);
    if (plain) return form;
    form.row_stride = strides[static_cast<std::size_t>(sample.choose(4))];
    form.backwards = sample.choose(3) == 0;
    return form;
  }

  void describe(const char* what, const BlockCyclicAxis& from, const BlockCyclicAxis& to) {
    for (const BlockCyclicAxis& axis : {from, to}) {
      name_ << what << " (extent " << axis.extent << " block " << axis.block << " nprocs "
            << axis.nprocs << " source " << axis.source << " first " << axis.first << ") ";
    }
  }

  T element(Index i, Index j) const { return oracle<T>(i, j, shape_.rows); }

  std::vector<Lane<T>> lanes() const {
    std::vector<Lane<T>> lanes;
    for (std::size_t k = 0; k < rows_.size(); ++k) {
      if (rows_[k].total == 0) continue;
      lanes.push_back({sources_[walked_ == Walked::source ? 0 : k].part(),
                       targets_[walked_ == Walked::source ? k : 0].part(), &rows_[k], &cols_});
    }
    return lanes;
  }

  Walk<T> walk() const { return Walk<T>(lanes(), walked_); }

  /// Sets in `memory` what the columns [begin, end) of the walk bring to `target`.
  void expect_columns(const Part<T>& target, Index begin, Index end, std::vector<T>& memory) const {
    const std::vector<std::pair<Index, Index>> order = in_order(cols_);
    for (Index c = begin; c < end; ++c) {
      const Index col = order[static_cast<std::size_t>(c)].second;
      for (std::size_t i = 0; i < target.rows().size(); ++i) {
        for (std::size_t lane = 0; lane < rows_.size(); ++lane) {
          const Part<T>& source = sources_[walked_ == Walked::source ? 0 : lane];
          const Part<T>& end = targets_[walked_ == Walked::source ? lane : 0];
          if (rows_[lane].total == 0 || &end != &target ||
              !std::binary_search(source.rows().begin(), source.rows().end(), target.rows()[i])) {
            continue;
          }
          memory[target.place(static_cast<Index>(i), col)] =
              element(target.rows()[i], target.cols()[static_cast<std::size_t>(col)]);
        }
      }
    }
  }

  Walked walked_;
  Shape shape_;
  std::deque<Part<T>> sources_;
  std::deque<Part<T>> targets_;
  std::vector<Runs> rows_;  ///< what the one part and each of the many share
  Runs cols_;
  std::ostringstream name_;
};

/// @param kinds  how many of `blocks` are to choose from
BlockCyclicAxis any_axis(Index extent, int most_places, int kinds, Sample& sample) {
  BlockCyclicAxis axis;
  axis.extent = extent;
  axis.block = blocks[static_cast<std::size_t>(sample.choose(kinds))];
  axis.nprocs = 1 + sample.choose(most_places);
  axis.source = sample.choose(axis.nprocs);
  axis.first = sample.choose(3) == 0 ? sample.choose(static_cast<int>(axis.block)) : 0;
  return axis;
}

/// All columns; or some, then the others in pieces.
template <class T>
void check_in_pieces(Case<T>& c, Sample& sample) {
  const Write write = sample.choose(2) == 0 ? Write::cached : Write::past_cache;
  const Index columns = c.columns();
  const Index first = sample.choose(static_cast<int>(columns) + 1);
  const Index last = first + sample.choose(static_cast<int>(columns - first) + 1);
  c.check(first, last, write);
  if (testing::Test::HasFailure()) return;
  c.check(0, first, write);
  c.check(last, columns, write);
}

/// How large the axes of random cases are.
struct Sizes {
  int least_rows;
  int most_rows;
  int most_cols;
  int most_places;  ///< of rows
};

template <class T>
void check_any(int cases, const Sizes& sizes) {
  set_time_limit(std::chrono::seconds(240));
  Sample sample(1);
  int checked = 0;
  for (int k = 0; k < cases && !testing::Test::HasFailure(); ++k) {
    const Index rows = sizes.least_rows + sample.choose(sizes.most_rows - sizes.least_rows);
    const Index cols = 1 + sample.choose(sizes.most_cols);
    const auto any_rows = [&] { return any_axis(rows, sizes.most_places, 7, sample); };
    const auto any_cols = [&] { return any_axis(cols, 3, 5, sample); };
    const Walked walked = sample.choose(2) == 0 ? Walked::source : Walked::target;
    Case<T> c(walked, any_rows(), any_rows(), any_cols(), any_cols(), sample, sample.choose(3) > 0);
    if (c.empty()) continue;
    ++checked;
    c.check_height();
    check_in_pieces(c, sample);
  }
  EXPECT_GT(checked, cases / 4) << "most cases have nothing to copy";
}

template <class T>
class Walks : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(Walks, Scalars);

TYPED_TEST(Walks, AnyAxesAndForms) {
  check_any<TypeParam>(campaign() ? 100'000 : 5000, {1, 300, 30, 6});
}

/// Long enough that short stretches are gathered, staged and interleaved in several chunks.
TYPED_TEST(Walks, TallParts) {
  check_any<TypeParam>(campaign() ? 10'000 : 300, {3000, 33'000, 3, 6});
}

/// More lanes than can be woven at a time.
TYPED_TEST(Walks, ManyLanes) { check_any<TypeParam>(campaign() ? 20'000 : 1000, {1, 3000, 5, 40}); }

/// Blocks of one element dealt from or to one place, which is where weaving pays.
TYPED_TEST(Walks, ElementCyclic) {
  set_time_limit(std::chrono::seconds(240));
  Sample sample(1);
  for (const Walked walked : {Walked::source, Walked::target}) {
    for (int places = 1; places <= 33; places += places < 18 ? 1 : 15) {
      for (const Index block : {1, 2, 3}) {
        for (const Index rows : {1, 50, 777, 9000}) {
          const BlockCyclicAxis whole{rows, 1, 1, 0, 0};
          const BlockCyclicAxis dealt{rows, block, places, sample.choose(places), 0};
          const BlockCyclicAxis cols{4, 1, 1, 0, 0};
          const bool from_whole = walked == Walked::source;
          Case<TypeParam> c(walked, from_whole ? whole : dealt, from_whole ? dealt : whole, cols,
                            cols, sample, sample.choose(3) > 0);
          if (c.empty()) continue;
          c.check_height();
          check_in_pieces(c, sample);
          if (this->HasFailure()) return;
        }
      }
    }
  }
}

}  // namespace
}  // namespace matrass::detail
