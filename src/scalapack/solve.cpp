// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Linear systems, compiled once for each scalar.
/// Next: matrass/scalapack/solve.hpp
#include <matrass/scalapack/solve.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                                    \
  template DistMatrix<T> detail::solve_of<T>(const DistMatrix<T>&, const DistMatrix<T>&, Assume); \
  template DistMatrix<T> detail::inverse_of<T>(const DistMatrix<T>&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
