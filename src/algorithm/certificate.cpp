// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Certificates, compiled once for each scalar.
/// Next: matrass/algorithm/certificate.hpp
#include <matrass/algorithm/certificate.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                                  \
  template Certificate detail::certify_qr<T>(const DistMatrix<T>&, const Qr<T>&);               \
  template Certificate detail::certify_svd<T>(const DistMatrix<T>&, const Svd<T>&);             \
  template Certificate detail::certify_lu<T>(const DistMatrix<T>&, const Lu<T>&);               \
  template Certificate detail::certify_eigh<T>(const DistMatrix<T>&, const Eigh<T>&, Triangle); \
  template Certificate detail::certify_cholesky<T>(const DistMatrix<T>&, const DistMatrix<T>&,  \
                                                   Triangle);                                   \
  template Certificate detail::certify_solve<T>(const DistMatrix<T>&, const DistMatrix<T>&,     \
                                                const DistMatrix<T>&, Assume);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
