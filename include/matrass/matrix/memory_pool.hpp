// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Memory for local parts and work buffers, kept for reuse: fresh pages cost ten times a copy.
/// Next: matrix/storage.hpp
#pragma once

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <matrass/core/error.hpp>
#include <matrass/core/shown.hpp>
#include <matrass/matrix/arena.hpp>
#include <matrass/matrix/available_memory.hpp>
#include <matrass/matrix/free_ranges.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace matrass {

/// What the pool of this process holds, in bytes.
struct MemoryUse {
  std::size_t in_use = 0;
  std::size_t kept = 0;  ///< free, in pages that are kept for reuse
  std::size_t peak = 0;  ///< largest in_use so far, or since reset_peak()
  bool shared = false;   ///< whether other processes of this machine can map it
  bool huge = false;     ///< whether its latest pages are huge ones
};

/// A pool of blocks in the arena of one process. Pages that were made once are kept, so that what
/// is allocated and freed in a loop gets the same warm pages each time. Thread-safe; local (no call
/// is collective, so handles may be freed by a garbage collector in any order).
class MemoryPool {
 public:
  static MemoryPool& instance() {
    // Never destroyed: blocks may be given back by objects that outlive static destruction.
    static auto* pool = [] {
      // A forked process sees the parent's pages, but they are the parent's to give out.
      ::pthread_atfork(nullptr, nullptr, [] { foreign() = true; });
      return new MemoryPool;
    }();
    return *pool;
  }

  /// A block of at least `bytes`, with arbitrary content unless `zero`; aligned to 4 KB.
  /// @throws MemoryLimitError naming the missing bytes, if the limit or the system refuses.
  std::shared_ptr<std::byte> allocate(std::size_t bytes, bool zero) {
    if (foreign()) throw MemoryLimitError("memory: a forked process has none of its own");
    require_addresses(bytes);
    const Taken taken = take(footprint(bytes));
    std::byte* const block = arena_.base() + taken.offset;
    if (zero && !taken.fresh) std::memset(block, 0, bytes);
    return {block, [taken](std::byte*) { instance().give_back(taken.offset, taken.size); }};
  }

  /// Blocks are whole multiples of this, in bytes.
  static constexpr std::size_t granule = 4096;

  /// How many bytes a block of `bytes` takes.
  static constexpr std::size_t footprint(std::size_t bytes) {
    return std::max<std::size_t>(1, (bytes + granule - 1) / granule) * granule;
  }

  /// All zero in a forked process.
  MemoryUse use() const {
    if (foreign()) return {};
    const std::scoped_lock lock(mutex_);
    MemoryUse use = use_;
    use.kept = kept();
    use.shared = arena_.shared();
    use.huge = arena_.huge();
    return use;
  }

  /// Where the blocks lie.
  const Arena& arena() const { return arena_; }

  /// Up to where blocks have been given out: a peer need not map more.
  std::size_t reach() const { return reach_.load(std::memory_order_relaxed); }

  /// Gives all kept pages back to the system. @returns how many bytes it took.
  std::size_t trim() {
    if (foreign()) return 0;
    const std::scoped_lock lock(mutex_);
    const std::size_t before = populated_bytes_;
    release_kept(0);
    return before - populated_bytes_;
  }

  /// Forgets the peak: from now on it is the largest in_use from here.
  void reset_peak() {
    if (foreign()) return;
    const std::scoped_lock lock(mutex_);
    use_.peak = use_.in_use;
  }

  /// At most this many bytes may be in use from now on; larger requests throw MemoryLimitError.
  void set_limit(std::size_t bytes) {
    if (foreign()) return;
    const std::scoped_lock lock(mutex_);
    limit_ = bytes;
  }

  /// At most this many free bytes are kept for reuse.
  void set_keep(std::size_t bytes) {
    if (foreign()) return;
    const std::scoped_lock lock(mutex_);
    keep_ = bytes;
    release_kept(keep_);
  }

 private:
  struct Taken {
    std::size_t offset;
    std::size_t size;
    bool fresh;  ///< zeros, in pages that nobody has used
  };

  MemoryPool()
      : arena_(address_space(), shared_wanted()),
        free_(arena_.reserved(), arena_.capacity()),
        populated_(arena_.capacity() / Arena::page, false),
        keep_(std::max(std::size_t{1} << 30U, physical_memory() / 8)) {}

  static std::atomic<bool>& foreign() {
    static std::atomic<bool> is_foreign{false};
    return is_foreign;
  }

  static std::size_t physical_memory() {
    return static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
           static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }

  /// Four times what can be used: gaps between blocks cost nothing but addresses.
  static std::size_t address_space() {
    rlimit limit{};
    const bool limited = ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    const std::size_t wanted = physical_memory() * 4;
    return limited ? std::min<std::size_t>(wanted, limit.rlim_cur / 2) : wanted;
  }

  /// MATRASS_SHARED_MEMORY=off keeps local parts private to their processes.
  static bool shared_wanted() {
    const char* set = std::getenv("MATRASS_SHARED_MEMORY");
    return set == nullptr || std::string_view(set) != "off";
  }

