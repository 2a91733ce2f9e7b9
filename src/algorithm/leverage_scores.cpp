// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Leverage scores, compiled once for each scalar.
/// Next: matrass/algorithm/leverage_scores.hpp
#include <matrass/algorithm/leverage_scores.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                               \
  template DistMatrix<T> detail::leverage_scores_of<T>(const DistMatrix<T>&, \
                                                       const LeverageOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
