// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// LU factors with partial pivoting, and what follows from them: determinants.
/// Next: scalapack/solve.hpp
#pragma once

#include <cmath>
#include <matrass/scalapack/run.hpp>
#include <numeric>
#include <vector>

namespace matrass {

/// A(permutation[i], :) = (L U)(i, :).
template <Scalar T>
struct Lu {
  std::vector<Index> permutation;  ///< of the rows, on every rank
  DistMatrix<T> l;                 ///< m x min(m, n), unit lower trapezoidal
  DistMatrix<T> u;                 ///< min(m, n) x n, upper trapezoidal
};

/// det = sign * exp(log): |det| may leave the range of doubles, its logarithm does not.
template <Scalar T>
struct SignAndLog {
  T sign{};        ///< of modulus 1; 0 for a singular matrix
  double log = 0;  ///< -infinity for a singular matrix
};

namespace detail {

/// L and U in one matrix, and the exchanges of rows.
template <Scalar T>
struct LuFactor {
  Operand<T> lu;
  std::vector<int> pivots;   ///< of this rank's rows, as ScaLAPACK has them
  std::vector<Index> swaps;  ///< row i was exchanged with row swaps[i], in this order; all ranks'
  int info = 0;              ///< k: U(k, k), counted from 1, is exactly zero
};

/// All ranks' pivots. Collective; an allreduce of min(m, n) numbers.
template <Scalar T>
std::vector<Index> gather_swaps(const DistMatrix<T>& a, const std::vector<int>& pivots) {
  const Distribution& d = a.distribution();
  const int rank = a.grid().rank();
  std::vector<Index> swaps = mpi::throw_together(a.grid().comm(), [&] {
    std::vector<Index> mine(static_cast<std::size_t>(std::min(a.shape().rows, a.shape().cols)), 0);
    if (d.holds(rank) && *d.col_place(rank) == 0) {  // other columns of the grid have the same
      const std::vector<Index> rows = a.local_rows();
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto at = static_cast<std::size_t>(rows[i]);
        if (at < mine.size()) mine[at] = pivots[i] - 1;
      }
    }
    return mine;
  });
  mpi::allreduce(a.grid().comm(), std::span<Index>(swaps));
  return swaps;
}

template <Scalar T>
LuFactor<T> lu_factor(const DistMatrix<T>& a, const std::string& routine) {
  const mpi::Communicator& comm = a.grid().comm();
  LuFactor<T> f;
  mpi::throw_together(comm, mpi::Call(routine, a.distribution()), [&] {
    narrow(a.shape().rows, "lu: rows");
    narrow(a.shape().cols, "lu: columns");
    require_finite(a, Part::all, routine);
  });
  f.lu = factor_copy(a);
  mpi::throw_together(comm, [&] {
    const auto block = static_cast<std::size_t>(f.lu.desc[4]);
    f.pivots.assign(static_cast<std::size_t>(f.lu.matrix.local_shape().rows) + block, 0);
  });
  if (a.shape().size() == 0) return f;
  const int m = static_cast<int>(a.shape().rows);
  const int n = static_cast<int>(a.shape().cols);
  f.info = run(routine, [&] { return getrf(m, n, f.lu, f.pivots.data()); }, f.lu);
  f.swaps = gather_swaps(f.lu.matrix, f.pivots);
  return f;
}

/// @throws SingularError on all ranks
template <Scalar T>
void require_regular(const LuFactor<T>& f, const std::string& routine) {
  mpi::throw_together(f.lu.matrix.grid().comm(), [&] {
    if (f.info == 0) return;
    throw SingularError(routine + ": A is singular: pivot " + std::to_string(f.info) +
                        " is exactly zero (pxgetrf info=" + std::to_string(f.info) + ")");
  });
}

template <Scalar T>
Lu<T> lu_of(const DistMatrix<T>& a) {
  const LuFactor<T> f = lu_factor(a, "lu");
  const auto [m, n] = a.shape();
  const Index k = std::min(m, n);
  Lu<T> result;
  mpi::throw_together(a.grid().comm(), [&] {
    result.permutation.resize(static_cast<std::size_t>(m));
    std::iota(result.permutation.begin(), result.permutation.end(), Index{0});
    for (std::size_t i = 0; i < f.swaps.size(); ++i) {
      std::swap(result.permutation[i], result.permutation[static_cast<std::size_t>(f.swaps[i])]);
    }
  });
  result.l = triangle(f.lu.matrix.slice(0, m, 0, k), Part::lower, true);
  result.u = triangle(f.lu.matrix.slice(0, k, 0, n), Part::upper);
  return result;
}

template <Scalar T>
SignAndLog<T> slogdet_of(const DistMatrix<T>& a, const std::string& routine) {
  mpi::throw_together(a.grid().comm(), mpi::Call(routine, a.distribution()),
                      [&] { require_square(a.shape(), routine); });
  const LuFactor<T> f = lu_factor(a, routine);
  std::complex<double> sign = 1;
  double log = 0;
  for (const T u : diagonal(f.lu.matrix)) {
    const double size = modulus(u);
    if (size == 0) return {T{0}, -std::numeric_limits<double>::infinity()};
    sign *= std::complex<double>(u) / size;
    sign /= std::abs(sign);
    log += std::log(size);
  }
  for (std::size_t i = 0; i < f.swaps.size(); ++i) {
    if (f.swaps[i] != static_cast<Index>(i)) sign = -sign;
  }
  if constexpr (is_complex<T>) {
    return {static_cast<T>(sign), log};
  } else {
    return {static_cast<T>(sign.real()), log};
  }
}

}  // namespace detail

/// LU with partial pivoting: rows of A, permuted, are L U.
///
/// Shapes: a m x n in any layout. L and U are new, in [MC,MR] with blocks of 64. A singular U is no
/// error here.
/// Collective over a's grid. Cost: m n^2 - n^3 / 3 flops in all for m >= n; a copy of the local
/// part, and m indices.
/// @throws InvalidArgument on all ranks: NaN or infinity in `a`.
/// Source: ScaLAPACK PxGETRF.
template <DistMatrixLike A>
Lu<typename A::value_type> lu(const A& a) {
  return detail::lu_of(to_dynamic(a));
}

/// Sign (for complex scalars: phase) and logarithm of |det a|; a n x n in any layout. Collective.
/// Cost as lu. @throws ShapeError, InvalidArgument on all ranks.
template <DistMatrixLike A>
SignAndLog<typename A::value_type> slogdet(const A& a) {
  return detail::slogdet_of(to_dynamic(a), "slogdet");
}

/// The determinant; 0 or infinite where |det a| leaves the range. See slogdet.
template <DistMatrixLike A>
typename A::value_type det(const A& a) {
  using T = typename A::value_type;
  const SignAndLog<T> d = detail::slogdet_of(to_dynamic(a), "det");
  return d.sign == T{0} ? T{0} : d.sign * static_cast<Real<T>>(std::exp(d.log));
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T)                                                        \
  extern template detail::LuFactor<T> detail::lu_factor<T>(const DistMatrix<T>&, \
                                                           const std::string&);  \
  extern template Lu<T> detail::lu_of<T>(const DistMatrix<T>&);                  \
  extern template SignAndLog<T> detail::slogdet_of<T>(const DistMatrix<T>&, const std::string&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
