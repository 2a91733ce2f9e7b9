// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Eigenvalues and vectors of Hermitian matrices, eigenvalues of general ones, compiled once for
/// each scalar. Next: matrass/scalapack/eigh.hpp
#include <matrass/scalapack/eigh.hpp>
#include <matrass/scalapack/eigvals.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                         \
  template Eigh<T> detail::eigh_of<T>(const DistMatrix<T>&, Triangle); \
  template std::vector<std::complex<Real<T>>> detail::eigvals_of<T>(const DistMatrix<T>&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
