// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Principal components of a sparse matrix: its means are taken off the products, not the entries.
/// Next: matrass.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <matrass/algorithm/pca.hpp>
#include <matrass/sparse/truncated_svd.hpp>
#include <span>
#include <utility>
#include <vector>

namespace matrass {

namespace detail {

/// Sparse rows less a row (col_shift, n numbers) or each less a number (row_shift, m numbers), of
/// which one is null. Owns nothing. See TallRows.
template <Scalar T>
struct CentredSparseRows {
  SparseRows<T> a;
  Index m = 0;
  Index n = 0;
  const T* col_shift = nullptr;
  const T* row_shift = nullptr;

  T shift(Index i, Index j) const { return col_shift != nullptr ? col_shift[j] : row_shift[i]; }
};

/// The shift in products with columns of V and Y. A - s has the products A V - 1 (s V) and A^H Y -
/// s^H (1^T Y) where s is a row; A V - s (1^T V) and A^H Y - 1 (s^H Y) where it is a column.
template <Scalar T>
class ShiftedProducts {
 public:
  using N = Wide<T>;

  ShiftedProducts(const CentredSparseRows<T>& a, Index width)
      : a_(a), of_v_(static_cast<std::size_t>(width)), of_y_(of_v_) {}

  void set(const Small<N>& v) {
    for (Index c = 0; c < v.cols; ++c) {
      N sum{0};
      for (Index j = 0; j < a_.n; ++j) {
        sum += a_.col_shift != nullptr ? static_cast<N>(a_.col_shift[j]) * v(j, c) : v(j, c);
      }
      of_v_[static_cast<std::size_t>(c)] = sum;
    }
  }

  /// Of row i of A V.
  void take_off(Index i, T* y) const {
    for (std::size_t c = 0; c < of_v_.size(); ++c) {
      const N less =
          a_.col_shift != nullptr ? of_v_[c] : static_cast<N>(a_.row_shift[i]) * of_v_[c];
      y[c] = static_cast<T>(static_cast<N>(y[c]) - less);
    }
  }

  /// Sums up what A^H Y is to lose, from row i of Y.
  void add(Index i, const T* y) {
    for (std::size_t c = 0; c < of_y_.size(); ++c) {
      const N entry = static_cast<N>(y[c]);
      of_y_[c] +=
          a_.col_shift != nullptr ? entry : conjugate(static_cast<N>(a_.row_shift[i])) * entry;
    }
  }

  /// Of this rank's A^H Y.
  void take_off(Small<N>& w) const {
    for (Index c = 0; c < w.cols; ++c) {
      const N sum = of_y_[static_cast<std::size_t>(c)];
      for (Index j = 0; j < w.rows; ++j) {
        w(j, c) -= a_.col_shift != nullptr ? conjugate(static_cast<N>(a_.col_shift[j])) * sum : sum;
      }
    }
  }

