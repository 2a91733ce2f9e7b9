// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Singular values, compiled once for each scalar.
/// Next: matrass/scalapack/svd.hpp
#include <matrass/scalapack/svd.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T) template Svd<T> detail::svd_of<T>(const DistMatrix<T>&, SvdMode);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
