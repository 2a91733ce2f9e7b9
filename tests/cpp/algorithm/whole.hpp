// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The whole of a distributed matrix on every rank, wherever rank 0 stands, and small random ones.
/// Next: tests/cpp/algorithm/test_tall_qr.cpp
#pragma once

#include "known_svd.hpp"

namespace matrass::test {

/// In double precision. Collective.
template <class T>
Small<Wide<T>> whole(const DistMatrix<T>& a) {
  Small<Wide<T>> x(a.shape().rows, a.shape().cols);
  if (a.distribution().is_first_replica(a.grid().rank())) {
    const auto rows = a.local_rows();
    const auto cols = a.local_cols();
    for (std::size_t j = 0; j < cols.size(); ++j) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        x(rows[i], cols[j]) =
            static_cast<Wide<T>>(a.part()(static_cast<Index>(i), static_cast<Index>(j)));
      }
    }
  }
  mpi::allreduce<Wide<T>>(a.grid().comm(), x.span());
  return x;
}

template <class T>
Small<T> random_small(Index m, Index n, std::uint64_t seed) {
  const auto x = detail::random_block<Wide<T>>(m, n, seed, 0);
  Small<T> y(m, n);
  std::transform(x.data.begin(), x.data.end(), y.data.begin(),
                 [](Wide<T> value) { return static_cast<T>(value); });
  return y;
}

template <class N>
double norm_of(const Small<N>& x) {
  double square = 0;
  for (const N& value : x.data) square += std::norm(value);
  return std::sqrt(square);
}

}  // namespace matrass::test
