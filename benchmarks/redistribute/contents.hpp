// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What the matrices hold, so that every element shows whether it came to the right place.
/// Next: cases.hpp
#pragma once

#include <matrass/matrix/create.hpp>
#include <vector>

template <class T>
T element(matrass::Index i, matrass::Index j, matrass::Index m) {
  return static_cast<T>(static_cast<double>((i + m * j) % 8'000'000));  // exact in every scalar
}

/// Local.
template <class T>
void fill(const matrass::DistMatrix<T>& a) {
  matrass::detail::fill_from_function(
      a, [m = a.shape().rows](matrass::Index i, matrass::Index j) { return element<T>(i, j, m); });
}

/// Whether every element is where it belongs, on every rank; clears the matrix for the next check.
/// Collective.
template <class T>
bool correct(const matrass::DistMatrix<T>& a, bool transposed = false) {
  using matrass::Index;
  const std::vector<Index> rows = a.local_rows();
  const std::vector<Index> cols = a.local_cols();
  const Index m = transposed ? a.shape().cols : a.shape().rows;
  int good = 1;
  for (std::size_t j = 0; j < cols.size(); ++j) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      T& x = a.part()(static_cast<Index>(i), static_cast<Index>(j));
      const T expected =
          transposed ? element<T>(cols[j], rows[i], m) : element<T>(rows[i], cols[j], m);
      if (x != expected) good = 0;
      x = T(-1);
    }
  }
  return matrass::mpi::allreduce(a.grid().comm(), good, MPI_MIN) == 1;
}
