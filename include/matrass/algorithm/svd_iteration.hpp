// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// SvdRun's iteration: what rank 0 decides after each pass. Included by svd_run.hpp.
/// Next: algorithm/svd_end.hpp
#pragma once

#include <matrass/algorithm/svd_run.hpp>

namespace matrass::detail {

template <Scalar T>
auto SvdRun<T>::random_vectors(Index count) -> Small<N> {
  Small<N> x = random_block<N>(a_.n, count, options_.seed, random_used_);
  random_used_ += count;
  return x;
}

/// The first block: random vectors, or the leading eigenvectors of A^H A. Collective.
template <Scalar T>
auto SvdRun<T>::begin() -> Order {
  Small<N> gram;
  if (from_gram_) {
    refuse_or_scale();
    gram = gram_matrix();
  }
  mpi::throw_together(comm_, [&] {
    if (!root()) return;
    if (from_gram_) {
      // Ascending. Eigenvectors of zero are made by rounding alone: random vectors are as good, and
      // the same on any number of ranks.
      const std::vector<double> squares = eigh(gram);
      const double zero = 4 * eps * static_cast<double>(a_.n) * squares.back();
      const auto null = std::upper_bound(squares.begin(), squares.end(), zero) - squares.begin();
      const Index wanted = std::min(a_.n, k_ + block_);
      const Index taken = std::min<Index>(wanted, a_.n - null);
      basis_ = KrylovBasis<N>(a_.n, limits());
      next_ = basis_.extend(gram.columns(a_.n - taken, a_.n));
      next_.append(basis_.extend(random_vectors(wanted - taken)));
    } else {
      next_ = basis_.extend(random_vectors(block_));
    }
    starts_ = next_.cols;
  });
  Index width = next_.cols;
  mpi::broadcast<Index>(comm_, {&width, 1}, 0);
  return {Action::expand, width};
}

template <Scalar T>
void SvdRun<T>::iterate(Order order) {
  while (true) {
    switch (order.action) {
      case Action::restart_and_expand:
        y_.clear();
        [[fallthrough]];
      case Action::expand:
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
        return direct();
    }
    order = decide_together();
  }
}

/// Collective: rank 0 absorbs W and decides, all ranks hear of it.
template <Scalar T>
auto SvdRun<T>::decide_together() -> Order {
  Order order = mpi::throw_together(comm_, [&] { return root() ? decide() : Order{}; });
  double told[3] = {static_cast<double>(order.action), static_cast<double>(order.width),
                    order.residual};
  mpi::broadcast<double>(comm_, told, 0);
  order = {static_cast<Action>(static_cast<int>(told[0])), static_cast<Index>(told[1]), told[2]};
  mpi::throw_together(comm_, [&] {
    if (options_.progress) options_.progress(result_.passes, order.residual);
  });
  return order;
}

/// Rank 0 only.
template <Scalar T>
auto SvdRun<T>::decide() -> Order {
  next_ = basis_.absorb(w_);
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
  if (exhausted && ritz_.truncated && may_restart) return restart(residual, block_);
  if (exhausted) {
    // A maps what is left to zero, or the random vectors had no part in some singular vectors.
    const bool may_have_missed = !enough || misses_copies();
    const bool more = may_have_missed && !basis_.last_block_null();
    if (basis_.cols() < a_.n && (more || basis_.cols() < k_)) return inject(residual);
    if (ritz_.rounding > 0.1 * tol_ * norm && may_restart) return restart(residual, block_);
    return {Action::finish, 0, enough ? residual : 0};
  }
  if (enough && residual <= tol_) {
    if (may_restart && misses_copies()) return restart(residual, k_);
    if (may_restart && ritz_.rounding > 0.1 * tol_ * norm) return restart(residual, block_);
    return {Action::last, next_.cols, residual};
  }
  if (slower_than_gram(residual)) return {Action::gram, 0, residual};
  if (basis_.cols() > most_vectors()) {
    return may_restart && found > 0 ? restart(residual, block_)
                                    : Order{Action::direct, 0, residual};
  }
  return {Action::expand, next_.cols, residual};
}

/// Whether the passes that seem to be left would take longer than to begin anew from A^H A. Asked
/// once the passes so far have taken half as long as that, as the first ones say little: so this
/// takes at most about twice as long as the better of the two. Rank 0 only.
template <Scalar T>
bool SvdRun<T>::slower_than_gram(double residual) {
  const double before = std::exchange(last_residual_, residual);
  if (options_.method != SvdMethod::automatic || from_gram_) return false;
  if (result_.passes < gram_in_passes() / 2) return false;
  const bool falls = std::isfinite(before) && residual < before;
  if (!falls) return true;
  return std::log(residual / tol_) / std::log(before / residual) > gram_in_passes();
}

/// Whether equal singular values among the wanted ones are as many as the vectors that the
/// iteration began with: from b vectors it finds b copies at most, and goes on to smaller values.
template <Scalar T>
bool SvdRun<T>::misses_copies() const {
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

/// Goes on from fresh random vectors beside a basis that has no more of its own.
template <Scalar T>
auto SvdRun<T>::inject(double residual) -> Order {
  const Index wanted = std::max(block_, k_ - static_cast<Index>(ritz_.s.size()));
  next_ = basis_.extend(random_vectors(std::min(wanted, a_.n - basis_.cols())));
  starts_ += next_.cols;
  return {next_.cols > 0 ? Action::expand : Action::finish, next_.cols, residual};
}

/// Begins anew from the Ritz vectors and `count` random vectors. Y then has columns of the sizes of
/// the singular values, nearly orthogonal: small values are no longer lost in the rounding of large
/// ones. The random vectors bring as many new copies of a multiple value.
template <Scalar T>
auto SvdRun<T>::restart(double residual, Index count) -> Order {
  ++restarts_;
  const Small<N> ritz_vectors = multiply('N', basis_.q(), 'N', ritz_.d);
  basis_ = KrylovBasis<N>(a_.n, limits());
  next_ = basis_.extend(ritz_vectors);
  const Small<N> random = basis_.extend(random_vectors(std::min(count, a_.n - next_.cols)));
  next_.append(random);
  starts_ += random.cols;
  return {Action::restart_and_expand, next_.cols, residual};
}

}  // namespace matrass::detail
