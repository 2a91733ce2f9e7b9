// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// LU factors, compiled once for each scalar.
/// Next: matrass/scalapack/lu.hpp
#include <matrass/scalapack/lu.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                                 \
  template detail::LuFactor<T> detail::lu_factor<T>(const DistMatrix<T>&, const std::string&); \
  template Lu<T> detail::lu_of<T>(const DistMatrix<T>&);                                       \
  template SignAndLog<T> detail::slogdet_of<T>(const DistMatrix<T>&, const std::string&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
