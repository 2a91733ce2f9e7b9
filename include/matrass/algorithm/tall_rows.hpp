// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What the truncated SVD asks of one rank's rows, dense or sparse; and the dense rows' answers.
/// Next: algorithm/svd_run.hpp
#pragma once

#include <algorithm>
#include <concepts>
#include <matrass/algorithm/local_rows.hpp>
#include <matrass/algorithm/normal_product.hpp>

namespace matrass::detail {

/// One rank's `m` rows of a tall matrix A with `n` columns: products with narrow blocks
/// (normal_product), a look for NaN and extreme scales (extremes), the rows themselves (copy_rows),
/// their part of A^H A / scale^2 (gram_of_rows). And what to choose by, the same on every rank:
/// what A^H A costs in passes, how many vectors a block should have, whether saved blocks are large
/// beside A (then the iteration restarts rather than keep many), whether n x n matrices are small.
template <class Rows, class T>
concept TallRows = requires(const Rows& a, Pass pass, const Small<Wide<T>>& v,
                            const typename TallBlocks<T>::Block& y, Small<Wide<T>>& w, T* out) {
  { a.m } -> std::convertible_to<Index>;
  { a.n } -> std::convertible_to<Index>;
  normal_product(a, pass, v, y, w);
  { extremes(a) } -> std::same_as<Extremes>;
  copy_rows(a, Index{0}, Index{0}, out, Index{1}, Index{1});
  { gram_of_rows(a, 1.0) } -> std::same_as<Small<Wide<T>>>;
  { gram_in_passes(a, Index{8}) } -> std::same_as<double>;
  { vectors_in_block(a) } -> std::same_as<Index>;
  { keeps_few_blocks(a) } -> std::same_as<bool>;
  { allows_direct(a) } -> std::same_as<bool>;
};

/// A^H A / scale^2 of these rows, its upper triangle. Local. Cost: m n^2 flops, one pass.
template <Scalar T>
Small<Wide<T>> gram_of_rows(const LocalRows<T>& a, double scale) {
  using N = Wide<T>;
  constexpr Index panel_rows = 512;
  Small<N> sum(a.n, a.n);
  Small<T> panel(a.n, panel_rows);  // A's rows as its columns
  Small<N> wide(a.n, panel_rows);
  const int n = narrow(a.n, "truncated_svd: columns");
  const int ld = sum.ld();
  const double one = 1;
  for (Index begin = 0; begin < a.m; begin += panel_rows) {
    const Index count = std::min(panel_rows, a.m - begin);
    copy_rows(a, begin, count, panel.data.data(), a.n, 1);
    // conj(A)^T: its product with its own adjoint is A^H A.
    std::transform(panel.data.begin(), panel.data.begin() + a.n * count, wide.data.begin(),
                   [&](T x) { return conjugate(static_cast<N>(x)) / scale; });
    const int depth = static_cast<int>(count);
    if constexpr (is_complex<T>) {
      zherk_("U", "N", &n, &depth, &one, wide.data.data(), &ld, &one, sum.data.data(), &ld);
    } else {
      dsyrk_("U", "N", &n, &depth, &one, wide.data.data(), &ld, &one, sum.data.data(), &ld);
    }
  }
  return sum;
}

/// A pass takes 4 m n b flops and A^H A takes m n^2, at three quarters of the rate.
template <Scalar T>
double gram_in_passes(const LocalRows<T>& a, Index block) {
  return static_cast<double>(a.n) / (3 * static_cast<double>(block));
}

/// A pass with 16 vectors takes a fifth longer than one with 8, as memory is the limit, and saves
/// more passes than that. Complex scalars are bound by arithmetic.
template <Scalar T>
Index vectors_in_block(const LocalRows<T>& a) {
  constexpr Index wide_enough = 256;
  return !is_complex<T> && a.n >= wide_enough ? 16 : 8;
}

template <Scalar T>
bool keeps_few_blocks(const LocalRows<T>&) {
  return false;
}

template <Scalar T>
bool allows_direct(const LocalRows<T>&) {
  return true;
}

}  // namespace matrass::detail
