// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Sparse matrices from triplets, compiled once for each scalar.
/// Next: matrass/sparse/from_triplets.hpp
#include <matrass/sparse/from_triplets.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                                  \
  template SparseMatrix<T> detail::from_triplets_of<T>(const ProcessGrid&, const Distribution&, \
                                                       const Triplets<T>&, const std::string&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
