// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Copies between this process and an array of another one on the same machine, in one pass: no
/// segment is shared, no socket is used.
/// Next: python/matrass/session/local_transfer.py (its use)
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <matrass/core/error.hpp>
#include <matrass/core/types.hpp>
#include <string>
#include <vector>

namespace matrass {

/// A 2-D array anywhere: element (i, j) at address + i * row_stride + j * col_stride, in bytes.
struct RawArray {
  std::byte* address = nullptr;
  Shape shape;
  Index row_stride = 0;
  Index col_stride = 0;
};

/// Which way the bytes go.
enum class Way { from_process, to_process };

namespace detail {

/// process_vm_readv or _writev of lists of equal pieces, which may come short.
class ProcessCopier {
 public:
  ProcessCopier(pid_t pid, Way way) : pid_(pid), way_(way) {}

  void add(std::byte* local, std::byte* remote, std::size_t bytes) {
    if (!local_.empty() && ends(local_.back()) == local && ends(remote_.back()) == remote &&
        remote_.back().iov_len < most_bytes) {
      local_.back().iov_len += bytes;
      remote_.back().iov_len += bytes;
    } else {
      if (local_.size() == most_pieces) flush();
      local_.push_back({local, bytes});
      remote_.push_back({remote, bytes});
    }
  }

  /// @throws MPIError if the system refuses
  void flush() {
    std::size_t at = 0;
    while (at < local_.size()) {
      const auto count = static_cast<unsigned long>(local_.size() - at);
      const ssize_t moved =
          way_ == Way::from_process
              ? ::process_vm_readv(pid_, &local_[at], count, &remote_[at], count, 0)
              : ::process_vm_writev(pid_, &local_[at], count, &remote_[at], count, 0);
      if (moved < 0 && errno == EINTR) continue;
      if (moved <= 0) {
        throw MPIError("session: memory of process " + std::to_string(pid_) +
                       " must be reachable: " + std::strerror(errno));
      }
      for (auto left = static_cast<std::size_t>(moved); left > 0;) {
        const std::size_t piece = std::min(left, local_[at].iov_len);
        advance(local_[at], piece);
        advance(remote_[at], piece);
        left -= piece;
        if (local_[at].iov_len == 0) ++at;
      }
    }
    local_.clear();
    remote_.clear();
  }

 private:
  static constexpr std::size_t most_pieces = 1024;      // IOV_MAX
  static constexpr std::size_t most_bytes = 1U << 30U;  // the system takes no more at a time

  static std::byte* ends(const iovec& piece) {
    return static_cast<std::byte*>(piece.iov_base) + piece.iov_len;
  }
  static void advance(iovec& piece, std::size_t bytes) {
    piece.iov_base = static_cast<std::byte*>(piece.iov_base) + bytes;
    piece.iov_len -= bytes;
  }

  pid_t pid_;
  Way way_;
  std::vector<iovec> local_;
  std::vector<iovec> remote_;
};

/// to(i, j) = from(i, j) for elements of Item bytes. Blocks of 8 x 8 so that both sides' lines are
/// used whole.
template <std::size_t Item>
void copy_elements(const RawArray& from, const RawArray& to) {
  constexpr Index side = 8;
  for (Index i0 = 0; i0 < from.shape.rows; i0 += side) {
    const Index i1 = std::min(i0 + side, from.shape.rows);
    for (Index j = 0; j < from.shape.cols; ++j) {
      for (Index i = i0; i < i1; ++i) {
        std::memcpy(to.address + i * to.row_stride + j * to.col_stride,
                    from.address + i * from.row_stride + j * from.col_stride, Item);
      }
    }
  }
}

inline void copy_elements(const RawArray& from, const RawArray& to, Index item) {
  if (item == 4) {
    copy_elements<4>(from, to);
  } else if (item == 8) {
    copy_elements<8>(from, to);
  } else {
    copy_elements<16>(from, to);
  }
}

inline RawArray turned(const RawArray& a) {
  return {a.address, {a.shape.cols, a.shape.rows}, a.col_stride, a.row_stride};
}

inline RawArray part(const RawArray& a, Index i, Index rows, Index j, Index cols) {
  return {
      a.address + i * a.row_stride + j * a.col_stride, {rows, cols}, a.row_stride, a.col_stride};
}

}  // namespace detail

/// Copies all elements of `remote`, an array in the memory of process `pid`, to `local` or back.
///
/// Where both lie alike, lines go straight from memory to memory. Else pieces that stay in cache
/// are copied as they lie in the other process, and turned here: one pass over memory either way.
/// Local. Cost: the bytes once; at most 1 MB of buffer.
/// @param item bytes of an element: 4, 8 or 16   @pre equal shapes
/// @throws MPIError where the system refuses (another user, Yama, a seccomp filter)
/// Source: process_vm_readv(2).
inline void copy_process(pid_t pid, RawArray remote, RawArray local, Index item, Way way) {
  if (remote.shape.size() == 0) return;
  // Lines of the remote array are its columns from here on.
  if (remote.row_stride != item && (remote.col_stride == item || remote.shape.rows == 1)) {
    remote = detail::turned(remote);
    local = detail::turned(local);
  }
  const auto [length, lines] = remote.shape;
  const bool contiguous = remote.row_stride == item || length == 1;
  detail::ProcessCopier copier(pid, way);
  if (contiguous && (local.row_stride == item || length == 1)) {
    for (Index j = 0; j < lines; ++j) {
      copier.add(local.address + j * local.col_stride, remote.address + j * remote.col_stride,
                 static_cast<std::size_t>(length * item));
    }
    copier.flush();
    return;
  }
  constexpr Index most_bytes = 1 << 19;
  // What lies between strided elements travels with them; it must not be written back.
  const Index step = contiguous ? item : remote.row_stride;
  if (step < item || (step > item && way == Way::to_process)) {
    throw InvalidArgument("session: an array's elements must lie one after another");
  }
  const Index at_once = std::clamp<Index>(most_bytes / (length * step), 16, 4096);
  const Index piece = std::max<Index>(1, most_bytes / (at_once * step));
  std::vector<std::byte> buffer(static_cast<std::size_t>(at_once * piece * step));
  for (Index j = 0; j < lines; j += at_once) {
    const Index width = std::min(at_once, lines - j);
    for (Index i = 0; i < length; i += piece) {
      const Index height = std::min(piece, length - i);
      const RawArray there = detail::part(remote, i, height, j, width);
      const RawArray here = detail::part(local, i, height, j, width);
      const RawArray between{buffer.data(), there.shape, step, height * step};
      const auto move = [&](Way direction) {
        detail::ProcessCopier some(pid, direction);
        for (Index c = 0; c < width; ++c) {
          some.add(between.address + c * between.col_stride, there.address + c * there.col_stride,
                   static_cast<std::size_t>((height - 1) * step + item));
        }
        some.flush();
      };
      if (way == Way::from_process) {
        move(way);
        detail::copy_elements(between, here, item);
      } else {
        detail::copy_elements(here, between, item);
        move(way);
      }
    }
  }
}

}  // namespace matrass
