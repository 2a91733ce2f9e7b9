// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What follows from singular values: pseudoinverse, rank, condition.
/// Next: algorithm/certificate.hpp
#pragma once

#include <limits>
#include <matrass/algorithm/svd.hpp>
#include <optional>

namespace matrass {

namespace detail {

template <Scalar T>
double default_rcond(Shape shape) {
  return std::numeric_limits<Real<T>>::epsilon() *
         static_cast<double>(std::max(shape.rows, shape.cols));
}

template <Scalar T>
DistMatrix<T> pinv_of(const DistMatrix<T>& a, double rcond) {
  mpi::throw_together(a.grid().comm(), mpi::Call("pinv", a.distribution(), rcond), [] {});
  const Svd<T> f = svd(a);
  const Index k = rank_of(f.s, rcond);
  std::vector<T> inverses;
  inverses.reserve(static_cast<std::size_t>(k));
  for (Index i = 0; i < k; ++i) inverses.push_back(T{1} / f.s[static_cast<std::size_t>(i)]);
  const DistMatrix<T> vt = f.vt.slice(0, k, 0, f.vt.shape().cols);
  scale_rows(vt, inverses);
  return matmul(vt, f.u.slice(0, f.u.shape().rows, 0, k),
                MatmulOptions<T>{.op_a = Op::adjoint, .op_b = Op::adjoint});
}

}  // namespace detail

/// The pseudoinverse V diag(1 / s) U^H, n x m in [MC,MR]; singular values up to rcond times the
/// largest count as zero. Collective. Cost of svd, and a product.
/// @param rcond  without it, max(m, n) times the unit roundoff
/// @throws as svd
template <DistMatrixLike A>
DistMatrix<typename A::value_type> pinv(const A& a, std::optional<double> rcond = std::nullopt) {
  using T = typename A::value_type;
  return detail::pinv_of(to_dynamic(a), rcond ? *rcond : detail::default_rcond<T>(a.shape()));
}

/// How many singular values are above rcond times the largest. Collective. Cost of svd's values.
/// @param rcond  without it, max(m, n) times the unit roundoff
template <DistMatrixLike A>
Index matrix_rank(const A& a, std::optional<double> rcond = std::nullopt) {
  using T = typename A::value_type;
  const auto s = svd(a, SvdMode::values).s;
  return detail::rank_of(s, rcond ? *rcond : detail::default_rcond<T>(a.shape()));
}

/// The condition number in the 2-norm: largest over smallest singular value; infinite for singular
/// matrices. Collective. Cost of svd's values.
template <DistMatrixLike A>
double cond(const A& a) {
  const auto s = svd(a, SvdMode::values).s;
  if (s.empty()) return 0;
  if (s.back() == 0) return std::numeric_limits<double>::infinity();
  return static_cast<double>(s.front()) / static_cast<double>(s.back());
}

#ifdef MATRASS_LINKED
#define MATRASS_EXTERN(T) \
  extern template DistMatrix<T> detail::pinv_of<T>(const DistMatrix<T>&, double);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass
