// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Conjugate gradients and LSQR of sparse matrices, compiled once for each scalar.
/// Next: matrass/sparse/solvers.hpp
#include <matrass/sparse/solvers.hpp>

namespace matrass {

#define MATRASS_INSTANTIATE(T)                                                             \
  template Cg<T> detail::cg_of_sparse<T>(const SparseMatrix<T>&, const DistMatrix<T>&,     \
                                         const DistMatrix<T>*, const CgOptions&);          \
  template Lsqr<T> detail::lsqr_of_sparse<T>(const SparseMatrix<T>&, const DistMatrix<T>&, \
                                             const LsqrOptions&);
MATRASS_INSTANTIATE(float)
MATRASS_INSTANTIATE(double)
MATRASS_INSTANTIATE(std::complex<float>)
MATRASS_INSTANTIATE(std::complex<double>)
#undef MATRASS_INSTANTIATE

}  // namespace matrass
