// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What the algorithms for tall matrices see of a sparse one: its rows, as they see dense ones.
/// Next: sparse/product.hpp, sparse/truncated_svd.hpp
#pragma once

#include <algorithm>
#include <limits>
#include <matrass/algorithm/local_rows.hpp>
#include <matrass/algorithm/normal_product.hpp>
#include <matrass/algorithm/tall_rows.hpp>
#include <matrass/sparse/sparse_kernel.hpp>
#include <matrass/sparse/sparse_matrix.hpp>
#include <vector>

namespace matrass::detail {

/// This rank's `m` rows of a tall sparse matrix with `n` columns, read only; perhaps conjugated.
/// Owns nothing. See TallRows for what such rows have to offer.
template <Scalar T>
struct SparseRows {
  Index m = 0;
  Index n = 0;
  const CsrPart<T>* part = nullptr;
  bool conjugated = false;
  Index total_rows = 0;
  Index total_nnz = 0;

  T value(Index e) const {
    const T x = part->values.data()[e];
    return conjugated ? conjugate(x) : x;
  }
  Index begin(Index i) const { return part->starts[static_cast<std::size_t>(i)]; }
  Index column(Index e) const {
    return part->global_column(part->columns[static_cast<std::size_t>(e)]);
  }
};

/// How many real numbers a scalar is.
template <Scalar T>
inline constexpr Index reals = is_complex<T> ? 2 : 1;

/// The sweep over rows [begin, begin + rows) of `part`; the caller adds v, w and y.
template <Scalar T>
SparseSweep<Real<T>> sweep_over(const CsrPart<T>& part, bool conjugated, Index begin, Index rows,
                                Index width) {
  SparseSweep<Real<T>> p;
  p.rows = rows;
  p.starts = part.starts.data() + begin;
  p.columns = part.columns.data();
  p.values = reinterpret_cast<const Real<T>*>(part.values.data());
  p.pairs = is_complex<T>;
  p.sign = conjugated ? Real<T>{-1} : Real<T>{1};
  p.width = width * reals<T>;
  p.ld = p.width;
  return p;
}

/// normal_product() of sparse rows. Local. Cost: 2 nnz b flops a product; the entries are read once
/// for each 16 columns (in double precision), for both products together. Memory: rows of V and W
/// for the columns that this rank touches.
template <Scalar T>
void normal_product(const SparseRows<T>& a, Pass pass, const Small<Wide<T>>& v,
                    const typename TallBlocks<T>::Block& y, Small<Wide<T>>& w,
                    const SparseKernel<Real<T>>& kernel = sparse_kernel<Real<T>>()) {
  const CsrPart<T>& part = *a.part;
  const Index ld = y.padded;
  const auto global = [&](Index c) {
    return part.touched.empty() ? c : part.touched[static_cast<std::size_t>(c)];
  };
  constexpr Index tile = 512;  // rows: a column of V and its place in the block stay in cache
  Aligned<T> v_rows(pass == Pass::adjoint ? 0 : part.cols * ld);
  Aligned<Wide<T>> w_rows(pass == Pass::forward ? 0 : part.cols * ld);
  for (Index begin = 0; begin < part.cols && pass != Pass::adjoint; begin += tile) {
    const Index end = std::min(part.cols, begin + tile);
    for (Index c = 0; c < y.width; ++c) {
      for (Index j = begin; j < end; ++j) {
        v_rows.get()[j * ld + c] = static_cast<T>(v(global(j), c));
      }
    }
  }
  SparseSweep<Real<T>> p = sweep_over(part, a.conjugated, 0, a.m, y.padded);
  p.forward = pass != Pass::adjoint;
  p.adjoint = pass != Pass::forward;
  p.v = reinterpret_cast<const Real<T>*>(v_rows.get());
  p.w = reinterpret_cast<double*>(w_rows.get());
  p.y = reinterpret_cast<Real<T>*>(y.data);
  p.ldy = y.ld * reals<T>;
  kernel.run(p);
  if (pass == Pass::forward) return;
  w = Small<Wide<T>>(a.n, y.width);
  for (Index begin = 0; begin < part.cols; begin += tile) {
    const Index end = std::min(part.cols, begin + tile);
    for (Index c = 0; c < y.width; ++c) {
      for (Index j = begin; j < end; ++j) w(global(j), c) = w_rows.get()[j * ld + c];
    }
  }
}

template <Scalar T>
Extremes extremes(const SparseRows<T>& a) {
  Extremes found;
  for (Index i = 0; i < a.m; ++i) {
    for (Index e = a.begin(i); e < a.begin(i + 1); ++e) {
      const T x = a.value(e);
      if (is_finite(x)) {
        found.largest = std::max(found.largest, modulus(x));
      } else if (!found.not_finite) {
        found.not_finite = {i, a.column(e)};
      }
    }
  }
  return found;
}

/// Copies rows [begin, begin + count), with their zeros, to out[i * out_row + j * out_col].
template <Scalar T>
void copy_rows(const SparseRows<T>& a, Index begin, Index count, T* out, Index out_row,
               Index out_col) {
  for (Index i = 0; i < count; ++i) {
    for (Index j = 0; j < a.n; ++j) out[i * out_row + j * out_col] = T{0};
    for (Index e = a.begin(begin + i); e < a.begin(begin + i + 1); ++e) {
      out[i * out_row + a.column(e) * out_col] = a.value(e);
    }
  }
}

/// A^H A / scale^2 of these rows, its upper triangle. Cost: the sum of squares of the rows' numbers
/// of entries. Local.
template <Scalar T>
Small<Wide<T>> gram_of_rows(const SparseRows<T>& a, double scale) {
  using N = Wide<T>;
  Small<N> gram(a.n, a.n);
  for (Index i = 0; i < a.m; ++i) {
    for (Index e = a.begin(i); e < a.begin(i + 1); ++e) {
      const N right = static_cast<N>(a.value(e)) / scale;
      N* column = gram.col(a.column(e));
      for (Index d = a.begin(i); d <= e; ++d) {
        column[a.column(d)] += conjugate(static_cast<N>(a.value(d)) / scale) * right;
      }
    }
  }
  return gram;
}

/// Where n x n matrices, and some thousand rows with their zeros, are small.
template <Scalar T>
bool allows_direct(const SparseRows<T>& a) {
  constexpr Index few = 4096;
  return a.n <= few;
}

/// What A^H A and its eigenvectors cost in passes with `block` vectors. The same on every rank.
template <Scalar T>
double gram_in_passes(const SparseRows<T>& a, Index block) {
  if (!allows_direct(a)) return std::numeric_limits<double>::infinity();
  const auto n = static_cast<double>(a.n);
  const auto nnz = static_cast<double>(std::max<Index>(1, a.total_nnz));
  const double each = nnz / static_cast<double>(std::max<Index>(1, a.total_rows));
  // Eigenvectors take about 10 n^3 flops in large products, ten times as fast as a pass's.
  return (2 * nnz * each + n * n * n) / (4 * nnz * static_cast<double>(block));
}

/// 16 vectors in double precision are two lines of memory for each entry, twice as many as 8: that
/// costs more than it saves.
template <Scalar T>
Index vectors_in_block(const SparseRows<T>&) {
  return 8;
}

/// Blocks beside sparse rows are soon larger than the rows.
template <Scalar T>
bool keeps_few_blocks(const SparseRows<T>&) {
  return true;
}

}  // namespace matrass::detail
