// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What a least squares solution with a sparse matrix is worth, measured on the result.
/// Next: sparse/pca.hpp
#pragma once

#include <cmath>
#include <matrass/algorithm/tall_certificate.hpp>
#include <matrass/sparse/norm.hpp>
#include <matrass/sparse/product.hpp>
#include <vector>

namespace matrass {

namespace detail {

/// The norms of the columns of a [VC,STAR] matrix. Collective.
template <Scalar T>
std::vector<double> column_norms(const DistMatrix<T>& a) {
  std::vector<double> sums(static_cast<std::size_t>(a.shape().cols));
  for (Index j = 0; j < a.local_shape().cols; ++j) {
    for (Index i = 0; i < a.local_shape().rows; ++i) {
      const double size = modulus(a.part()(i, j));
      sums[static_cast<std::size_t>(j)] += size * size;
    }
  }
  mpi::allreduce(a.grid().comm(), std::span<double>(sums));
  for (double& each : sums) each = std::sqrt(each);
  return sums;
}

}  // namespace detail

/// As of a dense A, but in A's precision. Collective. Cost: 4 nnz k flops.
template <Scalar T>
Certificate certify_least_squares(const SparseMatrix<T>& a, const DistMatrix<T>& b,
                                  const DistMatrix<T>& x, const std::vector<double>& alpha) {
  const DistMatrix<T> rest = matmul(a, x);
  const DistMatrix<T> right = redistribute(b, b.grid(), rest.distribution());
  for (Index j = 0; j < rest.local_shape().cols; ++j) {
    for (Index i = 0; i < rest.local_shape().rows; ++i) {
      rest.part()(i, j) = right.part()(i, j) - rest.part()(i, j);
    }
  }
  const DistMatrix<T> gradient = apply_adjoint_to(a, rest);
  const DistMatrix<T> solution = redistribute(x, x.grid(), gradient.distribution());
  for (Index j = 0; j < gradient.local_shape().cols; ++j) {
    const double penalty = alpha[alpha.size() == 1 ? 0 : static_cast<std::size_t>(j)];
    for (Index i = 0; i < gradient.local_shape().rows; ++i) {
      gradient.part()(i, j) -= static_cast<Real<T>>(penalty) * solution.part()(i, j);
    }
  }
  return detail::least_squares_certificate(
      {detail::column_norms(gradient), detail::column_norms(rest), detail::column_norms(solution),
       detail::column_norms(right)},
      norm(a), alpha);
}

}  // namespace matrass