 private:
  const CentredSparseRows<T>& a_;
  std::vector<N> of_v_;
  std::vector<N> of_y_;
};

/// In pieces of rows whose entries stay in cache from the first product to the second. Local.
template <Scalar T>
void normal_product(const CentredSparseRows<T>& a, Pass pass, const Small<Wide<T>>& v,
                    const typename TallBlocks<T>::Block& y, Small<Wide<T>>& w) {
  constexpr Index piece = 512;
  SparseSweeps<T> sweeps(a.a, y.padded, pass);
  ShiftedProducts<T> shifts(a, y.width);
  if (pass != Pass::adjoint) {
    sweeps.set(v);
    shifts.set(v);
  }
  for (Index begin = 0; begin < a.m; begin += piece) {
    const Index end = std::min(a.m, begin + piece);
    const typename TallBlocks<T>::Block mine{y.data + begin * y.ld, y.ld, y.width, y.padded};
    if (pass != Pass::adjoint) {
      sweeps.run(Pass::forward, begin, end - begin, mine);
      for (Index i = begin; i < end; ++i) shifts.take_off(i, y.data + i * y.ld);
    }
    if (pass != Pass::forward) {
      sweeps.run(Pass::adjoint, begin, end - begin, mine);
      for (Index i = begin; i < end; ++i) shifts.add(i, y.data + i * y.ld);
    }
  }
  if (pass == Pass::forward) return;
  w = sweeps.sum(y.width);
  shifts.take_off(w);
}

template <Scalar T>
Extremes extremes(const CentredSparseRows<T>& a) {
  return extremes(a.a);
}

template <Scalar T>
void copy_rows(const CentredSparseRows<T>& a, Index begin, Index count, T* out, Index out_row,
               Index out_col) {
  copy_rows(a.a, begin, count, out, out_row, out_col);
  for (Index i = 0; i < count; ++i) {
    for (Index j = 0; j < a.n; ++j) out[i * out_row + j * out_col] -= a.shift(begin + i, j);
  }
}

/// The Gram matrix of the entries, less what the shift makes of it: where that is most of it,
/// digits are lost (the iteration that follows measures residuals by products).
template <Scalar T>
Small<Wide<T>> gram_of_rows(const CentredSparseRows<T>& a, double scale) {
  using N = Wide<T>;
  Small<N> gram = gram_of_rows(a.a, scale);
  std::vector<N> cross(static_cast<std::size_t>(a.n));  // sums of a, or of conj(shift) a
  double squares = 0;                                   // of row_shift
  for (Index i = 0; i < a.m; ++i) {
    const N shift = a.row_shift != nullptr ? static_cast<N>(a.row_shift[i]) / scale : N{1};
    if (a.row_shift != nullptr) squares += std::norm(shift);
    for (Index e = a.a.begin(i); e < a.a.begin(i + 1); ++e) {
      cross[static_cast<std::size_t>(a.a.column(e))] +=
          conjugate(shift) * (static_cast<N>(a.a.value(e)) / scale);
    }
  }
  const auto column_shift = [&](Index j) { return static_cast<N>(a.col_shift[j]) / scale; };
  for (Index k = 0; k < a.n; ++k) {
    const N of_k = cross[static_cast<std::size_t>(k)];
    for (Index j = 0; j <= k; ++j) {
      const N of_j = conjugate(cross[static_cast<std::size_t>(j)]);
      if (a.col_shift == nullptr) {
        gram(j, k) -= of_j + of_k - squares;
      } else {
        const N left = conjugate(column_shift(j));
        const N right = column_shift(k);
        gram(j, k) -= of_j * right + left * of_k - static_cast<double>(a.m) * left * right;
      }
    }
  }
  return gram;
}

template <Scalar T>
double gram_in_passes(const CentredSparseRows<T>& a, Index block) {
  return gram_in_passes(a.a, block);
}
template <Scalar T>
Index vectors_in_block(const CentredSparseRows<T>& a) {
  return vectors_in_block(a.a);
}
template <Scalar T>
bool keeps_few_blocks(const CentredSparseRows<T>& a) {
  return keeps_few_blocks(a.a);
}
template <Scalar T>
bool allows_direct(const CentredSparseRows<T>& a) {
  return allows_direct(a.a);
}

/// Means of the columns of A, and the sum of their squared deviations. Collective; three passes.
template <Scalar T>
Centre<T> centre_of(const SparseTallView<T>& tall, const SparseRows<T>& a) {
  using N = Wide<T>;
  const mpi::Communicator& comm = tall.rows.grid().comm();
  const Shape stored = tall.rows.stored().shape();
  const auto features = static_cast<std::size_t>(tall.transposed ? stored.rows : stored.cols);
  const auto m = static_cast<double>(tall.transposed ? stored.cols : stored.rows);
  std::vector<N> sums;
  std::vector<double> counts;
  std::vector<Index> rows;
  const auto for_each_entry = [&](auto&& f) {
    for (Index i = 0; i < a.m; ++i) {
      for (Index e = a.begin(i); e < a.begin(i + 1); ++e) {
        const Index feature = tall.transposed ? rows[static_cast<std::size_t>(i)] : a.column(e);
        f(static_cast<std::size_t>(feature), static_cast<N>(a.value(e)));
      }
    }
  };
  double largest = mpi::throw_together(comm, [&] {
    rows = tall.rows.local_rows();
    sums.resize(features);
    counts.resize(features);
    double most = 0;
    for_each_entry([&](std::size_t j, N x) {
      sums[j] += x;
      counts[j] += 1;
      most = std::max(most, modulus(x));
    });
    return most;
  });
  largest = mpi::allreduce(comm, largest, MPI_MAX);
  mpi::allreduce(comm, std::span<N>(sums));
  mpi::allreduce(comm, std::span<double>(counts));
  Centre<T> centre;
  constexpr double wide = 1e100;
  constexpr int most = 1000;
  if (largest > 0 && (largest > wide || largest < 1 / wide)) {
    centre.scale = power_of_two(largest, most);
  }
  mpi::throw_together(comm, [&] {
    for (N& sum : sums) {
      sum /= m;
      centre.mean.push_back(static_cast<T>(sum));
    }
    for (const Index row : rows) {
      if (tall.transposed) centre.of_rows.push_back(centre.mean[static_cast<std::size_t>(row)]);
    }
    for_each_entry([&](std::size_t j, N x) {
      centre.total_squares += std::norm((x - sums[j]) / centre.scale);
    });
  });
  centre.total_squares = mpi::allreduce(comm, centre.total_squares);
  for (std::size_t j = 0; j < features; ++j) {
    centre.total_squares += (m - counts[j]) * std::norm(sums[j] / centre.scale);
  }
  return centre;
}

template <Scalar T>
Pca<T> pca_of_sparse(const SparseMatrix<T>& a, Index k, const SvdOptions& options) {
  require_sparse_svd(a, k, options, "pca");
  mpi::throw_together(a.grid().comm(), [&] { require_samples(a.shape().rows); });
  require_finite(a, "pca", "A");
  const SparseTallView<T> tall = tall_view(a);
  const SparseRows<T> rows = tall.local();
  Centre<T> centre = centre_of(tall, rows);
  CentredSparseRows<T> centred{rows, rows.m, rows.n};
  (tall.transposed ? centred.row_shift : centred.col_shift) =
      tall.transposed ? centre.of_rows.data() : centre.mean.data();
  TruncatedSvd<T> svd = svd_of_rows<T>(tall, centred, k, options, "pca");
  return pca_from(std::move(svd), std::move(centre), a.shape().rows);
}

}  // namespace detail

/// The k leading principal components of the rows of a sparse matrix: as of a dense one.
///
/// The means are taken off the products with A, which stays sparse: digits are lost where means are
/// much larger than deviations (a dense matrix keeps them).
///
/// Collective over a's grid. Cost: three passes over the entries for the means, then as
/// truncated_svd of a sparse matrix and 4 (m + n) b / p flops a pass.
///
/// @throws InvalidArgument on all ranks: k out of range, m < 2, NaN or infinity in `a`, a method
/// that
///   needs dense n x n matrices of a large n; Error if the residuals do not fall below tol.
template <Scalar T>
Pca<T> pca(const SparseMatrix<T>& a, Index k, const SvdOptions& options = {}) {
  return detail::pca_of_sparse(a, k, options);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                \
  extern template class detail::SvdRun<T, detail::CentredSparseRows<T>>; \
  extern template Pca<T> detail::pca_of_sparse<T>(const SparseMatrix<T>&, Index, const SvdOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
