// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Which parts of a stretch of addresses are free: pure arithmetic.
/// Next: matrix/memory_pool.hpp
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <optional>

namespace matrass::detail {

/// Free ranges of [begin, end), neighbours joined. A request gets the lowest place where it fits:
/// what is asked for and given back in a loop gets the same place each time.
class FreeRanges {
 public:
  FreeRanges(std::size_t begin, std::size_t end) {
    if (begin < end) ranges_.emplace(begin, end - begin);
  }

  /// The place of `size` > 0 units, no longer free; nothing where they fit nowhere.
  std::optional<std::size_t> take(std::size_t size) {
    for (auto at = ranges_.begin(); at != ranges_.end(); ++at) {
      const auto [offset, length] = *at;
      if (length < size) continue;
      ranges_.erase(at);
      if (length > size) ranges_.emplace(offset + size, length - size);
      return offset;
    }
    return std::nullopt;
  }

  /// Frees what was taken.
  void give_back(std::size_t offset, std::size_t size) {
    auto next = ranges_.lower_bound(offset);
    if (next != ranges_.end() && next->first == offset + size) {
      size += next->second;
      next = ranges_.erase(next);
    }
    if (next != ranges_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == offset) {
        before->second += size;
        return;
      }
    }
    ranges_.emplace(offset, size);
  }

  /// By offset: sizes.
  const std::map<std::size_t, std::size_t>& ranges() const { return ranges_; }

 private:
  std::map<std::size_t, std::size_t> ranges_;
};

}  // namespace matrass::detail
