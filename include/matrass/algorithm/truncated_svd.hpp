// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The leading singular triplets of a matrix.
/// Next: algorithm/pca.hpp
#pragma once

#include <matrass/algorithm/svd_run.hpp>
#include <matrass/algorithm/tall_view.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace matrass {

/// A ~= u diag(s) v^H.
template <Scalar T>
struct TruncatedSvd {
  DistMatrix<T> u;                ///< m x k in [VC,STAR], orthonormal columns
  std::vector<Real<T>> s;         ///< k values, descending
  DistMatrix<T> v;                ///< n x k in [STAR,STAR], orthonormal columns
  std::vector<Real<T>> residual;  ///< ||A v_i - s_i u_i||, measured
};

namespace detail {

/// Makes the leading entry of each column positive real. @returns the factors
template <class N>
std::vector<N> fix_signs(Small<N>& a) {
  std::vector<N> factors;
  for (Index j = 0; j < a.cols; ++j) {
    factors.push_back(leading_phase(a, j));
    scale_column(a, j, factors.back());
  }
  return factors;
}

template <class T>
std::vector<Real<T>> narrowed(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

/// Of a wide A from the triplets of its transpose: A^T = U S V^H, so A = conj(V) S conj(U)^H.
/// Collective; the n x k matrix is gathered on every rank.
template <Scalar T>
TruncatedSvd<T> from_transposed(const DistMatrix<T>& u, LocalSvd<T> found) {
  const ProcessGrid& grid = u.grid();
  const DistMatrix<T> gathered = redistribute(u, STAR_STAR);
  return mpi::throw_together(grid.comm(), [&] {
    Small<Wide<T>> v(u.shape().rows, u.shape().cols);
    for (Index j = 0; j < gathered.local_shape().cols; ++j) {
      for (Index i = 0; i < gathered.local_shape().rows; ++i) {
        v(i, j) = static_cast<Wide<T>>(gathered.part()(i, j));
      }
    }
    // The rule holds for the columns of A's V, which are the conjugates of these.
    const std::vector<Wide<T>> factors = fix_signs(v);
    for (Index j = 0; j < found.v.cols; ++j) {
      scale_column(found.v, j, factors[static_cast<std::size_t>(j)]);
    }
    return TruncatedSvd<T>{dealt<T>(grid, found.v, true), narrowed<T>(found.s),
                           replicated<T>(grid, v, true), narrowed<T>(found.residual)};
  });
}

/// The triplets of the matrix of which `tall` is a view and `rows` (perhaps shifted) are this
/// rank's rows. Collective. @param name of the routine, for errors
template <Scalar T, class View, TallRows<T> Rows>
TruncatedSvd<T> svd_of_rows(const View& tall, const Rows& rows, Index k, const SvdOptions& options,
                            const std::string& name) {
  const ProcessGrid& grid = tall.rows.grid();
  using Run = SvdRun<T, Rows>;
  DistMatrix<T> u;
  std::vector<Index> indices;
  std::optional<Run> run;
  mpi::throw_together(grid.comm(), [&] {
    u = tall.beside(k);
    indices = tall.rows.local_rows();
    run.emplace(
        rows, grid.comm(), k, options,
        [&](Index i) { return indices[static_cast<std::size_t>(i)]; }, name);
  });
  const LocalColumns<T> columns{u.data(), u.local_shape().rows,
                                std::max<Index>(1, u.part().col_stride)};
  LocalSvd<T> found =
      run->run(columns, tall.transposed ? Run::Residual::of_u : Run::Residual::of_v);
  if (tall.transposed) return from_transposed(u, std::move(found));
  return mpi::throw_together(grid.comm(), [&] {
    return TruncatedSvd<T>{u, narrowed<T>(found.s), replicated<T>(grid, found.v, false),
                           narrowed<T>(found.residual)};
  });
}

template <Scalar T>
TruncatedSvd<T> truncated_svd_of(const DistMatrix<T>& a, Index k, const SvdOptions& options) {
  require_rank(a, k, options, "truncated_svd");
  const TallView<T> tall = tall_view(a);
  return svd_of_rows<T>(tall, tall.local(), k, options, "truncated_svd");
}

}  // namespace detail

/// The k largest singular values of `a` with their vectors: A ~= u diag(s) v^H.
///
/// Shapes: a m x n in any layout, u m x k in [VC,STAR] (with a's rows where a is so dealt), v n x k
/// in [STAR,STAR]. A wide matrix is treated as its transpose.
///
/// The entry of largest modulus in each v_i is positive real (the first one of nearly equal ones),
/// so that any number of ranks gives the same vectors, as far as these are determined: for equal or
/// very close singular values only their span is.
///
/// `residual` is what a plain product would find, to rounding, and is small because the iteration
/// ended, not by construction (except with the tsqr method, which is exact to rounding by itself).
/// Singular values below 0.01 tol of the largest one may be returned as 0.
///
/// Collective over a's grid. Cost of the iteration: passes over A of 4 m n b / p flops with blocks
/// of b = 16 vectors (8 where n < 256 or for complex scalars), until the residuals are below tol
/// times the largest singular value: 5 to 8 passes where the spectrum falls well, tens where it
/// does not, then the direct method (2.5 m n^2 / p flops). Memory: at most half of A's for saved
/// blocks, and one copy of A if it has to be redistributed.
///
/// @throws InvalidArgument on all ranks: k out of range; NaN or infinity in `a`, found in the first
///   pass.
///
/// Source: Golub, Luk, Overton (1981); Musco and Musco (2015); Demmel et al. (2012) for TSQR.
template <DistMatrixLike A>
TruncatedSvd<typename A::value_type> truncated_svd(const A& a, Index k,
                                                   const SvdOptions& options = {}) {
  return detail::truncated_svd_of(to_dynamic(a), k, options);
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                                        \
  extern template class detail::Tsqr<T>;                                                         \
  extern template class detail::SvdRun<T>;                                                       \
  extern template TruncatedSvd<T> detail::svd_of_rows<T>(const detail::TallView<T>&,             \
                                                         const detail::LocalRows<T>&, Index,     \
                                                         const SvdOptions&, const std::string&); \
  extern template TruncatedSvd<T> detail::truncated_svd_of<T>(const DistMatrix<T>&, Index,       \
                                                              const SvdOptions&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
