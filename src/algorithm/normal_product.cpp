// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The fused product and its kernels for all instruction sets, compiled once.
/// Next: matrass/algorithm/normal_product.hpp
#include <matrass/algorithm/normal_product.hpp>

namespace matrass::detail {

template std::vector<PanelKernel<float>> panel_kernels<float>();
template std::vector<PanelKernel<double>> panel_kernels<double>();

#define MATRASS_INSTANTIATE(T)                                                      \
  template void normal_product<T>(const LocalRows<T>&, Pass, const Small<Wide<T>>&, \
                                  const TallBlocks<T>::Block&, Small<Wide<T>>&,     \
                                  const PanelKernel<Real<T>>&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass::detail
