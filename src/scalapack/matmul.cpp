// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Products, compiled once for each scalar.
/// Next: matrass/scalapack/matmul.hpp
#include <matrass/scalapack/matmul.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                                   \
  template DistMatrix<T> detail::product<T>(detail::ProductWay, const detail::Factor<T>&,        \
                                            const detail::Factor<T>&, T);                        \
  template void matmul_into<T>(const DistMatrix<T>&, const DistMatrix<T>&, const DistMatrix<T>&, \
                               const MatmulOptions<T>&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
