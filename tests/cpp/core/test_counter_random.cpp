// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Philox by its published answers; elements by their definition; quantiles by their inverse.
/// Next: tests/cpp/matrix/test_random.cpp
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <matrass/core/counter_random.hpp>
#include <matrass/core/normal_quantile.hpp>
#include <vector>

namespace matrass {
namespace {

TEST(Philox, KnownAnswers) {
  // Random123, kat_vectors: philox4x64 10.
  constexpr std::uint64_t ones = ~std::uint64_t{0};
  const Philox::Counter zero = Philox({0, 0})({0, 0, 0, 0});
  EXPECT_EQ(zero, (Philox::Counter{0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b,
                                   0x7e68b68aec7ba23b}));
  const Philox::Counter full = Philox({ones, ones})({ones, ones, ones, ones});
  EXPECT_EQ(full, (Philox::Counter{0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6,
                                   0xa09caebf594f0ba0}));
  const Philox::Counter pi = Philox({0x452821e638d01377, 0xbe5466cf34e90c6c})(
      {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89});
  EXPECT_EQ(pi, (Philox::Counter{0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5,
                                 0x57bd43b5e52b7fe6}));
}

TEST(Philox, IsAFunctionAtCompileTime) {
  static_assert(Philox({0, 0})({0, 0, 0, 0})[0] == 0x16554d9eca36314c);
}

TEST(ElementBits, EachElementIsItsPlaceInACounter) {
  const std::uint64_t seed = 17;
  const ElementBits source(seed, RandomUse::normal);
  const Philox philox({seed, static_cast<std::uint64_t>(RandomUse::normal)});
  for (const Index first : {Index{0}, Index{1}, Index{3}, Index{4}, Index{1} << 40}) {
    for (const Index count : {0, 1, 2, 5, 9}) {
      std::vector<std::uint64_t> bits(static_cast<std::size_t>(count) + 1, 42);
      source.fill(first, count, 6, 1, bits.data());
      for (Index k = 0; k < count; ++k) {
        const auto i = static_cast<std::uint64_t>(first + k);
        EXPECT_EQ(bits[static_cast<std::size_t>(k)], philox({i / 4, 6, 1, 0})[i % 4]);
      }
      EXPECT_EQ(bits.back(), 42U) << "written past the end";
    }
  }
}

TEST(CounterNormal, StartVectorsStayWhatTheyWere) {
  EXPECT_EQ(detail::mix(0), 0xe220a8397b1dcdafU);
  EXPECT_EQ(detail::mix(1), 0x910a2dec89025cc1U);
  EXPECT_DOUBLE_EQ(detail::counter_normal(0U, 0, 0, 0), -1.722316375875828);
  EXPECT_DOUBLE_EQ(detail::counter_normal(3U, 5, 7, 1), -0.20419518463684486);
  EXPECT_DOUBLE_EQ(detail::counter_normal(18446744073709551615U, 1000000000000, 9, 0),
                   -0.24907064443495766);
}

TEST(NormalQuantile, IsTheInverseOfTheDistribution) {
  // Phi(z) = erfc(-z / sqrt 2) / 2. A relative error e of z is one of z^2 e in the tail's Phi.
  for (int k = 1; k < 4000; ++k) {
    const double q = k / 8000.0;
    const double z = q > 0.425 ? detail::normal_tail(q) : detail::normal_centre(q);
    EXPECT_NEAR(std::erfc(z / std::sqrt(2)) / 2 / (0.5 - q), 1, 4e-15 * (1 + z * z)) << q;
    const double minus = q > 0.425 ? detail::normal_tail(-q) : detail::normal_centre(-q);
    EXPECT_EQ(minus, -z);
  }
  for (int k = 5; k <= 53; ++k) {  // down to the smallest probability that is drawn
    const double p = std::ldexp(1.0, -k);
    const double z = detail::normal_tail(p - 0.5);
    EXPECT_NEAR(std::erfc(-z / std::sqrt(2)) / 2 / p, 1, 4e-15 * (1 + z * z)) << k;
  }
}

TEST(NormalQuantile, OwnLogarithm) {
  for (int k = 0; k < 900; ++k) {
    const double x = 0x1p-53 * std::pow(1.0371, k);
    EXPECT_NEAR(detail::plain_log(x) / std::log(x), 1, 4e-16) << x;
  }
}

TEST(NormalQuantile, UniformsAreExactAndSymmetric) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(detail::centred_uniform(0), -0.5 + 0x1p-53);
  EXPECT_EQ(detail::centred_uniform(most), 0.5 - 0x1p-53);
  for (std::uint64_t k = 0; k < 1000; ++k) {
    const std::uint64_t bits = detail::mix(k);
    EXPECT_EQ(detail::centred_uniform(bits), -detail::centred_uniform(~bits));
    EXPECT_EQ(detail::centred_uniform(bits) + 0.5, std::ldexp(bits >> 12U, -52) + 0x1p-53);
  }
}

TEST(NormalQuantile, NumbersDoNotDependOnTheirNeighbours) {
  std::vector<std::uint64_t> bits(1000);
  for (std::size_t k = 0; k < bits.size(); ++k) bits[k] = detail::mix(k);
  std::vector<double> all(bits.size());
  detail::normals_from_bits(bits.data(), 1000, all.data());
  for (std::size_t k = 0; k < bits.size(); ++k) {
    double alone = 0;
    detail::normals_from_bits(&bits[k], 1, &alone);
    EXPECT_EQ(alone, all[k]);
  }
}

}  // namespace
}  // namespace matrass
