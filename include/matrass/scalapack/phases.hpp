// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Signs, or phases, of vectors that are determined up to them: the same on any number of ranks.
/// Next: scalapack/qr.hpp
#pragma once

#include <array>
#include <limits>
#include <matrass/scalapack/run.hpp>
#include <vector>

namespace matrass::detail {

/// Whether an entry counts as one of the largest of its vector: within a part in 10^4, as rounding
/// may exchange two that are equal. The first one of these decides the sign, or phase.
inline bool counts_as_largest(double size, double largest) {
  constexpr double nearly = 1 - 1e-4;
  return largest > 0 && size >= nearly * largest;
}

/// Conjugated phases by which columns are multiplied so that the first one of their largest entries
/// becomes positive. Collective; three allreduces of n numbers.
template <Scalar T>
std::vector<T> column_phases(const DistMatrix<T>& v) {
  const mpi::Communicator& comm = v.grid().comm();
  const auto n = static_cast<std::size_t>(v.shape().cols);
  std::vector<Index> rows;
  std::vector<Index> cols;
  std::vector<double> largest;
  std::vector<Index> first;
  std::vector<T> phases;
  mpi::throw_together(comm, mpi::Call("phases"), [&] {
    rows = v.local_rows();
    cols = v.local_cols();
    largest.assign(n, 0);
    first.assign(n, std::numeric_limits<Index>::max());
    phases.assign(n, T{0});
  });
  const auto at = [&](std::size_t j) { return static_cast<std::size_t>(cols[j]); };
  for (std::size_t j = 0; j < cols.size(); ++j) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double size = modulus(v.part()(static_cast<Index>(i), static_cast<Index>(j)));
      largest[at(j)] = std::max(largest[at(j)], size);
    }
  }
  mpi::allreduce(comm, std::span<double>(largest), MPI_MAX);
  std::vector<Index> mine(first);
  for (std::size_t j = 0; j < cols.size(); ++j) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const T x = v.part()(static_cast<Index>(i), static_cast<Index>(j));
      if (!counts_as_largest(modulus(x), largest[at(j)])) continue;
      mine[at(j)] = rows[i];
      phases[at(j)] = conjugate(x) / static_cast<Real<T>>(std::abs(x));
      break;
    }
  }
  first = mine;
  mpi::allreduce(comm, std::span<Index>(first), MPI_MIN);
  const bool speaks = v.distribution().is_first_replica(v.grid().rank());
  for (std::size_t j = 0; j < n; ++j) {
    if (!speaks || mine[j] != first[j]) phases[j] = T{0};
  }
  mpi::allreduce(comm, std::span<T>(phases));
  for (T& phase : phases) {
    if (phase == T{0}) phase = T{1};  // of a column of zeros
  }
  return phases;
}

/// Conjugated phases that make the diagonal real and not negative. Collective.
template <Scalar T>
std::vector<T> diagonal_phases(const DistMatrix<T>& r) {
  std::vector<T> phases = diagonal(r);
  for (T& d : phases) {
    const auto size = static_cast<Real<T>>(std::abs(d));
    d = size > 0 ? conjugate(d) / size : T{1};
  }
  return phases;
}

/// Multiplies column j of `a` by phases[j]. Local; phases beyond the last column count for nothing.
template <Scalar T>
void scale_columns(const DistMatrix<T>& a, const std::vector<T>& phases) {
  const std::vector<Index> cols = a.local_cols();
  for (Index j = 0; j < a.local_shape().cols; ++j) {
    const auto k = static_cast<std::size_t>(cols[static_cast<std::size_t>(j)]);
    if (k >= phases.size() || phases[k] == T{1}) continue;
    for (Index i = 0; i < a.local_shape().rows; ++i) a.part()(i, j) *= phases[k];
  }
}

/// Multiplies row i of `a` by phases[i]. Local.
template <Scalar T>
void scale_rows(const DistMatrix<T>& a, const std::vector<T>& phases) {
  scale_columns(a.transposed(), phases);
}

/// Conjugates.
template <Scalar T>
std::vector<T> conjugated(std::vector<T> phases) {
  for (T& phase : phases) phase = conjugate(phase);
  return phases;
}

}  // namespace matrass::detail
