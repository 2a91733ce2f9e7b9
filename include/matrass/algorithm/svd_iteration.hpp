// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// SvdRun's iteration: what rank 0 decides after each pass. Included by svd_run.hpp.
/// Next: algorithm/svd_end.hpp
#pragma once

#include <matrass/algorithm/svd_run.hpp>
#include <matrass/core/step.hpp>

namespace matrass::detail {

template <Scalar T, TallRows<T> Rows>
auto SvdRun<T, Rows>::random_vectors(Index count) -> Small<N> {
  Small<N> x(side_.rows(), count);
  for (Index j = 0; j < count; ++j) {
    for (Index i = 0; i < x.rows; ++i) {
      x(i, j) = counter_normal_of<N>(options_.seed, side_.first() + i, random_used_ + j);
    }
  }
  random_used_ += count;
  return x;
}

/// The first block: random vectors, or the leading eigenvectors of A^H A. Collective.
template <Scalar T, TallRows<T> Rows>
auto SvdRun<T, Rows>::begin() -> Order {
  Small<N> first;
  if (from_gram_) {
    refuse_or_scale();
    Small<N> gram = gram_matrix();
    first = from_root(mpi::throw_together(comm_, [&] {
      if (!root()) return Small<N>();
      // Ascending. Eigenvectors of zero are made by rounding alone: random vectors are as good, and
      // the same on any number of ranks.
      const std::vector<double> squares = eigh(gram);
      const double zero = 4 * eps * static_cast<double>(a_.n) * squares.back();
      const auto null = std::upper_bound(squares.begin(), squares.end(), zero) - squares.begin();
      const Index taken = std::min({a_.n, k_ + block_, a_.n - static_cast<Index>(null)});
      return gram.columns(a_.n - taken, a_.n);
    }));
  }
  mpi::throw_together(comm_, [&] {
    if (!holds()) return;
    const Index wanted = from_gram_ ? std::min(a_.n, k_ + block_) : block_;
    basis_ = KrylovBasis<N>(side_, limits());
    next_ = Small<N>(side_.rows(), 0);
    const Index given = first.cols;
    if (from_gram_) next_ = basis_.extend(std::move(first));
    next_.append(basis_.extend(random_vectors(wanted - given)));
    starts_ = next_.cols;
  });
  Index width = next_.cols;
  mpi::broadcast<Index>(comm_, {&width, 1}, 0);
  return {Action::expand, width};
}

template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::iterate(Order order) {
  while (true) {
    switch (order.action) {
      case Action::expand:
      case Action::inject:
      case Action::restart:
      case Action::thick_restart:
        pass(Pass::both, order.width);
        break;
      case Action::last:
        pass(Pass::forward, order.width);
        if (finish()) return;
        adjoint_of_newest();
        break;
      case Action::gram:
        y_.clear();
        from_gram_ = true;
        order = begin();
        continue;
      case Action::finish:
        if (finish()) return;
        [[fallthrough]];
      case Action::direct:
        return direct(order.residual);
    }
    order = decide_together();
  }
}

/// Collective: W is absorbed, rank 0 decides, all ranks hear of it and change the basis.
template <Scalar T, TallRows<T> Rows>
auto SvdRun<T, Rows>::decide_together() -> Order {
  if (side_.is_dealt()) {
    mpi::throw_together(comm_, [&] { next_ = basis_.absorb(std::move(w_)); });
  }
  Order order = mpi::throw_together(comm_, [&] {
    if (!root()) return Order{};
    if (!side_.is_dealt()) next_ = basis_.absorb(std::move(w_));
    return decide();
  });
  double told[3] = {static_cast<double>(order.action), static_cast<double>(order.width),
                    order.residual};
  mpi::broadcast<double>(comm_, told, 0);
  order = {static_cast<Action>(static_cast<int>(told[0])), static_cast<Index>(told[1]), told[2]};
  order.width = carry_out(order);
  if (order.action == Action::inject && order.width == 0) order.action = Action::finish;
  mpi::throw_together(comm_, [&] {
    mark_step();
    if (options_.progress) options_.progress(result_.passes, order.residual);
  });
  return order;
}

/// Rank 0 only.
template <Scalar T, TallRows<T> Rows>
auto SvdRun<T, Rows>::decide() -> Order {
  ritz_ = basis_.project(k_ + block_);
  const double norm = ritz_.s.empty() ? 0 : ritz_.s.front();
  const auto found = static_cast<Index>(ritz_.s.size());
  const bool enough = found >= k_;
  double residual = std::numeric_limits<double>::infinity();
  if (enough && norm > 0) {
    residual = 0;
    for (Index i = 0; i < k_; ++i) {
      residual = std::max(residual, ritz_.bound[static_cast<std::size_t>(i)] / norm);
    }
  }
  const bool may_restart = restarts_ < most_restarts;
  const bool exhausted = next_.cols == 0;
  if (exhausted && ritz_.truncated && may_restart) return {Action::restart, block_, residual};
  if (exhausted) {
    // A maps what is left to zero, or the random vectors had no part in some singular vectors.
    const bool may_have_missed = !enough || misses_copies();
    const bool more = may_have_missed && !basis_.last_block_null();
    if (basis_.cols() < a_.n && (more || basis_.cols() < k_)) {
      return {Action::inject, injected(), residual};
    }
    if (ritz_.rounding > 0.1 * tol_ * norm && may_restart) {
      return {Action::restart, block_, residual};
    }
    return {Action::finish, 0, enough ? residual : 0};
  }
  if (enough && residual <= tol_) {
    if (may_restart && misses_copies()) return {Action::restart, k_, residual};
    if (may_restart && ritz_.rounding > 0.1 * tol_ * norm) {
      return {Action::restart, block_, residual};
    }
    return {Action::last, next_.cols, residual};
  }
  if (slower_than_gram(residual)) return {Action::gram, 0, residual};
  if (basis_.cols() > most_vectors()) {
    if (found > 0 && thick()) return restart_or_direct(residual);
    return {may_restart && found > 0 ? Action::restart : Action::direct, block_, residual};
  }
  return {Action::expand, next_.cols, residual};
}

/// A thick restart, where Y allows it; or from Ritz vectors anew; or no more. Rank 0 only.
template <Scalar T, TallRows<T> Rows>
auto SvdRun<T, Rows>::restart_or_direct(double residual) -> Order {
  if (result_.passes < most_passes()) {
    const Index kept = std::min(kept_vectors(), basis_.expanded() - 1);
    if (auto part = basis_.leading_part(kept)) {
      kept_ = std::move(*part);
      return {Action::thick_restart, next_.cols, residual};
    }
    if (restarts_ < most_restarts) return {Action::restart, block_, residual};
  }
  return {Action::direct, 0, residual};
}

/// Changes the basis as ordered, where it is. Collective. @returns the width of the next pass
template <Scalar T, TallRows<T> Rows>
Index SvdRun<T, Rows>::carry_out(const Order& order) {
  switch (order.action) {
    case Action::inject:
      mpi::throw_together(comm_, [&] {
        if (!holds()) return;
        next_ = basis_.extend(random_vectors(order.width));
        starts_ += next_.cols;
      });
      break;
    case Action::restart:
      restart(order.width);
      break;
    case Action::thick_restart:
      thick_restart();
      break;
    default:
      return order.width;
  }
  Index width = next_.cols;
  mpi::broadcast<Index>(comm_, {&width, 1}, 0);
  return width;
}

/// How many passes seem to be left, with the cost of a restart where the basis will be full before.
/// Residuals fall faster and faster: each time by a seventh more (the least that power laws
/// showed).
template <Scalar T, TallRows<T> Rows>
double SvdRun<T, Rows>::passes_left(double before, double residual) const {
  constexpr double faster = 1.15;
  constexpr double endless = 1000;
  double fall = std::log(before / residual);
  double passes = 0;
  double left = std::log(residual / tol_);
  while (left > 0 && passes < endless) {
    fall *= faster;
    left -= fall;
    ++passes;
  }
  const double full = blocks(most_vectors() - basis_.cols());
  return passes > full ? passes + 2 * blocks(k_ + 2 * block_) : passes;
}

/// Whether the passes that seem to be left would take longer than to begin anew from A^H A. Asked
/// once the passes so far have taken half as long as that, as the first ones say little: so this
/// takes at most about twice as long as the better of the two. Rank 0 only.
template <Scalar T, TallRows<T> Rows>
bool SvdRun<T, Rows>::slower_than_gram(double residual) {
  const double before = std::exchange(last_residual_, residual);
  if (options_.method != SvdMethod::automatic || from_gram_) return false;
  if (result_.passes < passes_of_gram() / 2 || !std::isfinite(before)) return false;
  return residual >= before || passes_left(before, residual) > passes_of_gram();
}

/// Whether equal singular values among the wanted ones are as many as the vectors that the
/// iteration began with: from b vectors it finds b copies at most, and goes on to smaller values.
template <Scalar T, TallRows<T> Rows>
bool SvdRun<T, Rows>::misses_copies() const {
  const double norm = ritz_.s.empty() ? 0 : ritz_.s.front();
  const double equal = 10 * tol_ * norm;
  const auto wanted = std::min<std::size_t>(ritz_.s.size(), static_cast<std::size_t>(k_));
  Index run = 0;
  for (std::size_t i = 0; i + 1 < wanted && ritz_.s[i] > equal; ++i) {
    run = i > 0 && ritz_.s[i - 1] - ritz_.s[i] <= equal ? run + 1 : 1;
    const bool last_of_run = ritz_.s[i] - ritz_.s[i + 1] > equal;
    if (last_of_run && run >= starts_) return true;
  }
  return false;
}

/// How many fresh random vectors a basis goes on from that has no more of its own. Rank 0 only.
template <Scalar T, TallRows<T> Rows>
Index SvdRun<T, Rows>::injected() const {
  const Index wanted = std::max(block_, k_ - static_cast<Index>(ritz_.s.size()));
  return std::min(wanted, a_.n - basis_.cols());
}

/// Begins anew from the Ritz vectors and `count` random vectors. Y then has columns of the sizes of
/// the singular values, nearly orthogonal: small values are no longer lost in the rounding of large
/// ones. The random vectors bring as many new copies of a multiple value. Collective.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::restart(Index count) {
  y_.clear();
  if (side_.is_dealt()) broadcast_small(comm_, ritz_.d);
  mpi::throw_together(comm_, [&] {
    if (!holds()) return;
    ++restarts_;
    const Small<N> ritz_vectors = multiply('N', basis_.q(), 'N', ritz_.d);
    basis_ = KrylovBasis<N>(side_, limits());
    next_ = basis_.extend(ritz_vectors);
    const Small<N> random = basis_.extend(random_vectors(std::min(count, a_.n - next_.cols)));
    next_.append(random);
    starts_ += random.cols;
  });
}

/// Goes on from the leading part of what Y spans; the newest block is the next one, as it was. No
/// pass over A is lost. Collective. Cost: 2 kept products of Y's and of Q's columns.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::thick_restart() {
  broadcast_small(comm_, kept_.c);
  mpi::throw_together(comm_, [&] { kept_.s.resize(static_cast<std::size_t>(kept_.c.cols)); });
  mpi::broadcast<double>(comm_, kept_.s, 0);
  mpi::throw_together(comm_, [&] {
    compress_blocks(y_, kept_.c);
    if (holds()) basis_.compress(kept_);
  });
}

}  // namespace matrass::detail
