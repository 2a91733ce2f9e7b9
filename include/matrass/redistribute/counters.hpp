// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What redistributions of this process have really moved: for tests and for people who measure.
/// Next: redistribute/messages.hpp
#pragma once

#include <atomic>
#include <cstdint>

namespace matrass {

/// Totals since the program began. Bytes are those of the elements.
struct TransferCounts {
  std::int64_t messages_sent = 0;
  std::int64_t messages_received = 0;
  std::int64_t bytes_sent = 0;      ///< in messages
  std::int64_t bytes_received = 0;  ///< in messages
  std::int64_t bytes_pushed = 0;    ///< written into the memory of other ranks
  std::int64_t bytes_pulled = 0;    ///< read from the memory of other ranks
  std::int64_t bytes_kept = 0;      ///< copied from this rank's own memory to its own memory
};

namespace detail {

/// The running totals. Thread-safe.
struct TransferCounters {
  std::atomic<std::int64_t> messages_sent{0};
  std::atomic<std::int64_t> messages_received{0};
  std::atomic<std::int64_t> bytes_sent{0};
  std::atomic<std::int64_t> bytes_received{0};
  std::atomic<std::int64_t> bytes_pushed{0};
  std::atomic<std::int64_t> bytes_pulled{0};
  std::atomic<std::int64_t> bytes_kept{0};

  static TransferCounters& instance() {
    static TransferCounters counters;
    return counters;
  }
};

}  // namespace detail

inline TransferCounts transfer_counts() {
  const auto& c = detail::TransferCounters::instance();
  return {c.messages_sent, c.messages_received, c.bytes_sent, c.bytes_received,
          c.bytes_pushed,  c.bytes_pulled,      c.bytes_kept};
}

}  // namespace matrass
