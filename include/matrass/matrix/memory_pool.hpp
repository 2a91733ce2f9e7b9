// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Memory for local parts and work buffers, kept for reuse: fresh pages cost ten times a copy.
/// Next: matrix/storage.hpp
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <map>
#include <matrass/core/error.hpp>
#include <matrass/matrix/available_memory.hpp>
#include <memory>
#include <mutex>
#include <string>

namespace matrass {

/// What the pool of this process holds, in bytes.
struct MemoryUse {
  std::size_t in_use = 0;
  std::size_t kept = 0;  ///< free, kept for reuse
  std::size_t peak = 0;  ///< largest in_use so far
};

/// A pool of page-aligned blocks of one process. Blocks are rounded up to whole huge pages and
/// asked for with MADV_HUGEPAGE; a freed block is kept and given out again for requests between 3/4
/// of its size and its size. Thread-safe; local (no call is collective, so handles may be freed by
/// a garbage collector in any order).
class MemoryPool {
 public:
  static MemoryPool& instance() {
    // Never destroyed: blocks may be given back by objects that outlive static destruction.
    static auto* pool = new MemoryPool;
    return *pool;
  }

  /// A block of at least `bytes`, with arbitrary content unless `zero`.
  /// @throws MemoryLimitError naming the missing bytes, if the limit or the system refuses.
  std::shared_ptr<std::byte> allocate(std::size_t bytes, bool zero) {
    const std::size_t rounded = std::max<std::size_t>(1, (bytes + page - 1) / page) * page;
    const Taken taken = take(rounded);
    if (zero && !taken.fresh) std::memset(taken.block, 0, bytes);
    return {taken.block, [size = taken.size](std::byte* at) { instance().give_back(at, size); }};
  }

  MemoryUse use() const {
    const std::scoped_lock lock(mutex_);
    return use_;
  }

  /// Gives all kept blocks back to the system.
  void trim() {
    const std::scoped_lock lock(mutex_);
    release_kept(0);
  }

  /// At most this many bytes may be in use from now on; larger requests throw MemoryLimitError.
  void set_limit(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    limit_ = bytes;
  }

  /// At most this many free bytes are kept for reuse.
  void set_keep(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    keep_ = bytes;
    release_kept(keep_);
  }

 private:
  static constexpr std::size_t page = std::size_t{1} << 21U;

  struct Taken {
    std::byte* block;
    std::size_t size;
    bool fresh;  ///< zero pages that nobody has used
  };

  Taken take(std::size_t size) {
    const std::scoped_lock lock(mutex_);
    if (size > limit_ || use_.in_use > limit_ - size) {
      const std::size_t missing = use_.in_use + size - limit_;
      throw MemoryLimitError("memory: " + std::to_string(size) +
                             " bytes do not fit: " + std::to_string(missing) +
                             " bytes missing (limit " + std::to_string(limit_) + ", in use " +
                             std::to_string(use_.in_use) + ")");
    }
    Taken taken{nullptr, size, true};
    const auto found = kept_.lower_bound(size);
    if (found != kept_.end() && found->first / 4 * 3 <= size) {
      taken = {found->second, found->first, false};
      kept_.erase(found);
      use_.kept -= taken.size;
    } else {
      require_available(size);
      taken.block = map_fresh(size);
    }
    use_.in_use += taken.size;
    use_.peak = std::max(use_.peak, use_.in_use);
    return taken;
  }

  /// A promise that cannot be kept would end the process when the pages are touched. Kept blocks go
  /// first. Small blocks are not worth the look.
  void require_available(std::size_t size) {
    if (size < page * 8 || size <= detail::available_memory()) return;
    release_kept(0);
    const std::size_t available = detail::available_memory();
    if (size <= available) return;
    throw MemoryLimitError("memory: " + std::to_string(size) + " bytes do not fit: " +
                           std::to_string(size - available) + " bytes missing (" +
                           std::to_string(available) + " available on this machine)");
  }

  /// New zero pages, aligned to a huge page.
  static std::byte* map_fresh(std::size_t size) {
    void* raw = ::mmap(nullptr, size + page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) {
      throw MemoryLimitError("memory: the system refuses " + std::to_string(size) + " bytes");
    }
    auto* begin = static_cast<std::byte*>(raw);
    const auto offset = reinterpret_cast<std::uintptr_t>(begin) % page;
    std::byte* block = offset == 0 ? begin : begin + (page - offset);
    if (block != begin) ::munmap(begin, static_cast<std::size_t>(block - begin));
    ::munmap(block + size, static_cast<std::size_t>(begin + page - block));
    ::madvise(block, size, MADV_HUGEPAGE);
    return block;
  }

  void give_back(std::byte* block, std::size_t size) {
    const std::scoped_lock lock(mutex_);
    use_.in_use -= size;
    kept_.emplace(size, block);
    use_.kept += size;
    release_kept(keep_);
  }

  /// Unmaps kept blocks, the largest first, until at most `most` bytes are kept.
  void release_kept(std::size_t most) {
    while (use_.kept > most) {
      const auto last = std::prev(kept_.end());
      ::munmap(last->second, last->first);
      use_.kept -= last->first;
      kept_.erase(last);
    }
  }

  mutable std::mutex mutex_;
  std::multimap<std::size_t, std::byte*> kept_;
  MemoryUse use_;
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  std::size_t keep_ = std::size_t{1} << 30U;
};

}  // namespace matrass
