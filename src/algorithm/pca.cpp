// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Principal components, compiled once for each scalar.
/// Next: matrass/algorithm/pca.hpp
#include <matrass/algorithm/pca.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T) \
  template Pca<T> detail::pca_of<T>(const DistMatrix<T>&, Index, const SvdOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
