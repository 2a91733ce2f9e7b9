// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Ridge regression, compiled once for each scalar.
/// Next: matrass/algorithm/ridge.hpp
#include <matrass/algorithm/ridge.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                      \
  template Ridge<T> detail::ridge_of<T>(const DistMatrix<T>&, const DistMatrix<T>&, \
                                        const RidgeOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
