// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Norms of a matrix in any layout.
/// Next: algorithm/truncated_svd.hpp
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <matrass/matrix/dist_matrix.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/mpi/collectives.hpp>
#include <span>
#include <vector>

namespace matrass {

/// NumPy's names: the Frobenius norm, the largest (smallest) sum of moduli of a column, of a row,
/// and the largest modulus.
enum class Norm { frobenius, one, minus_one, infinity, minus_infinity, max };

namespace detail {

/// Calls f(i_local, j_local, |a_ij|) for the elements that this rank speaks for (each element of
/// a replicated matrix is counted once).
template <Scalar T, class F>
void for_each_modulus(const DistMatrix<T>& a, F&& f) {
  if (!a.distribution().is_first_replica(a.grid().rank())) return;
  for (Index j = 0; j < a.local_shape().cols; ++j) {
    for (Index i = 0; i < a.local_shape().rows; ++i) {
      f(i, j, modulus(a.part()(i, j)));
    }
  }
}

/// Walks over the moduli of a matrix, dense or sparse: walk(f) calls f(i, j, |a_ij|) for what this
/// rank speaks for.
///
/// The largest modulus; NaN if there is one. Collective.
template <class Walk>
double max_modulus(const mpi::Communicator& comm, const Walk& walk) {
  // {largest modulus, whether there is a NaN}: MPI_MAX of NaN is undefined.
  double found[2] = {0, 0};
  walk([&](Index, Index, double x) {
    if (std::isnan(x)) {
      found[1] = 1;
    } else {
      found[0] = std::max(found[0], x);
    }
  });
  mpi::allreduce(comm, std::span<double>(found), MPI_MAX);
  return found[1] != 0 ? std::numeric_limits<double>::quiet_NaN() : found[0];
}

/// sqrt(sum |a_ij / scale|^2) * scale. Collective.
template <class Walk>
double scaled_frobenius(const mpi::Communicator& comm, const Walk& walk, double scale) {
  double sum = 0;
  walk([&](Index, Index, double x) { sum += (x / scale) * (x / scale); });
  return std::sqrt(mpi::allreduce(comm, sum)) * scale;
}

/// Squares of doubles may overflow or vanish: only then is a second pass with a scale needed.
template <class Walk>
double frobenius(const mpi::Communicator& comm, const Walk& walk) {
  const double plain = scaled_frobenius(comm, walk, 1);
  constexpr double smallest = 1e-140;
  if (std::isnan(plain) || (std::isfinite(plain) && plain > smallest)) return plain;
  const double scale = max_modulus(comm, walk);
  if (scale == 0 || std::isinf(scale)) return scale;
  return scaled_frobenius(comm, walk, scale);
}

/// The largest or smallest value; NaN if there is one, 0 of nothing.
inline double extreme(const std::vector<double>& values, bool largest) {
  if (values.empty()) return 0;
  for (const double x : values) {
    if (std::isnan(x)) return x;
  }
  return largest ? *std::max_element(values.begin(), values.end())
                 : *std::min_element(values.begin(), values.end());
}

/// The largest or smallest sum of moduli with one index, of `extent` indices: those of a column or
/// of a row, as index(i, j) says of what walk tells. Collective; `extent` doubles of memory a rank.
template <class Walk, class F>
double extreme_sum(const mpi::Communicator& comm, Index extent, bool largest, const Walk& walk,
                   const F& index) {
  std::vector<double> sums = mpi::throw_together(comm, [&] {
    std::vector<double> mine(static_cast<std::size_t>(extent));
    walk([&](Index i, Index j, double x) { mine[static_cast<std::size_t>(index(i, j))] += x; });
    return mine;
  });
  mpi::allreduce(comm, std::span<double>(sums));
  return extreme(sums, largest);
}

}  // namespace detail

/// A norm of `a`, the same on every rank; 0 for a matrix without elements, NaN if `a` has a NaN.
/// Collective over a's grid. Cost: one pass over the local part and one allreduce (of n or m
/// numbers for the sums). Neither overflows nor vanishes before the result does.
template <DistMatrixLike A>
double norm(const A& a, Norm kind = Norm::frobenius) {
  const mpi::Communicator& comm = a.grid().comm();
  const bool of_columns = kind == Norm::one || kind == Norm::minus_one;
  const bool largest = kind == Norm::one || kind == Norm::infinity;
  const std::vector<Index> indices =
      mpi::throw_together(comm, mpi::Call("norm", a.distribution(), kind),
                          [&] { return of_columns ? a.local_cols() : a.local_rows(); });
  const auto walk = [&](auto&& f) { detail::for_each_modulus(to_dynamic(a), f); };
  if (kind == Norm::frobenius) return detail::frobenius(comm, walk);
  if (kind == Norm::max) return detail::max_modulus(comm, walk);
  return detail::extreme_sum(
      comm, of_columns ? a.shape().cols : a.shape().rows, largest, walk,
      [&](Index i, Index j) { return indices[static_cast<std::size_t>(of_columns ? j : i)]; });
}

}  // namespace matrass
