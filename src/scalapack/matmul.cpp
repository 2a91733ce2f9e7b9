// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Products, compiled once for each scalar.
/// Next: matrass/scalapack/matmul.hpp
#include <matrass/scalapack/matmul.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                                   \
  template DistMatrix<T> detail::local_product<T>(detail::ProductWay, const DistMatrix<T>&,      \
                                                  const DistMatrix<T>&, Op, Op, T);              \
  template void detail::run_pgemm<T>(const DistMatrix<T>&, const DistMatrix<T>&,                 \
                                     const DistMatrix<T>&, const MatmulOptions<T>&);             \
  template void matmul_into<T>(const DistMatrix<T>&, const DistMatrix<T>&, const DistMatrix<T>&, \
                               const MatmulOptions<T>&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
