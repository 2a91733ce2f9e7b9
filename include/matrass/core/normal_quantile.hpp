// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The quantile of the standard normal distribution, by additions, multiplications, divisions and
/// square roots alone: the same bits on every machine (compile without contraction to FMA).
/// Next: matrix/random.hpp
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <matrass/core/types.hpp>
#include <numbers>

namespace matrass::detail {

/// c[0] + c[1] x + ... by Horner's rule.
template <std::size_t N>
constexpr double polynomial(const std::array<double, N>& c, double x) {
  double value = c[N - 1];
  for (std::size_t k = N - 1; k > 0; --k) value = value * x + c[k - 1];
  return value;
}

/// log(x) for normal x > 0, to about one unit in the last place: 2 artanh((m - 1) / (m + 1)) of the
/// fraction m in [1/sqrt 2, sqrt 2).
inline double plain_log(double x) {
  constexpr std::array<double, 12> odd{1.0,      1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11,
                                       1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23};
  const auto bits = std::bit_cast<std::uint64_t>(x);
  auto exponent = static_cast<double>(static_cast<std::int64_t>(bits >> 52U) - 1023);
  auto m = std::bit_cast<double>((bits & 0xfffffffffffffU) | 0x3ff0000000000000U);
  if (m > std::numbers::sqrt2) {
    m *= 0.5;
    exponent += 1;
  }
  const double s = (m - 1) / (m + 1);
  return exponent * std::numbers::ln2 + 2 * s * polynomial(odd, s * s);
}

/// The quantile where |q| <= 0.425, q = probability - 1/2.
/// Source of this and of normal_tail: Wichura, algorithm AS 241 (PPND16), relative error 1e-16.
inline double normal_centre(double q) {
  constexpr std::array<double, 8> a{3.3871328727963666080e0,  1.3314166789178437745e+2,
                                    1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                    4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                    3.3430575583588128105e+4, 2.5090809287301226727e+3};
  constexpr std::array<double, 8> b{1.0,
                                    4.2313330701600911252e+1,
                                    6.8718700749205790830e+2,
                                    5.3941960214247511077e+3,
                                    2.1213794301586595867e+4,
                                    3.9307895800092710610e+4,
                                    2.8729085735721942674e+4,
                                    5.2264952788528545610e+3};
  const double r = 0.180625 - q * q;
  return q * polynomial(a, r) / polynomial(b, r);
}

/// The quantile where 0.425 < |q| < 1/2.
inline double normal_tail(double q) {
  constexpr std::array<double, 8> c{1.42343711074968357734e0,  4.63033784615654529590e0,
                                    5.76949722146069140550e0,  3.64784832476320460504e0,
                                    1.27045825245236838258e0,  2.41780725177450611770e-1,
                                    2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr std::array<double, 8> d{1.0,
                                    2.05319162663775882187e0,
                                    1.67638483018380384940e0,
                                    6.89767334985100004550e-1,
                                    1.48103976427480074590e-1,
                                    1.51986665636164571966e-2,
                                    5.47593808499534494600e-4,
                                    1.05075007164441684324e-9};
  constexpr std::array<double, 8> e{6.65790464350110377720e0,  5.46378491116411436990e0,
                                    1.78482653991729133580e0,  2.96560571828504891230e-1,
                                    2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                    2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr std::array<double, 8> f{1.0,
                                    5.99832206555887937690e-1,
                                    1.36929880922735805310e-1,
                                    1.48753612908506148525e-2,
                                    7.86869131145613259100e-4,
                                    1.84631831751005468180e-5,
                                    1.42151175831644588870e-7,
                                    2.04426310338993978564e-15};
  const double r = std::sqrt(-plain_log(0.5 - std::fabs(q)));
  const double z = r <= 5 ? polynomial(c, r - 1.6) / polynomial(d, r - 1.6)
                          : polynomial(e, r - 5) / polynomial(f, r - 5);
  return q < 0 ? -z : z;
}

/// 64 random bits as q = u - 1/2, u uniform on the 2^52 midpoints (k + 1/2) / 2^52: exact.
inline double centred_uniform(std::uint64_t bits) {
  return (std::bit_cast<double>((bits >> 12U) | 0x3ff0000000000000U) - 1.5) + 0x1p-53;
}

/// Standard normal numbers from random bits, one from each. |z| < 8.3.
inline void normals_from_bits(const std::uint64_t* bits, Index count, double* out) {
  for (Index k = 0; k < count; ++k) out[k] = normal_centre(centred_uniform(bits[k]));
  for (Index k = 0; k < count; ++k) {  // 15 of 100
    const double q = centred_uniform(bits[k]);
    if (std::fabs(q) > 0.425) out[k] = normal_tail(q);
  }
}

}  // namespace matrass::detail
