// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// SvdRun's passes over A, with the check for NaN, infinity and extreme scales. Included by
/// svd_run.hpp. Next: algorithm/truncated_svd.hpp
#pragma once

#include <matrass/algorithm/svd_run.hpp>
#include <matrass/core/shown.hpp>

namespace matrass::detail {

/// Y = A Q / scale (and W = A^H Y / scale, summed where Q is) for the columns of Q in next_.
/// Collective.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::pass(Pass kind, Index width) {
  mpi::throw_together(comm_, [&] {
    if (!holds()) next_ = Small<N>(a_.n, width);
    newest_ = y_.add(width);
  });
  if (side_.is_dealt()) {
    whole_ = side_.gathered(next_);
  } else {
    mpi::broadcast<N>(comm_, next_.span(), 0);
  }
  multiply_rows(kind);
  if (!checked_) check_first_pass(kind);
  ++result_.passes;
  if (kind != Pass::forward) bring_together();
}

/// The sum of all ranks' W, where Q is. Collective.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::bring_together() {
  if (side_.is_dealt()) {
    w_ = side_.summed(w_);
  } else {
    sum_on_root(w_.span());
  }
}

/// What rank 0 has, where Q is: itself, or this rank's rows of it. Collective.
template <Scalar T, TallRows<T> Rows>
auto SvdRun<T, Rows>::from_root(Small<N> all) -> Small<N> {
  if (!side_.is_dealt()) return all;
  Index cols = all.cols;
  mpi::broadcast<Index>(comm_, {&cols, 1}, 0);
  mpi::throw_together(comm_, [&] {
    if (!root()) all = Small<N>(a_.n, cols);
  });
  mpi::broadcast<N>(comm_, all.span(), 0);
  return mpi::throw_together(comm_, [&] { return side_.mine_of(all); });
}

template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::multiply_rows(Pass kind) {
  mpi::throw_together(comm_, [&] {
    if (scale_ == 1) return normal_product(a_, kind, whole(), newest_, w_);
    Small<N> scaled = whole();
    for (N& x : scaled.data) x /= scale_;
    normal_product(a_, kind, scaled, newest_, w_);
    for (N& x : w_.data) x /= scale_;
  });
}

/// W of the block that was added last, by a pass of its own. Collective.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::adjoint_of_newest() {
  multiply_rows(Pass::adjoint);
  ++result_.passes;
  bring_together();
}

template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::sum_on_root(std::span<N> values) {
  mpi::detail::in_pieces(static_cast<Index>(values.size()), [&](Index at, int count) {
    N* piece = values.data() + at;
    const void* source = root() ? MPI_IN_PLACE : piece;
    mpi::check(MPI_Reduce(source, piece, count, mpi::datatype<N>(), MPI_SUM, 0, comm_.own()),
               "MPI_Reduce");
  });
}

/// A NaN or an infinity in A shows in the first Y, as its row sums are of random numbers times that
/// row. Only then, or where squares of Y's size could overflow or vanish, is A looked at by itself.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::check_first_pass(Pass kind) {
  checked_ = true;
  double found[2] = {0, 0};  // {whether something is not finite, largest modulus}
  for (Index i = 0; i < a_.m; ++i) {
    for (Index c = 0; c < newest_.width; ++c) {
      const T y = newest_.data[i * newest_.ld + c];
      if (is_finite(y)) {
        found[1] = std::max(found[1], modulus(y));
      } else {
        found[0] = 1;
      }
    }
  }
  mpi::allreduce(comm_, std::span<double>(found), MPI_MAX);
  const double wide = std::same_as<Real<T>, float> ? 1e12 : 1e100;
  const bool ordinary = found[1] == 0 || (found[1] < wide && found[1] > 1 / wide);
  if (found[0] == 0 && ordinary) return;
  refuse_or_scale();
  if (scale_ != 1) multiply_rows(kind);
}

/// @throws InvalidArgument on all ranks if A has a NaN or an infinity. Else chooses the power of
/// two to divide A by. Collective; one pass over A.
template <Scalar T, TallRows<T> Rows>
void SvdRun<T, Rows>::refuse_or_scale() {
  checked_ = true;
  const Extremes found = mpi::throw_together(comm_, [&] {
    Extremes mine = extremes(a_);
    if (mine.not_finite) {
      Index i = row_index_(mine.not_finite->first);
      Index j = mine.not_finite->second;
      if (transposed_) std::swap(i, j);
      throw InvalidArgument(name_ + ": A must be finite: got NaN or infinity at " + shown(i, j));
    }
    return mine;
  });
  const double largest = mpi::allreduce(comm_, found.largest, MPI_MAX);
  const double wide = std::same_as<Real<T>, float> ? 1e12 : 1e100;
  if (largest > 0 && (largest > wide || largest < 1 / wide)) {
    const int most = std::same_as<Real<T>, float> ? 120 : 1000;
    scale_ = power_of_two(largest, most);
  }
}

/// A^H A / scale^2 on rank 0. Collective; n^2 numbers a rank.
template <Scalar T, TallRows<T> Rows>
auto SvdRun<T, Rows>::gram_matrix() -> Small<N> {
  Small<N> gram = mpi::throw_together(comm_, [&] { return gram_of_rows(a_, scale_); });
  sum_on_root(gram.span());
  return gram;
}

}  // namespace matrass::detail