  static void require_addresses(std::size_t bytes) {
    if (bytes <= std::numeric_limits<std::size_t>::max() / 2) return;
    throw MemoryLimitError("memory: " + shown_bytes_exactly(bytes) +
                           " are more than there are addresses");
  }

  std::size_t kept() const { return populated_bytes_ - std::min(populated_bytes_, use_.in_use); }

  Taken take(std::size_t size) {
    const std::scoped_lock lock(mutex_);
    if (size > limit_ || use_.in_use > limit_ - size) {
      const std::size_t missing = use_.in_use + size - limit_;
      throw does_not_fit(size, missing,
                         "limit " + shown_bytes(limit_) + ", in use " + shown_bytes(use_.in_use));
    }
    const std::optional<std::size_t> offset = free_.take(size);
    if (!offset) throw refused(size);
    Taken taken{*offset, size, false};
    try {
      taken.fresh = populate(*offset, size);
    } catch (...) {
      free_.give_back(*offset, size);
      throw;
    }
    use_.in_use += size;
    use_.peak = std::max(use_.peak, use_.in_use);
    reach_.store(std::max(reach(), *offset + size), std::memory_order_relaxed);
    return taken;
  }

  static MemoryLimitError does_not_fit(std::size_t size, std::size_t missing,
                                       const std::string& why) {
    return MemoryLimitError("memory: " + shown_bytes_exactly(size) +
                            " do not fit: " + shown_bytes(missing) + " missing (" + why + ")");
  }

  static MemoryLimitError refused(std::size_t size) {
    return MemoryLimitError("memory: the system refuses " + shown_bytes_exactly(size));
  }

  /// Makes the pages of a range that are missing. @returns whether all of them were.
  bool populate(std::size_t offset, std::size_t size) {
    const std::size_t first = offset / Arena::page;
    const std::size_t last = (offset + size - 1) / Arena::page + 1;
    std::size_t missing = 0;
    for (std::size_t k = first; k < last; ++k) missing += populated_[k] ? 0 : 1;
    if (missing == 0) return false;
    require_available(missing * Arena::page, first, last);
    for (std::size_t k = first; k < last;) {
      std::size_t end = k;
      while (end < last && !populated_[end]) ++end;
      if (end > k && !arena_.populate(k * Arena::page, (end - k) * Arena::page)) {
        throw refused(missing * Arena::page);
      }
      mark(k, end, true);
      for (k = end; k < last && populated_[k];) ++k;
    }
    return missing == last - first;
  }

  /// Notes that the pages [first, last) are there now, or no longer.
  void mark(std::size_t first, std::size_t last, bool populated) {
    for (std::size_t k = first; k < last; ++k) populated_[k] = populated;
    const std::size_t bytes = (last - first) * Arena::page;
    populated_bytes_ = populated ? populated_bytes_ + bytes : populated_bytes_ - bytes;
  }

  /// A promise that cannot be kept would end the process. Kept pages (but for [first, last), which
  /// are about to be used) go first. Few pages are not worth the look.
  void require_available(std::size_t size, std::size_t first, std::size_t last) {
    if (size < Arena::page * 8 || size <= detail::available_memory()) return;
    release_kept(0, first, last);
    const std::size_t available = detail::available_memory();
    if (size <= available) return;
    throw does_not_fit(size, size - available,
                       shown_bytes(available) + " available on this machine");
  }

  void give_back(std::size_t offset, std::size_t size) {
    if (foreign()) return;
    const std::scoped_lock lock(mutex_);
    use_.in_use -= size;
    free_.give_back(offset, size);
    if (kept() > keep_) release_kept(keep_);
  }

  /// Discards pages that are wholly free, the highest first, until at most `most` bytes are kept.
  void release_kept(std::size_t most) { release_kept(most, 0, 0); }
  void release_kept(std::size_t most, std::size_t spared_first, std::size_t spared_last) {
    const auto& ranges = free_.ranges();
    for (auto at = ranges.rbegin(); at != ranges.rend() && kept() > most; ++at) {
      const auto [offset, size] = *at;
      const std::size_t begin = (offset + Arena::page - 1) / Arena::page;
      const std::size_t end =
          std::min((offset + size) / Arena::page, (reach() + Arena::page - 1) / Arena::page);
      const auto kept_page = [&](std::size_t k) {
        return populated_[k] && (k < spared_first || spared_last <= k);
      };
      for (std::size_t k = end; k > begin && kept() > most;) {
        std::size_t low = k;
        const std::size_t pages = (kept() - most + Arena::page - 1) / Arena::page;
        while (low > begin && k - low < pages && kept_page(low - 1)) --low;
        if (low < k && arena_.discard(low * Arena::page, (k - low) * Arena::page)) {
          mark(low, k, false);
        }
        for (k = low; k > begin && !kept_page(k - 1);) --k;
      }
    }
  }

  mutable std::mutex mutex_;
  Arena arena_;
  detail::FreeRanges free_;
  std::vector<bool> populated_;  ///< by page
  std::size_t populated_bytes_ = 0;
  std::atomic<std::size_t> reach_{0};
  MemoryUse use_;
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  std::size_t keep_;
};

}  // namespace matrass
