// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// k-means of sparse rows, compiled once for each real scalar.
/// Next: matrass/sparse/kmeans.hpp
#include <matrass/sparse/kmeans.hpp>

namespace matrass {

template KMeans<float> detail::kmeans_of_sparse<float>(const SparseMatrix<float>&, Index,
                                                       const KMeansOptions&);
template KMeans<double> detail::kmeans_of_sparse<double>(const SparseMatrix<double>&, Index,
                                                         const KMeansOptions&);

}  // namespace matrass
