// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Memory for kernels: sources of known numbers, and targets that show what was written beside
/// them. Next: tests/cpp/redistribute/test_weave.cpp
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <matrass/core/types.hpp>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "support/mpi_test.hpp"

namespace matrass::test {

/// `size` different numbers, 1, 2, ...; complex ones with another imaginary part.
template <class T>
class Numbers {
 public:
  explicit Numbers(Index size, Index first = 1) {
    for (Index k = 0; k < size; ++k) numbers_.push_back(oracle<T>(first + k, 0, 1));
  }
  const T* data() const { return numbers_.data(); }

 private:
  std::vector<T> numbers_;
};

/// `size` elements of which the first lies `offset` elements behind the start of a cache line, with
/// a margin of others on both sides.
template <class T>
class Guarded {
 public:
  static constexpr Index line = 64 / Index{sizeof(T)};
  static constexpr Index margin = 4 * line;

  Guarded(Index size, Index offset)
      : size_(size),
        offset_(margin + offset),
        all_(static_cast<std::size_t>(offset_ + size + margin)),
        memory_(static_cast<T*>(::operator new(all_ * sizeof(T), alignment))) {
    std::uninitialized_fill_n(memory_.get(), all_, untouched());
  }

  /// What nobody has written to.
  static T untouched() { return oracle<T>(-12345, 0, 1); }

  T* data() const { return memory_.get() + offset_; }
  /// The margins, too.
  std::span<const T> everything() const { return {memory_.get(), all_}; }

  /// Element k is f(k), bit by bit, and nothing else was written.
  template <class F>
  void expect(F&& f) const {
    for (Index k = -offset_; k < static_cast<Index>(all_) - offset_; ++k) {
      const T expected = 0 <= k && k < size_ ? f(k) : untouched();
      ASSERT_EQ(std::memcmp(data() + k, &expected, sizeof(T)), 0)
          << "element " << k << " of " << size_ << " is " << data()[k] << ", not " << expected;
    }
  }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(T* at) const { ::operator delete(at, alignment); }
  };

  Index size_;
  Index offset_;
  std::size_t all_;
  std::unique_ptr<T, Free> memory_;
};

}  // namespace matrass::test
