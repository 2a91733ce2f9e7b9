// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The truncated SVD of sparse matrices, compiled once for each scalar.
/// Next: matrass/sparse/truncated_svd.hpp
#include <matrass/sparse/truncated_svd.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                           \
  template void detail::normal_product<T>(                                               \
      const detail::SparseRows<T>&, detail::Pass, const detail::Small<detail::Wide<T>>&, \
      const detail::TallBlocks<T>::Block&, detail::Small<detail::Wide<T>>&,              \
      const detail::SparseKernel<Real<T>>&);                                             \
  template class detail::SvdRun<T, detail::SparseRows<T>>;                               \
  template TruncatedSvd<T> detail::sparse_svd_of<T>(const SparseMatrix<T>&, Index,       \
                                                    const SvdOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
