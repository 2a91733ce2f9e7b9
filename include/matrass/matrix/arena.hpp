// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The addresses that local parts live in: one file in memory, which other processes can map.
/// Next: matrix/free_ranges.hpp, then matrix/memory_pool.hpp (who gives them out)
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <utility>

namespace matrass {

/// How a process finds another one's arena. A plain value: it travels in messages.
struct ArenaTicket {
  std::int64_t pid = 0;
  std::int64_t file = -1;      ///< descriptor in that process; -1 where there is nothing to map
  std::uint64_t secret = 0;    ///< what the first bytes of the file must be
  std::uint64_t capacity = 0;  ///< bytes
};

/// A stretch of addresses, far more than will ever be used, at [base, base + capacity).
///
/// It is a memfd where the system allows one: a file that has no name, lives in memory and is gone
/// when its last process is, so that nothing can leak. Otherwise it is memory of this process
/// alone. Pages exist from populate() to discard(), and are huge (2 MB) where the system can: 4 KB
/// pages of a fresh file come at 1.7 GB/s and cost a peer that maps them 70 ms for 256 MB, huge
/// ones 11 GB/s and 1 ms.
class Arena {
 public:
  static constexpr std::size_t page = std::size_t{1} << 21U;

  /// @param shared whether to try a memfd
  Arena(std::size_t capacity, bool shared) : capacity_(capacity / page * page) {
    if (shared) {
      map_file();
    } else {
      why_private_ = "MATRASS_SHARED_MEMORY is off";
    }
    if (file_ < 0) map_private();
    if (file_ >= 0) seal_first_page();
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    if (base_ != nullptr) ::munmap(base_, capacity_);
    if (file_ >= 0) ::close(file_);
  }

  std::byte* base() const { return base_; }
  std::size_t capacity() const { return base_ == nullptr ? 0 : capacity_; }
  /// How many bytes at the start are not for use.
  std::size_t reserved() const { return file_ >= 0 ? page : 0; }
  bool contains(const void* at) const {
    const auto* p = static_cast<const std::byte*>(at);
    return base_ != nullptr && base_ <= p && p < base_ + capacity_;
  }

  /// Whether others can map it; if not, why.
  bool shared() const { return file_ >= 0; }
  const std::string& why_private() const { return why_private_; }
  ArenaTicket ticket() const { return {::getpid(), file_, secret_, capacity_}; }

  /// Whether the pages of the latest populate() are huge.
  bool huge() const { return huge_; }

  /// Makes pages for [offset, offset + size), both whole pages: zeros. @returns whether it could.
  bool populate(std::size_t offset, std::size_t size) {
    std::byte* const at = base_ + offset;
    huge_ = file_ >= 0 ? collapse(at, size) : ::madvise(at, size, MADV_HUGEPAGE) == 0;
    return huge_ && file_ >= 0 ? true : write_all(at, size);
  }

  /// Gives the pages of [offset, offset + size) back to the system, for all who have mapped them.
  /// @returns whether it took them: locked pages (mlockall) stay as they are.
  bool discard(std::size_t offset, std::size_t size) {
    return ::madvise(base_ + offset, size, file_ >= 0 ? MADV_REMOVE : MADV_DONTNEED) == 0;
  }

  /// Maps the first `size` bytes of a file at an address that suits huge pages; null on failure.
  static std::byte* map(std::size_t size, int file) {
    const int kind = file >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    // What a huge page covers in the file must be one in the address space, too.
    void* raw =
        ::mmap(nullptr, size + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) return nullptr;
    auto* begin = static_cast<std::byte*>(raw);
    const auto over = reinterpret_cast<std::uintptr_t>(begin) % page;
    std::byte* at = over == 0 ? begin : begin + (page - over);
    void* mapped =
        ::mmap(at, size, PROT_READ | PROT_WRITE, kind | MAP_NORESERVE | MAP_FIXED, file, 0);
    if (mapped == MAP_FAILED) {
      ::munmap(raw, size + page);
      return nullptr;
    }
    if (at != begin) ::munmap(begin, static_cast<std::size_t>(at - begin));
    ::munmap(at + size, static_cast<std::size_t>(begin + page - at));
    return at;
  }

 private:
  // Numbers of the kernel's interface that older C libraries do not name.
  static constexpr int populate_write = 23;  ///< MADV_POPULATE_WRITE, Linux 5.14
  static constexpr int collapse_now = 25;    ///< MADV_COLLAPSE, Linux 6.1

  void map_file() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < capacity_) {
      why_private_ = "the limit of file sizes (ulimit -f) is too low";
      return;
    }
    file_ = ::memfd_create("matrass", MFD_CLOEXEC);
    if (file_ < 0) {
      refuse("memfd_create");
      return;
    }
    if (::ftruncate(file_, static_cast<off_t>(capacity_)) != 0) {
      refuse("ftruncate");
      return;
    }
    base_ = map(capacity_, file_);
    if (base_ == nullptr) refuse("mmap");
  }

  void refuse(const char* call) {
    why_private_ = std::string(call) + ": " + std::strerror(errno);
    if (file_ >= 0) ::close(std::exchange(file_, -1));
  }

  void map_private() {
    while (base_ == nullptr && capacity_ > page) {
      base_ = map(capacity_, -1);
      if (base_ == nullptr) capacity_ = capacity_ / 2 / page * page;
    }
  }

  /// Who has the ticket can tell this file from another one at the same number.
  void seal_first_page() {
    if (!write_all(base_, sizeof secret_)) {
      why_private_ = "no page of shared memory is left";
      ::munmap(std::exchange(base_, nullptr), capacity_);
      ::close(std::exchange(file_, -1));
      map_private();
      return;
    }
    std::random_device device;
    secret_ = (std::uint64_t{device()} << 32U) | device();
    std::memcpy(base_, &secret_, sizeof secret_);
  }

  /// Makes huge pages of a range without pages. That needs no permission (shmem_enabled may be
  /// "never"), but a first small page in each: a range without any is refused.
  bool collapse(std::byte* at, std::size_t size) {
    if (collapse_refused_) return false;
    for (std::size_t k = 0; k < size; k += page) {
      if (!write_all(at + k, 1)) return false;
    }
    if (::madvise(at, size, collapse_now) == 0) return true;
    collapse_refused_ = errno == EINVAL || errno == EPERM || errno == ENOSYS;
    return false;
  }

  /// Makes the pages that are missing. Unlike writing into them, this says when there are none.
  static bool write_all(std::byte* at, std::size_t size) {
    if (::madvise(at, size, populate_write) == 0) return true;
    // An older system, or a sandbox that forbids it: pages come when they are touched.
    return errno == EINVAL || errno == EPERM || errno == ENOSYS;
  }

  std::size_t capacity_;
  std::byte* base_ = nullptr;
  int file_ = -1;
  std::uint64_t secret_ = 0;
  bool huge_ = false;
  bool collapse_refused_ = false;
  std::string why_private_;
};

}  // namespace matrass
