// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// SvdRun's passes over A, with the check for NaN, infinity and extreme scales. Included by
/// svd_run.hpp. Next: algorithm/truncated_svd.hpp
#pragma once

#include <matrass/algorithm/svd_run.hpp>

namespace matrass::detail {

/// Y = A Q / scale (and W = A^H Y / scale, summed on rank 0) for the columns of Q that rank 0 has
/// in next_. Collective.
template <Scalar T>
void SvdRun<T>::pass(Pass kind, Index width) {
  mpi::throw_together(comm_, [&] {
    if (!root()) next_ = Small<N>(a_.n, width);
    newest_ = y_.add(width);
  });
  mpi::broadcast<N>(comm_, next_.span(), 0);
  multiply_rows(kind);
  if (!checked_) check_first_pass(kind);
  ++result_.passes;
  if (kind != Pass::forward) sum_on_root(w_.span());
}

template <Scalar T>
void SvdRun<T>::multiply_rows(Pass kind) {
  mpi::throw_together(comm_, [&] {
    if (scale_ == 1) return normal_product(a_, kind, next_, newest_, w_);
    Small<N> scaled = next_;
    for (N& x : scaled.data) x /= scale_;
    normal_product(a_, kind, scaled, newest_, w_);
    for (N& x : w_.data) x /= scale_;
  });
}

/// W of the block that was added last, by a pass of its own. Collective.
template <Scalar T>
void SvdRun<T>::adjoint_of_newest() {
  multiply_rows(Pass::adjoint);
  ++result_.passes;
  sum_on_root(w_.span());
}

template <Scalar T>
void SvdRun<T>::sum_on_root(std::span<N> values) {
  mpi::detail::in_pieces(static_cast<Index>(values.size()), [&](Index at, int count) {
    N* piece = values.data() + at;
    const void* source = root() ? MPI_IN_PLACE : piece;
    mpi::check(MPI_Reduce(source, piece, count, mpi::datatype<N>(), MPI_SUM, 0, comm_.own()),
               "MPI_Reduce");
  });
}

/// A NaN or an infinity in A shows in the first Y, as its row sums are of random numbers times that
/// row. Only then, or where squares of Y's size could overflow or vanish, is A looked at by itself.
template <Scalar T>
void SvdRun<T>::check_first_pass(Pass kind) {
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
template <Scalar T>
void SvdRun<T>::refuse_or_scale() {
  checked_ = true;
  const Extremes found = mpi::throw_together(comm_, [&] {
    Extremes mine = extremes(a_);
    if (mine.not_finite) {
      Index i = row_index_(mine.not_finite->first);
      Index j = mine.not_finite->second;
      if (transposed_) std::swap(i, j);
      throw InvalidArgument(name_ + ": A must be finite: got NaN or infinity at (" +
                            std::to_string(i) + ", " + std::to_string(j) + ")");
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

/// A^H A / scale^2 on rank 0. Collective. Cost: m_local n^2 flops, one pass; n^2 numbers a rank.
template <Scalar T>
auto SvdRun<T>::gram_matrix() -> Small<N> {
  constexpr Index panel_rows = 512;
  Small<N> gram = mpi::throw_together(comm_, [&] {
    Small<N> sum(a_.n, a_.n);
    Small<T> panel(a_.n, panel_rows);  // A's rows as its columns
    Small<N> wide(a_.n, panel_rows);
    const int n = narrow(a_.n, "truncated_svd: columns");
    const int ld = sum.ld();
    const double one = 1;
    for (Index begin = 0; begin < a_.m; begin += panel_rows) {
      const Index count = std::min(panel_rows, a_.m - begin);
      copy_rows(a_, begin, count, panel.data.data(), a_.n, 1);
      // conj(A)^T: its product with its own adjoint is A^H A.
      std::transform(panel.data.begin(), panel.data.begin() + a_.n * count, wide.data.begin(),
                     [&](T x) { return conjugate(static_cast<N>(x)) / scale_; });
      const int depth = static_cast<int>(count);
      if constexpr (is_complex<T>) {
        zherk_("U", "N", &n, &depth, &one, wide.data.data(), &ld, &one, sum.data.data(), &ld);
      } else {
        dsyrk_("U", "N", &n, &depth, &one, wide.data.data(), &ld, &one, sum.data.data(), &ld);
      }
    }
    return sum;
  });
  sum_on_root(gram.span());
  return gram;
}

}  // namespace matrass::detail
