// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The redistribution engine, compiled once for each scalar.
/// Next: matrass/redistribute/redistribute.hpp
#include <matrass/redistribute/redistribute.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                                   \
  template class detail::Exchange<T>;                                                            \
  template void redistribute_into<T>(const DistMatrix<T>&, const DistMatrix<T>&,                 \
                                     const MoveOptions&);                                        \
  template DistMatrix<T> redistribute<T>(const DistMatrix<T>&, const ProcessGrid&,               \
                                         const Distribution&, const MoveOptions&);               \
  template Explanation explain<T>(const DistMatrix<T>&, const ProcessGrid&, const Distribution&, \
                                  const MoveOptions&);                                           \
  template Explanation explain_into<T>(const DistMatrix<T>&, const DistMatrix<T>&,               \
                                       const MoveOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
