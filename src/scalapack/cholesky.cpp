// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Cholesky factors, compiled once for each scalar.
/// Next: matrass/scalapack/cholesky.hpp
#include <matrass/scalapack/cholesky.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                   \
  template Operand<T> detail::cholesky_factor<T>(const DistMatrix<T>&, Triangle, \
                                                 const std::string&);            \
  template DistMatrix<T> detail::cholesky_of<T>(const DistMatrix<T>&, Triangle);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
