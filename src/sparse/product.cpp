// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Products of sparse matrices and their kernels for all instruction sets, compiled once.
/// Next: matrass/sparse/product.hpp
#include <matrass/sparse/product.hpp>

namespace matrass {

template std::vector<detail::SparseKernel<float>> detail::sparse_kernels<float>();
template std::vector<detail::SparseKernel<double>> detail::sparse_kernels<double>();

#define MATRASS_INSTANTIATE(T)                                                                    \
  template DistMatrix<T> detail::sparse_product<T>(const SparseMatrix<T>&, const DistMatrix<T>&); \
  template DistMatrix<T> detail::sparse_normal_product<T>(const SparseMatrix<T>&,                 \
                                                          const DistMatrix<T>&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
