// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Walking a stream between any two of its positions: packing, unpacking, and copying what stays.
/// Next: redistribute/path.hpp
#pragma once

#include <algorithm>
#include <cstdlib>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/redistribute/copy.hpp>
#include <matrass/redistribute/plan.hpp>
#include <span>

namespace matrass::detail {

/// The part number `n` of `parts` equal ones of a range.
constexpr IndexRange slice(const IndexRange& range, Index n, Index parts) {
  return {range.begin + range.size() * n / parts, range.begin + range.size() * (n + 1) / parts};
}

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

/// A transfer travels block by block, down the rows of one panel of columns and then of the next;
/// a block is column-major. Both sides of a copy then have a near neighbourhood, whether their
/// columns or their rows are contiguous. About 256 KB of doubles.
struct Block {
  Index col = 0;  ///< the first column and row, counted in the transfer
  Index row = 0;
  Index width = 0;
  Index height = 0;
  Index start = 0;  ///< how many elements of the transfer lie before it
};

inline constexpr Index block_width = 8;  ///< a cache line of a row of doubles
/// The same for copies from memory to memory: so many elements of a row are read while its page is
/// at hand. (With blocks of 8 columns, and host pages of 4 KB under the huge ones, a transposition
/// took twice as long: its time was page walks.)
inline constexpr Index wide_block_width = 64;
inline constexpr Index block_elements = Index{1} << 15;

/// The block that holds element `at` of a transfer of `rows` x `cols`, in blocks `width` wide.
constexpr Block block_at(Index at, Index rows, Index cols, Index width) {
  const Index height = std::min(rows, block_elements / std::min(cols, width));
  const Index panel =
      std::min(cols, block_elements / height);  // columns of all panels but the last
  Block block{at / (panel * rows) * panel, 0, 0, 0, 0};
  block.width = std::min(panel, cols - block.col);
  const Index within = at - block.col * rows;
  block.row = within / (block.width * height) * height;
  block.height = std::min(height, rows - block.row);
  block.start = block.col * rows + block.row * block.width;
  return block;
}

template <class T>
bool row_major(const LocalPart<T>& part) {
  return std::abs(part.row_stride) > std::abs(part.col_stride);
}

/// Which side of a copy is a packed buffer: blocks without gaps.
enum class Packed { neither, source, target };

/// Where some columns, each one run of rows, lie on one side of a copy (in elements).
struct ColumnsSide {
  Index start = 0;
  Steps rows;
  Index col = 0;  ///< from one column to the next
};

template <class T>
ColumnsSide in_memory(const LocalPart<T>& part, Index row, Index row_step, Index col,
                      Index col_step) {
  return {row * part.row_stride + col * part.col_stride,
          {part.row_stride, row_step * part.row_stride},
          col_step * part.col_stride};
}

/// About how many elements of some columns are copied before the next columns' turn: both sides
/// are then walked forward, also where a column has many runs or few elements.
inline constexpr Index columns_elements = 2048;

/// Copies columns [c0, c1) and of each the rows [r0, r1) of a block of `transfer`; these count from
/// the block's first. `first` is the element of the transfer at the start of a packed side.
template <Packed packed, class T>
void copy_rectangle(const Transfer& transfer, const Block& block, IndexRange in_cols,
                    IndexRange in_rows, Index first, const LocalPart<const T>& from,
                    const LocalPart<T>& to, Write write) {
  // Columns [at, at + width) of the transfer, `cols` has the first one's positions.
  const auto copy = [&](const Run& cols, Index from_step, Index to_step, Index at, Index width) {
    visit_runs(*transfer.rows, block.row + in_rows.begin, block.row + in_rows.end,
               [&](const Run& rows, Index row_at) {
                 const Index in_buffer =
                     block.start + (at - block.col) * block.height + (row_at - block.row) - first;
                 const ColumnsSide buffer{in_buffer, {1, rows.length}, block.height};
                 const ColumnsSide f =
                     packed == Packed::source
                         ? buffer
                         : in_memory(from, rows.source, rows.source_step, cols.source, from_step);
                 const ColumnsSide t =
                     packed == Packed::target
                         ? buffer
                         : in_memory(to, rows.target, rows.target_step, cols.target, to_step);
                 copy_columns(from.data + f.start, to.data + t.start,
                              {rows.length, rows.count, f.rows, t.rows}, width, f.col, t.col,
                              write);
               });
  };
  const Index most = row_major(from) || row_major(to)
                         ? block.width
                         : std::max<Index>(1, columns_elements / in_rows.size());
  visit_runs(*transfer.cols, block.col + in_cols.begin, block.col + in_cols.end,
             [&](const Run& cols, Index col_at) {
               // Single columns, one in each repetition, are one sequence of columns a step apart.
               const bool single = cols.length == 1;
               const Index width = single ? cols.count : cols.length;
               const Index repeats = single ? 1 : cols.count;
               const Index from_step = single ? cols.source_step : 1;
               const Index to_step = single ? cols.target_step : 1;
               for (Index r = 0; r < repeats; ++r) {
                 for (Index j = 0; j < width; j += most) {
                   copy(cols.shifted(r * cols.source_step + j * from_step,
                                     r * cols.target_step + j * to_step),
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
  for (Index at = begin; at < end;) {
    constexpr Index wide = packed == Packed::neither ? wide_block_width : block_width;
    const Block block = block_at(at, transfer.rows->total, transfer.cols->total, wide);
    const Index column = block.height;
    const Index b = at - block.start;
    const Index e = std::min(end - block.start, column * block.width);
    const auto copy = [&](IndexRange cols, IndexRange rows) {
      if (cols.size() > 0 && rows.size() > 0) {
        copy_rectangle<packed>(transfer, block, cols, rows, begin, from, to, write);
      }
    };
    // Whole columns [c0, c1), and a part of the one before and of the one after.
    const Index c0 = ceil_div(b, column);
    const Index c1 = e / column;
    if (c0 > c1) {
      copy({c1, c0}, {b % column, e % column});
    } else {
      copy({c0 - 1, c0}, {b - (c0 - 1) * column, column});
      copy({c0, c1}, {0, column});
      copy({c1, c1 + 1}, {0, e % column});
    }
    at = block.start + e;
  }
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

/// The memory of a rank's own pieces, in the plan's order.
template <class T>
using Sources = std::span<const LocalPart<const T>>;
template <class T>
using Targets = std::span<const LocalPart<T>>;

/// Copies the elements [begin, end) of `stream` from this rank's source parts into `buffer`.
template <class T>
void pack(const Stream& stream, Index begin, Index end, Sources<T> sources, T* buffer) {
  visit_stream(stream, begin, end, [&](const Transfer& t, Index from, Index to, Index offset) {
    copy_transfer<Packed::target, T>(t, from, to, sources[static_cast<std::size_t>(t.source)],
                                     LocalPart<T>{.data = buffer + offset}, Write::cached);
  });
}

/// Copies `buffer` to the elements [begin, end) of `stream` in this rank's target parts.
template <class T>
void unpack(const Stream& stream, Index begin, Index end, const T* buffer, Targets<T> targets,
            Write write) {
  visit_stream(stream, begin, end, [&](const Transfer& t, Index from, Index to, Index offset) {
    copy_transfer<Packed::source, T>(t, from, to, LocalPart<const T>{.data = buffer + offset},
                                     targets[static_cast<std::size_t>(t.target)], write);
  });
}

}  // namespace matrass::detail
