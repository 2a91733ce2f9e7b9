// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Conjugate gradients and LSQR, compiled once for each scalar.
/// Next: matrass/algorithm/cg.hpp, matrass/algorithm/lsqr.hpp
#include <matrass/algorithm/cg.hpp>
#include <matrass/algorithm/lsqr.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                           \
  template Cg<T> detail::cg_of_matrix<T>(const DistMatrix<T>&, const DistMatrix<T>&,     \
                                         const DistMatrix<T>*, const CgOptions&);        \
  template Lsqr<T> detail::lsqr_of_matrix<T>(const DistMatrix<T>&, const DistMatrix<T>&, \
                                             const LsqrOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
