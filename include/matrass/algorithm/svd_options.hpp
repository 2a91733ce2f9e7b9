// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// What callers of the truncated SVD may choose, and what one rank gets back.
/// Next: algorithm/svd_run.hpp
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <matrass/algorithm/lapack.hpp>
#include <matrass/core/error.hpp>
#include <string>
#include <vector>

namespace matrass {

/// automatic: gram for few columns, tsqr where k is a large part of them, else randomized, which
/// gives way to gram where the residuals fall slowly. randomized: block Krylov from random vectors.
/// gram: eigenvectors of A^H A, then block Krylov from these. tsqr: SVD of R of A = QR. lanczos:
/// block Krylov with thick restarts, which keeps about 2 k + 80 vectors whatever the spectrum is.
enum class SvdMethod { automatic, randomized, gram, tsqr, lanczos };

inline SvdMethod parse_svd_method(const std::string& name) {
  if (name == "auto") return SvdMethod::automatic;
  if (name == "randomized") return SvdMethod::randomized;
  if (name == "gram") return SvdMethod::gram;
  if (name == "tsqr") return SvdMethod::tsqr;
  if (name == "lanczos") return SvdMethod::lanczos;
  throw InvalidArgument(
      "truncated_svd: method must be auto, randomized, lanczos, gram or tsqr: got '" + name + "'");
}

struct SvdOptions {
  SvdMethod method = SvdMethod::automatic;
  /// Largest ||A v - s u|| in units of the largest singular value; 0 means 1e-10 in double and 1e-5
  /// in single precision.
  double tol = 0;
  std::uint64_t seed = 0;
  /// Called on every rank after each pass over A with the number of passes so far and the current
  /// estimate of the largest residual (infinite while there is none), relative to the largest
  /// singular value. What it throws on one rank ends the computation on all.
  std::function<void(int, double)> progress{};
  /// Vectors in a block of the iteration; 0 chooses. For measurements and tests.
  Index block = 0;
};

namespace detail {

template <class T>
double default_tol() {
  return std::numeric_limits<Real<T>>::digits > 30 ? 1e-10 : 1e-5;
}

/// The singular triplets as one rank holds them.
template <Scalar T>
struct LocalSvd {
  std::vector<double> s;         ///< descending
  Small<Wide<T>> v;              ///< n x k, the same on every rank
  std::vector<double> residual;  ///< ||A v_i - s_i u_i||, measured
  int passes = 0;                ///< over A
  bool direct = false;           ///< whether the direct method gave the result
};

}  // namespace detail
}  // namespace matrass
