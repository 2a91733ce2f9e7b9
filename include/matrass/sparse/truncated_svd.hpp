// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The leading singular triplets of a sparse matrix: the dense iteration on sparse rows.
/// Next: matrass.hpp
#pragma once

#include <matrass/algorithm/truncated_svd.hpp>
#include <matrass/sparse/sparse_tall_view.hpp>
#include <string>
#include <utility>

namespace matrass {

namespace detail {

template <Scalar T>
void require_sparse_svd(const SparseMatrix<T>& a, Index k, const SvdOptions& o,
                        const std::string& name) {
  const mpi::Call call(name, a.stored(), a.view().transposed, a.view().conjugated, k, o.method,
                       o.tol, o.seed, o.block);
  mpi::throw_together(a.grid().comm(), call, [&] {
    const Index most = std::min(a.shape().rows, a.shape().cols);
    if (k < 1 || k > most) {
      throw InvalidArgument(name + ": k must be between 1 and min(m, n) = " + std::to_string(most) +
                            ": got " + std::to_string(k));
    }
    if (o.method == SvdMethod::tsqr) {
      throw InvalidArgument(name +
                            ": method tsqr makes a dense R of a sparse matrix: use auto, lanczos "
                            "or gram (or A.to_dense())");
    }
    const bool small = allows_direct(SparseRows<T>{.n = most});
    if (o.method == SvdMethod::gram && !small) {
      throw InvalidArgument(name +
                            ": method gram needs a dense n x n matrix, n at most 4096: got " +
                            std::to_string(most) + " (use auto or lanczos)");
    }
    const Index block = o.block > 0 ? o.block : vectors_in_block(SparseRows<T>{});
    if (!small && 2 * (k + 2 * block) > most) {
      throw InvalidArgument(name + ": k must be small beside min(m, n) = " + std::to_string(most) +
                            " of a sparse matrix: got " + std::to_string(k) +
                            " (A.to_dense() has all methods)");
    }
  });
}

template <Scalar T>
TruncatedSvd<T> sparse_svd_of(const SparseMatrix<T>& a, Index k, const SvdOptions& options) {
  require_sparse_svd(a, k, options, "truncated_svd");
  const SparseTallView<T> tall = tall_view(a);
  return svd_of_rows<T>(tall, tall.local(), k, options, "truncated_svd");
}

}  // namespace detail

/// The k largest singular values of a sparse matrix with their vectors: as of a dense one.
///
/// Shapes: u m x k in [VC,STAR] with A's rows, v n x k in [STAR,STAR]. A matrix that is stored wide
/// is turned first, which takes a copy; a wide view of a tall one is not.
///
/// Collective. Cost: passes over A of 4 nnz b flops (b = 8 vectors), each of which reads the
/// entries once, and 24 n b j flops beside it for a basis of j vectors, dealt to the ranks where n
/// >= 8192. By default as with method lanczos: thick restarts, j <= 2 k + 80 and as many vectors of
/// m_local numbers. randomized keeps up to 512. gram, chosen by itself where n is small, makes A^H
/// A.
///
/// @throws InvalidArgument on all ranks: k out of range, a method that needs dense n x n matrices
///   of a large n, NaN or infinity in `a`; Error if the residuals do not fall below tol.
template <Scalar T>
TruncatedSvd<T> truncated_svd(const SparseMatrix<T>& a, Index k, const SvdOptions& options = {}) {
  return detail::sparse_svd_of(a, k, options);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                 \
  extern template void detail::normal_product<T>(                                         \
      const detail::SparseRows<T>&, detail::Pass, const detail::Small<detail::Wide<T>>&,  \
      const detail::TallBlocks<T>::Block&, detail::Small<detail::Wide<T>>&,               \
      const detail::SparseKernel<Real<T>>&);                                              \
  extern template class detail::SvdRun<T, detail::SparseRows<T>>;                         \
  extern template TruncatedSvd<T> detail::sparse_svd_of<T>(const SparseMatrix<T>&, Index, \
                                                           const SvdOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
