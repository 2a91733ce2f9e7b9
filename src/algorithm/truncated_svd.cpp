// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The truncated SVD, compiled once for each scalar.
/// Next: matrass/algorithm/truncated_svd.hpp
#include <matrass/algorithm/truncated_svd.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                            \
  template class detail::Tsqr<T>;                                                         \
  template class detail::SvdRun<T>;                                                       \
  template TruncatedSvd<T> detail::svd_of_rows<T>(const detail::TallView<T>&,             \
                                                  const detail::LocalRows<T>&, Index,     \
                                                  const SvdOptions&, const std::string&); \
  template TruncatedSvd<T> detail::truncated_svd_of<T>(const DistMatrix<T>&, Index,       \
                                                       const SvdOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
