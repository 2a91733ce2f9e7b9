// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Least squares, compiled once for each scalar.
/// Next: matrass/algorithm/lstsq.hpp
#include <matrass/algorithm/lstsq.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                      \
  template class detail::LeastSquares<T>;                                           \
  template Lstsq<T> detail::lstsq_of<T>(const DistMatrix<T>&, const DistMatrix<T>&, \
                                        const LstsqOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
