// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Random elements, compiled once, without contraction to FMA: the same bits on every processor.
/// Next: matrass/matrix/random.hpp
#include <matrass/matrix/random.hpp>

namespace matrass::detail {

#define MATRASS_INSTANTIATE(T) \
  template void fill_random<T>(const DistMatrix<T>&, RandomUse, std::uint64_t, RandomRange);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass::detail
