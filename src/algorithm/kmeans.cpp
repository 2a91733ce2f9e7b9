// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// k-means, compiled once for each real scalar.
/// Next: matrass/algorithm/kmeans.hpp
#include <matrass/algorithm/kmeans.hpp>

namespace matrass {

template KMeans<float> detail::kmeans_of<float>(const DistMatrix<float>&, Index,
                                                const KMeansOptions&);
template KMeans<double> detail::kmeans_of<double>(const DistMatrix<double>&, Index,
                                                  const KMeansOptions&);

}  // namespace matrass
