// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Copies between parts in the order of one rank's memory: the single pass of the direct path.
///
/// A rank that sends its rows to several others, or receives from several, has to touch its own
/// memory strictly forward, whichever the other side of each piece is: 512-byte pieces dealt to two
/// targets one by one run at the speed of a plain copy (10.3 ms for 268 MB), all pieces of one
/// target in 32 KB and then those of the other take 1.5 to 2 times as long. So the pieces of all
/// lanes are sorted into one program, made once and run for each column.
/// Next: redistribute/direct_copies.hpp
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/redistribute/copy.hpp>
#include <matrass/redistribute/stream.hpp>
#include <matrass/redistribute/weave.hpp>
#include <span>
#include <utility>
#include <vector>

namespace matrass::detail {

/// Whether a copy goes into another rank's memory or comes from there.
enum class Crossing { none, push, pull };

/// What two parts share: all elements of a transfer, seen as columns of the contiguous axis.
template <class T>
struct Lane {
  LocalPart<const T> from;  ///< along its rows
  LocalPart<T> to;
  const Runs* along = nullptr;
  const Runs* across = nullptr;
  Crossing crossing = Crossing::none;
};

/// The lane of a transfer, with rows and columns swapped where these are the contiguous axis.
template <class T>
Lane<T> make_lane(const Transfer& transfer, const LocalPart<const T>& from, const LocalPart<T>& to,
                  Crossing crossing = Crossing::none) {
  if (!row_major(from)) return {from, to, transfer.rows.get(), transfer.cols.get(), crossing};
  return {from.transposed(), to.transposed(), transfer.cols.get(), transfer.rows.get(), crossing};
}

/// The side whose memory a walk touches strictly forward.
enum class Walked { source, target };

/// Lanes that have one part on the walked side and the same columns there.
template <class T>
class Walk {
 public:
  /// @param lanes  not empty; all have equal `across` runs
  Walk(const std::vector<Lane<T>>& lanes, Walked walked)
      : across_(lanes.front().across), unit_target_(lanes.front().to.row_stride == 1) {
    std::vector<Placed> placed;
    for (const Lane<T>& lane : lanes) {
      columns_.push_back({lane.from.col_stride, lane.to.col_stride});
      visit_runs(*lane.along, 0, lane.along->total, [&](const Run& run, Index) {
        add(placed, lane, static_cast<int>(columns_.size()) - 1, run, walked);
      });
    }
    // No two items of one lane begin at one place.
    std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
      return std::pair(a.begin, a.item.lane) < std::pair(b.begin, b.item.lane);
    });
    for (auto at = placed.cbegin(); at != placed.cend();) at = add_step(placed, at, walked);
  }

  /// How many columns there are, and how many elements in each.
  Index columns() const { return across_->total; }
  Index height() const {
    return height(Crossing::none) + height(Crossing::push) + height(Crossing::pull);
  }
  Index height(Crossing crossing) const { return heights_[static_cast<std::size_t>(crossing)]; }

  /// Copies columns [begin, end).
  void copy(Index begin, Index end, Write write) const {
    for (std::size_t window = 0; window < steps_.size(); window += steps_at_once) {
      const std::size_t last = std::min(steps_.size(), window + steps_at_once);
      visit_runs(*across_, begin, end, [&](const Run& run, Index) {
        for (Index r = 0; r < run.count; ++r) {
          for (Index k = 0; k < run.length; ++k) {
            const Index source = run.source + r * run.source_step + k;
            const Index target = run.target + r * run.target_step + k;
            for (std::size_t s = window; s < last; ++s) take(steps_[s], source, target, write);
          }
        }
      });
    }
  }

 private:
  /// A run of one lane: `length` elements, or as `strided_` has it.
  struct Item {
    const T* from;
    T* to;
    Index length;
    int lane;
    int strided;  ///< which of `strided_`; -1 for a stretch without gaps
  };
  /// An item and the positions [begin, end) that it touches on the walked side.
  struct Placed {
    Index begin;
    Index end;
    Item item;
  };
  /// How the items of a step are copied.
  enum class Kind {
    single,       ///< one item
    gathered,     ///< several that read one stretch of the source between them, each with a stride
    interleaved,  ///< several that fill one stretch of the target, one element of each in turn
    staged        ///< several that fill one stretch of the target in another way
  };
  struct Step {
    std::size_t begin;
    std::size_t end;
    Kind kind;
    Index span;  ///< elements of the stretch
    T* to;       ///< where it begins in the target
  };
  /// From one column to the next.
  struct Columns {
    Index from;
    Index to;
  };

  /// How much of the walked side items of short pieces cover: what all lanes read stays in the
  /// first cache until the last one had it; what is staged is a smaller part of that.
  static constexpr Index chunk_elements = Index{1 << 15} / Index{sizeof(T)};
  static constexpr Index stage_elements = Index{1 << 13} / Index{sizeof(T)};
  /// So many steps are run for all columns before the next ones: they stay in the second cache.
  static constexpr std::size_t steps_at_once = 1024;

  void add(std::vector<Placed>& placed, const Lane<T>& lane, int number, const Run& run,
           Walked walked) {
    const Index step = walked == Walked::source ? run.source_step : run.target_step;
    const Index line = cache_line / Index{sizeof(T)};
    Index at_once = 1;  // repetitions in one item
    const Index chunk = walked == Walked::source ? chunk_elements : stage_elements;
    if (run.length < line) at_once = std::max<Index>(1, chunk / std::max<Index>(1, step));
    for (Index r = 0; r < run.count; r += at_once) {
      const Index count = std::min(at_once, run.count - r);
      const Index source = run.source + r * run.source_step;
      const Index target = run.target + r * run.target_step;
      const RunCopy copy = RunCopy{run.length,
                                   count,
                                   {lane.from.row_stride, run.source_step * lane.from.row_stride},
                                   {lane.to.row_stride, run.target_step * lane.to.row_stride}}
                               .flattened();
      const bool plain = copy.count == 1 && copy.from.stride == 1 && copy.to.stride == 1;
      if (!plain) strided_.push_back(copy);
      const Index begin = walked == Walked::source ? source : target;
      placed.push_back({begin,
                        begin + (count - 1) * step + run.length,
                        {lane.from.data + source * lane.from.row_stride,
                         lane.to.data + target * lane.to.row_stride, run.length * count, number,
                         plain ? -1 : static_cast<int>(strided_.size()) - 1}});
      heights_[static_cast<std::size_t>(lane.crossing)] += run.length * count;
    }
  }

  using PlacedIterator = typename std::vector<Placed>::const_iterator;

  /// Adds the next item, or all that overlap. @returns what follows.
  PlacedIterator add_step(const std::vector<Placed>& placed, PlacedIterator at, Walked walked) {
    auto end = at + 1;
    Index reach = at->end;
    for (; end != placed.end() && end->begin < reach; ++end) reach = std::max(reach, end->end);
    const Index span = reach - at->begin;
    const Kind kind = kind_of({at, end}, span, walked);
    const auto add = [&](PlacedIterator to, Kind kind) {
      const std::size_t first = items_.size();
      T* const start = at->item.to;
      for (; at != to; ++at) items_.push_back(at->item);
      steps_.push_back({first, items_.size(), kind, span, start});
    };
    if (kind != Kind::single) add(end, kind);
    while (at != end) add(at + 1, Kind::single);
    return end;
  }

  Kind kind_of(std::span<const Placed> items, Index span, Walked walked) const {
    const auto n = static_cast<Index>(items.size());
    if (n == 1) return Kind::single;
    Index elements = 0;
    bool gathered = std::cmp_less_equal(n, most_interleaved);
    bool interleaved = gathered;
    for (Index k = 0; k < n; ++k) {
      const Placed& placed = items[static_cast<std::size_t>(k)];
      if (placed.item.strided < 0) return Kind::single;
      const RunCopy& copy = strided_[static_cast<std::size_t>(placed.item.strided)];
      elements += placed.item.length;
      gathered = gathered && copy.count == 1 && copy.to.stride == 1;
      interleaved = interleaved && copy.count == 1 && copy.from.stride == 1 &&
                    copy.to.stride == n && placed.begin == items.front().begin + k &&
                    copy.length == (span - k + n - 1) / n;
    }
    if (walked == Walked::source) return gathered ? Kind::gathered : Kind::single;
    if (elements != span) return Kind::single;
    if (interleaved) return Kind::interleaved;
    return unit_target_ && span <= 2 * stage_elements ? Kind::staged : Kind::single;
  }

  void take(const Step& step, Index source, Index target, Write write) const {
    const auto from = [&](const Item& item) {
      return item.from + source * columns_[static_cast<std::size_t>(item.lane)].from;
    };
    const auto to_column = [&](const Item& item) {
      return target * columns_[static_cast<std::size_t>(item.lane)].to;
    };
    const Item* const items = items_.data() + step.begin;
    const std::size_t n = step.end - step.begin;
    if (step.kind == Kind::single || (step.kind == Kind::gathered && write == Write::cached)) {
      for (std::size_t k = 0; k < n; ++k) {
        run(items[k], from(items[k]), items[k].to + to_column(items[k]), write);
      }
    } else if (step.kind == Kind::gathered) {
      std::array<Thread<T>, most_interleaved> threads;
      for (std::size_t k = 0; k < n; ++k) {
        threads[k] = {from(items[k]),
                      strided_[static_cast<std::size_t>(items[k].strided)].from.stride,
                      items[k].to + to_column(items[k]), items[k].length};
      }
      gather_together<T>({threads.data(), n});
    } else if (step.kind == Kind::interleaved) {
      std::array<const T*, most_interleaved> sources;
      for (std::size_t k = 0; k < n; ++k) sources[k] = from(items[k]);
      T* const to = step.to + to_column(items[0]);
      if (write == Write::past_cache) {
        interleave<Write::past_cache, T>({sources.data(), n}, to, step.span);
      } else {
        interleave<Write::cached, T>({sources.data(), n}, to, step.span);
      }
    } else {
      alignas(cache_line) std::array<T, static_cast<std::size_t>(2 * stage_elements)> stage;
      for (std::size_t k = 0; k < n; ++k) {
        run(items[k], from(items[k]), stage.data() + (items[k].to - step.to), Write::cached);
      }
      copy_contiguous(stage.data(), step.to + to_column(items[0]), step.span, write);
    }
  }

  void run(const Item& item, const T* from, T* to, Write write) const {
    if (item.strided < 0) return copy_contiguous(from, to, item.length, write);
    const RunCopy& copy = strided_[static_cast<std::size_t>(item.strided)];
    for (Index r = 0; r < copy.count; ++r) {
      copy_strided(from + r * copy.from.repeat, copy.from.stride, to + r * copy.to.repeat,
                   copy.to.stride, copy.length, write);
    }
  }

  const Runs* across_;
  bool unit_target_;              ///< of all lanes, where they have one target part
  std::vector<Columns> columns_;  ///< of each lane
  std::vector<Item> items_;
  std::vector<RunCopy> strided_;
  std::vector<Step> steps_;
  std::array<Index, 3> heights_{};  ///< elements in a column, by crossing
};

}  // namespace matrass::detail
