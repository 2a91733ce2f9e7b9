// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The few types that every folder shares: global indices, shapes, block sizes and the four
/// scalars. Next: core/error.hpp
#pragma once

#include <cmath>
#include <complex>
#include <concepts>
#include <cstdint>

namespace matrass {

/// A global index or extent. Ranks, grid and block sizes and ScaLAPACK's integers are `int`.
using Index = std::int64_t;

/// Rows and columns of a matrix, global or local.
struct Shape {
  Index rows = 0;
  Index cols = 0;

  constexpr Index size() const { return rows * cols; }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

/// Block sizes (mb, nb) in which the two axes of a matrix are dealt out.
struct Block {
  Index rows = 0;
  Index cols = 0;

  friend constexpr bool operator==(const Block&, const Block&) = default;
};

/// The scalars that ScaLAPACK knows.
template <class T>
concept Scalar = std::same_as<T, float> || std::same_as<T, double> ||
                 std::same_as<T, std::complex<float>> || std::same_as<T, std::complex<double>>;

namespace detail {
template <class T>
struct RealOf {
  using type = T;
};
template <class T>
struct RealOf<std::complex<T>> {
  using type = T;
};
}  // namespace detail

/// The real type of a scalar: `Real<std::complex<float>>` is `float`.
template <Scalar T>
using Real = typename detail::RealOf<T>::type;

template <Scalar T>
inline constexpr bool is_complex = !std::same_as<T, Real<T>>;

/// The complex conjugate, of the type of its argument (std::conj makes a real argument complex).
template <Scalar T>
constexpr T conjugate(T x) {
  if constexpr (is_complex<T>) {
    return std::conj(x);
  } else {
    return x;
  }
}

/// Whether a number is neither NaN nor infinite, in both of its parts.
template <Scalar T>
bool is_finite(T x) {
  return std::isfinite(std::real(x)) && std::isfinite(std::imag(x));
}

/// |x| where neither the square of a part nor the modulus itself leaves the range of doubles.
template <Scalar T>
double modulus(T x) {
  if constexpr (std::same_as<T, std::complex<float>>) {
    const auto re = static_cast<double>(x.real());
    const auto im = static_cast<double>(x.imag());
    return std::sqrt(re * re + im * im);
  } else {
    return static_cast<double>(std::abs(x));
  }
}

}  // namespace matrass
