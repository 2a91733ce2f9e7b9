// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Singular values of small matrices, and how many of them count.
/// Next: algorithm/svd.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/lapack.hpp>
#include <vector>

namespace matrass::detail {

/// Singular values, descending.
template <class N>
std::vector<double> singular_values(Small<N> a) {
  const int m = narrow(a.rows, "SVD: rows");
  const int n = narrow(a.cols, "SVD: columns");
  const int p = std::min(m, n);
  std::vector<double> s(static_cast<std::size_t>(p));
  if (p == 0) return s;
  require_no_overflow(a, "SVD");
  const char* job = "N";
  const int ld = a.ld();
  const int one = 1;
  std::vector<int> iwork(static_cast<std::size_t>(8 * p));
  std::vector<double> rwork(static_cast<std::size_t>(is_complex<N> ? 7 * p : 1));
  N unused{};
  N size{};
  int lwork = -1;
  int info = 0;
  const auto call = [&](N* work) {
    if constexpr (is_complex<N>) {
      zgesdd_(job, &m, &n, a.data.data(), &ld, s.data(), &unused, &one, &unused, &one, work, &lwork,
              rwork.data(), iwork.data(), &info);
    } else {
      dgesdd_(job, &m, &n, a.data.data(), &ld, s.data(), &unused, &one, &unused, &one, work, &lwork,
              iwork.data(), &info);
    }
    require_info(info, "gesdd");
  };
  call(&size);
  lwork = static_cast<int>(std::real(size));
  std::vector<N> work(static_cast<std::size_t>(lwork));
  call(work.data());
  return s;
}

/// How many of the descending values count, as NumPy does: those above rcond times the first.
template <class R>
Index rank_of(const std::vector<R>& s, double rcond) {
  const auto counts = [&](R value) { return value > static_cast<R>(rcond) * s.front(); };
  return std::find_if_not(s.begin(), s.end(), counts) - s.begin();
}

}  // namespace matrass::detail
