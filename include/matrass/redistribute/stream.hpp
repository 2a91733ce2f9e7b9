// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Walking a stream between any two of its positions: packing, unpacking, and copying what stays.
/// Next: redistribute/exchange.hpp
#pragma once

#include <algorithm>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/redistribute/copy.hpp>
#include <matrass/redistribute/plan.hpp>
#include <span>

namespace matrass::detail {

/// Calls visit(run, at) for the elements [begin, end) of one repetition of `pattern`, as whole and
/// cut runs, in order; `at` is where the run starts in the repetition.
template <class F>
void visit_pattern(const Pattern& pattern, Index begin, Index end, F&& visit) {
  const auto after = std::upper_bound(pattern.starts.begin(), pattern.starts.end(), begin);
  for (auto k = static_cast<std::size_t>(after - pattern.starts.begin() - 1);
       k < pattern.runs.size() && pattern.starts[k] < end; ++k) {
    const Run& run = pattern.runs[k];
    const Index start = pattern.starts[k];
    Index at = std::max(begin, start) - start;
    const Index stop = std::min(end - start, run.size());
    // `taken` elements of `repeats` repetitions, from repetition at / length on.
    const auto part = [&](Index taken, Index repeats) {
      const Index r = at / run.length;
      const Index offset = at % run.length;
      visit(
          Run{run.source + r * run.source_step + offset, run.target + r * run.target_step + offset,
              taken, repeats, run.source_step, run.target_step},
          start + at);
      at += taken * repeats;
    };
    if (at % run.length != 0) part(std::min(run.length - at % run.length, stop - at), 1);
    if (stop - at >= run.length) part(run.length, (stop - at) / run.length);
    if (at < stop) part(stop - at, 1);
  }
}

/// Calls visit(run, at) for the elements [begin, end) of `runs` as whole and cut runs, in order;
/// `at` is where the run starts in the order of the stream. O(patterns + runs visited).
template <class F>
void visit_runs(const Runs& runs, Index begin, Index end, F&& visit) {
  for (std::size_t k = 0; k < runs.patterns.size() && runs.starts[k] < end; ++k) {
    const Pattern& pattern = runs.patterns[k];
    const Index stop = std::min(end, runs.starts[k] + pattern.size * pattern.repeats);
    for (Index at = std::max(begin, runs.starts[k]); at < stop;) {
      const Index r = (at - runs.starts[k]) / pattern.size;
      const Index start = runs.starts[k] + r * pattern.size;  // of this repetition
      const Index last = std::min(pattern.size, stop - start);
      const auto shifted = [&](const Run& run, Index run_at) {
        visit(run.shifted(r * pattern.source_step, r * pattern.target_step), start + run_at);
      };
      if (at == start && last == pattern.size) {
        for (std::size_t n = 0; n < pattern.runs.size(); ++n) {
          shifted(pattern.runs[n], pattern.starts[n]);
        }
      } else {
        visit_pattern(pattern, at - start, last, shifted);
      }
      at = start + last;
    }
  }
}

/// Which side of a copy is a packed buffer: columns of `rows` elements without gaps.
enum class Packed { neither, source, target };

/// Where a block of columns, each one run of rows, lies on one side of a copy (in elements).
struct BlockSide {
  Index start = 0;
  Steps rows;
  Index col = 0;  ///< from one column to the next
};

template <class T>
BlockSide in_memory(const LocalPart<T>& part, Index row, Index row_step, Index col,
                    Index col_step) {
  return {row * part.row_stride + col * part.col_stride,
          {part.row_stride, row_step * part.row_stride},
          col_step * part.col_stride};
}

inline BlockSide in_buffer(Index start, Index run_length, Index column) {
  return {start, {1, run_length}, column};
}

/// About how many elements of a block of columns are copied before the next block's turn: both
/// sides are then walked forward, also where a column has many runs or few elements.
inline constexpr Index block_elements = 2048;

/// Copies stream columns [c0, c1), rows [r0, r1) of each, of `transfer`. `first` is the element of
/// the transfer that lies at the start of a packed side.
template <Packed packed, class T>
void copy_block(const Transfer& transfer, Index c0, Index c1, Index r0, Index r1, Index first,
                const LocalPart<const T>& from, const LocalPart<T>& to, Write write) {
  const Index column = transfer.rows->total;
  // Columns [at, at + width) of a stretch of columns; run_cols has the first one's positions.
  const auto copy = [&](const Run& cols, Index from_step, Index to_step, Index at, Index width) {
    visit_runs(*transfer.rows, r0, r1, [&](const Run& rows, Index row_at) {
      const BlockSide buffer = in_buffer(at * column + row_at - first, rows.length, column);
      const BlockSide f = packed == Packed::source ? buffer
                                                   : in_memory(from, rows.source, rows.source_step,
                                                               cols.source, from_step);
      const BlockSide t = packed == Packed::target
                              ? buffer
                              : in_memory(to, rows.target, rows.target_step, cols.target, to_step);
      copy_columns(from.data + f.start, to.data + t.start,
                   {rows.length, rows.count, f.rows, t.rows}, width, f.col, t.col, write);
    });
  };
  const bool row_major = from.row_stride > from.col_stride || to.row_stride > to.col_stride;
  const Index most = std::max<Index>(row_major ? column_tile : 1, block_elements / (r1 - r0));
  visit_runs(*transfer.cols, c0, c1, [&](const Run& cols, Index col_at) {
    // Single columns, one in each repetition, are one sequence of columns a step apart.
    const bool single = cols.length == 1;
    const Index width = single ? cols.count : cols.length;
    const Index repeats = single ? 1 : cols.count;
    const Index from_step = single ? cols.source_step : 1;
    const Index to_step = single ? cols.target_step : 1;
    for (Index r = 0; r < repeats; ++r) {
      for (Index j = 0; j < width; j += most) {
        copy(cols.shifted(r * cols.source_step + j * from_step, r * cols.target_step + j * to_step),
             from_step, to_step, col_at + r * width + j, std::min(most, width - j));
      }
    }
  });
}

/// Copies the elements [begin, end) of `transfer`, counted in its own order. A packed side holds
/// just these elements.
template <Packed packed, class T>
void copy_transfer(const Transfer& transfer, Index begin, Index end, const LocalPart<const T>& from,
                   const LocalPart<T>& to, Write write) {
  const Index column = transfer.rows->total;
  const Index c0 = begin / column;
  const Index c1 = end / column;
  const auto block = [&](Index ca, Index cb, Index ra, Index rb) {
    copy_block<packed>(transfer, ca, cb, ra, rb, begin, from, to, write);
  };
  if (c0 == c1) return block(c0, c0 + 1, begin % column, end % column);
  const Index whole = ceil_div(begin, column);
  if (whole > c0) block(c0, whole, begin % column, column);
  if (whole < c1) block(whole, c1, 0, column);
  if (end % column != 0) block(c1, c1 + 1, 0, end % column);
}

/// Calls visit(transfer, begin, end, offset) for the transfers that the elements [begin, end) of
/// `stream` touch; `offset` is where they start among these elements. O(log N + transfers visited).
template <class F>
void visit_stream(const Stream& stream, Index begin, Index end, F&& visit) {
  if (begin >= end) return;
  const auto after = std::upper_bound(stream.starts.begin(), stream.starts.end(), begin);
  for (auto k = static_cast<std::size_t>(after - stream.starts.begin() - 1);
       k < stream.transfers.size() && stream.starts[k] < end; ++k) {
    const Index start = stream.starts[k];
    const Index from = std::max(begin, start);
    const Index to = std::min(end, start + stream.transfers[k].size());
    visit(stream.transfers[k], from - start, to - start, from - begin);
  }
}

/// Copies the elements [begin, end) of `stream` from this rank's source parts into `buffer`.
template <class T>
void pack(const Stream& stream, Index begin, Index end, std::span<const LocalPart<const T>> sources,
          T* buffer) {
  visit_stream(stream, begin, end, [&](const Transfer& t, Index from, Index to, Index offset) {
    copy_transfer<Packed::target, T>(t, from, to, sources[static_cast<std::size_t>(t.source)],
                                     LocalPart<T>{.data = buffer + offset}, Write::cached);
  });
}

/// Copies `buffer` to the elements [begin, end) of `stream` in this rank's target parts.
template <class T>
void unpack(const Stream& stream, Index begin, Index end, const T* buffer,
            std::span<const LocalPart<T>> targets, Write write) {
  visit_stream(stream, begin, end, [&](const Transfer& t, Index from, Index to, Index offset) {
    copy_transfer<Packed::source, T>(t, from, to, LocalPart<const T>{.data = buffer + offset},
                                     targets[static_cast<std::size_t>(t.target)], write);
  });
}

/// Copies the elements [begin, end) of `stream`, the one that stays on this rank, straight over.
template <class T>
void copy_own(const Stream& stream, Index begin, Index end,
              std::span<const LocalPart<const T>> sources, std::span<const LocalPart<T>> targets,
              Write write) {
  visit_stream(stream, begin, end, [&](const Transfer& t, Index from, Index to, Index) {
    copy_transfer<Packed::neither, T>(t, from, to, sources[static_cast<std::size_t>(t.source)],
                                      targets[static_cast<std::size_t>(t.target)], write);
  });
}

}  // namespace matrass::detail
