// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Ridge regression of sparse matrices, compiled once for each scalar.
/// Next: matrass/sparse/ridge.hpp
#include <matrass/sparse/ridge.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                               \
  template Ridge<T> detail::ridge_of_sparse<T>(const SparseMatrix<T>&, const DistMatrix<T>&, \
                                               const RidgeOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
