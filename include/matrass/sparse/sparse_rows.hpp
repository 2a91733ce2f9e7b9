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

/// This rank's rows of the stored matrix, conjugated where the view is. Local.
template <Scalar T>
SparseRows<T> stored_rows(const SparseMatrix<T>& a) {
  const Shape shape = a.stored().shape();
  return {a.part().rows, shape.cols, &a.part(), a.view().conjugated, shape.rows, a.nnz()};
}

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

/// Sweeps over sparse rows with blocks of vectors: V and W as whole columns, Y by rows. Local.
///
/// Memory: rows of V (in A's precision) and W (in double) for the columns that this rank touches.
template <Scalar T>
class SparseSweeps {
 public:
  using Block = typename TallBlocks<T>::Block;

  /// @param padded columns of memory of Y's rows @param pass what all sweeps together are to do
  SparseSweeps(const SparseRows<T>& a, Index padded, Pass pass,
               const SparseKernel<Real<T>>& kernel = sparse_kernel<Real<T>>())
      : a_(a),
        ld_(padded),
        kernel_(kernel),
        v_(pass == Pass::adjoint ? 0 : a.part->cols * padded),
        w_(pass == Pass::forward ? 0 : a.part->cols * padded) {}

  /// Takes V, n x width.
  void set(const Small<Wide<T>>& v) {
    for_each_place(v.cols, [&](Index row, Index column, Index c) {
      v_.get()[row * ld_ + c] = static_cast<T>(v(column, c));
    });
  }

  /// Rows [begin, begin + rows) of A with y, which has just these rows: y = A V, then W += A^H y.
  void run(Pass pass, Index begin, Index rows, const Block& y) const {
    SparseSweep<Real<T>> p = sweep_over(*a_.part, a_.conjugated, begin, rows, ld_);
    p.forward = pass != Pass::adjoint;
    p.adjoint = pass != Pass::forward;
    p.v = reinterpret_cast<const Real<T>*>(v_.get());
    p.w = reinterpret_cast<double*>(w_.get());
    p.y = reinterpret_cast<Real<T>*>(y.data);
    p.ldy = y.ld * reals<T>;
    kernel_.run(p);
  }

  /// W as n x width.
  Small<Wide<T>> sum(Index width) const {
    Small<Wide<T>> w(a_.n, width);
    for_each_place(
        width, [&](Index row, Index column, Index c) { w(column, c) = w_.get()[row * ld_ + c]; });
    return w;
  }

 private:
  /// Calls f(touched column, global column, c), so that what it touches stays in cache.
  template <class F>
  void for_each_place(Index width, F&& f) const {
    const CsrPart<T>& part = *a_.part;
    constexpr Index tile = 512;
    for (Index begin = 0; begin < part.cols; begin += tile) {
      const Index end = std::min(part.cols, begin + tile);
      for (Index c = 0; c < width; ++c) {
        for (Index j = begin; j < end; ++j) {
          f(j, part.touched.empty() ? j : part.touched[static_cast<std::size_t>(j)], c);
        }
      }
    }
  }

  SparseRows<T> a_;
  Index ld_;
  const SparseKernel<Real<T>>& kernel_;
  Aligned<T> v_;
  Aligned<Wide<T>> w_;
};

/// normal_product() of sparse rows. Local. Cost: 2 nnz b flops a product; the entries are read once
/// for each 16 columns (in double precision), for both products together.
template <Scalar T>
void normal_product(const SparseRows<T>& a, Pass pass, const Small<Wide<T>>& v,
                    const typename TallBlocks<T>::Block& y, Small<Wide<T>>& w,
                    const SparseKernel<Real<T>>& kernel = sparse_kernel<Real<T>>()) {
  SparseSweeps<T> sweeps(a, y.padded, pass, kernel);
  if (pass != Pass::adjoint) sweeps.set(v);
  sweeps.run(pass, 0, a.m, y);
  if (pass != Pass::forward) w = sweeps.sum(y.width);
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
