// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// QR of tall matrices, compiled once for each scalar.
/// Next: matrass/algorithm/tall_qr.hpp
#include <matrass/algorithm/tall_qr.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                         \
  template class detail::CholeskyQr<T>;                                                \
  template TallQr<T> detail::tall_qr_of<T>(const DistMatrix<T>&, QrMode, TallQrMethod, \
                                           const std::string&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
