// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Principal components of sparse matrices, compiled once for each scalar.
/// Next: matrass/sparse/pca.hpp
#include <matrass/sparse/pca.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                    \
  template class detail::SvdRun<T, detail::CentredSparseRows<T>>; \
  template Pca<T> detail::pca_of_sparse<T>(const SparseMatrix<T>&, Index, const SvdOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
