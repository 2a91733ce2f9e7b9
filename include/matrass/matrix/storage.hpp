// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The memory of a local part: from the pool, or adopted from its owner.
/// Next: matrix/dist_matrix.hpp
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <matrass/core/types.hpp>
#include <matrass/matrix/memory_pool.hpp>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace matrass {

/// From this many bytes on local parts come from the pool with its warm, shared pages; smaller ones
/// from the heap, unless MATRASS_PATH (redistribute/path.hpp) asks that small ones be shared, too.
inline std::size_t& pooled_from() {
  static std::size_t bytes = std::getenv("MATRASS_PATH") != nullptr ? 0 : std::size_t{1} << 15U;
  return bytes;
}

/// Shared ownership of `size` scalars. Where the bytes live is known to this class alone.
template <Scalar T>
class Storage {
 public:
  Storage() = default;

  /// `size` scalars of the library's own, zero if asked for, aligned to at least 64 bytes.
  /// @throws MemoryLimitError
  static Storage allocate(Index size, bool zero) {
    if (size > std::numeric_limits<Index>::max() / Index{2 * sizeof(T)}) {
      throw MemoryLimitError("memory: " + std::to_string(size) +
                             " elements are more than there are addresses");
    }
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(T);
    if (is_pooled(size)) {
      std::shared_ptr<std::byte> block = MemoryPool::instance().allocate(bytes, zero);
      auto* data = reinterpret_cast<T*>(block.get());
      return {std::move(block), data, size, false};
    }
    constexpr std::align_val_t alignment{64};
    auto* data = static_cast<T*>(::operator new(std::max<std::size_t>(bytes, 1), alignment));
    std::shared_ptr<void> owner(data, [](void* at) { ::operator delete(at, alignment); });
    if (zero) std::fill_n(data, size, T{});
    return {std::move(owner), data, size, false};
  }

  /// How many bytes of memory allocate(size) takes.
  static Index footprint(Index size) {
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(T);
    return static_cast<Index>(is_pooled(size) ? MemoryPool::footprint(bytes) : bytes);
  }

  /// Whether allocate(size) takes them from the pool, where other ranks can reach them.
  static bool is_pooled(Index size) {
    return size > 0 && static_cast<std::size_t>(size) * sizeof(T) >= pooled_from();
  }

  /// Memory of somebody else's that lives as long as `owner`. Nothing is copied.
  static Storage adopt(std::shared_ptr<void> owner, T* data, Index size) {
    return {std::move(owner), data, size, true};
  }

  T* data() const { return data_; }
  Index size() const { return size_; }
  /// Whether the memory is somebody else's.
  bool adopted() const { return adopted_; }
  /// What keeps the memory alive.
  const std::shared_ptr<void>& owner() const { return owner_; }

 private:
  Storage(std::shared_ptr<void> owner, T* data, Index size, bool adopted)
      : owner_(std::move(owner)), data_(data), size_(size), adopted_(adopted) {}

  std::shared_ptr<void> owner_;
  T* data_ = nullptr;
  Index size_ = 0;
  bool adopted_ = false;
};

}  // namespace matrass
