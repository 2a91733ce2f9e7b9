// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// QR factors, compiled once for each scalar.
/// Next: matrass/scalapack/qr.hpp
#include <matrass/scalapack/qr.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                   \
  template detail::QrFactor<T> detail::qr_factor<T>(const DistMatrix<T>&, Index, \
                                                    const std::string&);         \
  template Qr<T> detail::qr_of<T>(const DistMatrix<T>&, QrMode);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
