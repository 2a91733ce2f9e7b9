// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Dealing one stretch of memory out to several, and putting it together again, in one pass: what
/// element-cyclic layouts need.
/// Next: redistribute/walk.hpp
#pragma once

#include <algorithm>
#include <array>
#include <matrass/redistribute/lines.hpp>
#include <numeric>
#include <span>

namespace matrass::detail {

/// Every stride-th element from `from` on, to consecutive places.
template <class T>
struct Thread {
  const T* from;
  Index stride;
  T* to;
  Index length;
};

/// Gathers all threads, a line of each in turn: what they read interlaces, so each line of the
/// source is read once. A thread's `to` need not start a line.
template <class T>
void gather_together(std::span<const Thread<T>> threads) {
  const auto plain = [](const Thread<T>& thread, Index begin, Index end) {
    for (Index k = begin; k < end; ++k) thread.to[k] = thread.from[k * thread.stride];
  };
  Index lines = 0;
  for (const Thread<T>& thread : threads) {
    const Index head = to_next_line(thread.to, thread.length);
    lines = std::max(lines, (thread.length - head) / line_of<T>);
    plain(thread, 0, head);
  }
  for (Index n = 0; n < lines; ++n) {
    for (const Thread<T>& thread : threads) {
      const Index at = to_next_line(thread.to, thread.length) + n * line_of<T>;
      if (at + line_of<T> > thread.length || !starts_line(thread.to + at)) continue;
      const T* const from = thread.from + at * thread.stride;
      __builtin_prefetch(from + 16 * line_of<T> * thread.stride);
      write_line<Write::past_cache>([&](Index k) { return from + k * thread.stride; },
                                    thread.to + at);
    }
  }
  for (const Thread<T>& thread : threads) {
    const Index head = to_next_line(thread.to, thread.length);
    const bool aligned = head < thread.length && starts_line(thread.to + head);
    plain(thread, aligned ? head + (thread.length - head) / line_of<T> * line_of<T> : head,
          thread.length);
  }
}

/// At most so many sources are interleaved at a time.
inline constexpr std::size_t most_interleaved = 16;

/// to[k] = from[k % n][k / n] for k < length, n = from.size() <= most_interleaved.
template <Write write, class T>
void interleave(std::span<const T* const> from, T* to, Index length) {
  const auto n = static_cast<Index>(from.size());
  const auto element = [&](Index k) { return from[static_cast<std::size_t>(k % n)] + k / n; };
  const Index head = to_next_line(to, length);
  for (Index k = 0; k < head; ++k) to[k] = *element(k);
  // After `period` elements the lines are put together in the same way again.
  const Index period = std::lcm(n, line_of<T>);
  std::array<const T*, most_interleaved* static_cast<std::size_t>(line_of<T>)> places;
  for (Index k = 0; k < period; ++k) places[static_cast<std::size_t>(k)] = element(head + k);
  Index k = head;
  if (head == length || !starts_line(to + head)) {
    for (; k < length; ++k) to[k] = *element(k);
    return;
  }
  for (Index ahead = 0; k + period <= length; k += period, ahead += period / n) {
    for (Index line = 0; line < period; line += line_of<T>) {
      const T* const* const place = places.data() + line;
      write_line<write>([&](Index e) { return place[e] + ahead; }, to + k + line);
    }
  }
  for (; k < length; ++k) to[k] = *element(k);
}

}  // namespace matrass::detail
