// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Random Fourier features, compiled once for each real scalar.
/// Next: matrass/algorithm/random_features.hpp
#include <matrass/algorithm/random_features.hpp>

namespace matrass {

template DistMatrix<float> detail::random_features_of<float>(const DistMatrix<float>&, Index,
                                                             double, const RandomFeaturesOptions&);
template DistMatrix<double> detail::random_features_of<double>(const DistMatrix<double>&, Index,
                                                               double,
                                                               const RandomFeaturesOptions&);

}  // namespace matrass
