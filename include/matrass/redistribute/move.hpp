// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A move of elements: its exchanges one after the other.
/// Next: redistribute/explain.hpp
#pragma once

#include <matrass/redistribute/exchange.hpp>
#include <matrass/redistribute/steps.hpp>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace matrass::detail {

/// Made inside an agreement, run after it.
template <Scalar T>
class Move {
 public:
  /// @param elements  of the whole matrix, the same on every rank
  /// @param most  elements that a message may have, the same on every rank
  Move(const mpi::Communicator& comm, std::vector<Step> steps, Index elements,
       Index most = unbounded)
      : comm_(comm),
        steps_(std::move(steps)),
        elements_(elements),
        most_(most),
        exchange_(std::in_place, comm_, steps_.front().plan, elements_, most_) {}

  /// The first exchange.
  const Exchange<T>& first() const { return *exchange_; }

  /// See Exchange::run. A second exchange reads the targets.
  void run(Sources<T> sources, Targets<T> targets, const std::shared_ptr<void>& owner) {
    exchange_->run(sources, targets, owner);
    const std::vector<LocalPart<const T>> copies(targets.begin(), targets.end());
    for (std::size_t k = 1; k < steps_.size(); ++k) {
      exchange_.reset();  // and its buffers
      mpi::throw_together(comm_,
                          [&] { exchange_.emplace(comm_, steps_[k].plan, elements_, most_); });
      exchange_->run(copies, targets, owner);
    }
  }

 private:
  mpi::Communicator comm_;
  std::vector<Step> steps_;
  Index elements_;
  Index most_;
  std::optional<Exchange<T>> exchange_;
};

}  // namespace matrass::detail
