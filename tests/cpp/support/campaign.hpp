// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// How much of a large product of cases a test runs.
/// Next: tests/cpp/support/mpi_test.hpp
#pragma once

#include <cstdint>
#include <cstdlib>

namespace matrass::test {

/// Whether everything is to be run, however long it takes (environment: MATRASS_CAMPAIGN).
inline bool campaign() {
  const char* text = std::getenv("MATRASS_CAMPAIGN");
  return text != nullptr && text[0] != '\0' && text[0] != '0';
}

/// A fair and repeatable sample of 1 in `rate`; all cases in a campaign.
class Sample {
 public:
  explicit Sample(std::uint64_t rate) : rate_(campaign() ? 1 : rate) {}

  /// Whether to run the next case.
  bool take() {
    ++count_;
    return next() % rate_ == 0;
  }

  /// A number below `n`, for a choice within a case.
  int choose(int n) { return static_cast<int>(next() % static_cast<std::uint64_t>(n)); }

  std::uint64_t seen() const { return count_; }

 private:
  /// splitmix64: the same sequence on every rank and machine.
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }

  std::uint64_t rate_;
  std::uint64_t state_ = 20131;
  std::uint64_t count_ = 0;
};

}  // namespace matrass::test
