// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Singular values and pseudoinverses, compiled once for each scalar.
/// Next: matrass/algorithm/svd.hpp
#include <matrass/algorithm/pinv.hpp>
#include <matrass/algorithm/svd.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                               \
  template Svd<T> detail::svd_tall<T>(const DistMatrix<T>&, SvdMode, Index); \
  template DistMatrix<T> detail::pinv_of<T>(const DistMatrix<T>&, double);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
