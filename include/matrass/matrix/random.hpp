// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Random matrices that are the same on every grid, in every layout, on any number of ranks.
/// Next: redistribute/runs.hpp (from here on, elements move)
#pragma once

#include <algorithm>
#include <array>
#include <complex>
#include <cstdint>
#include <matrass/core/counter_random.hpp>
#include <matrass/core/normal_quantile.hpp>
#include <matrass/matrix/create.hpp>
#include <numbers>
#include <vector>

namespace matrass {

/// Where a distribution's numbers lie: loc + scale * z, z standard normal; or loc + scale * u, u
/// uniform on [0, 1).
struct RandomRange {
  double loc = 0;
  double scale = 1;
};

namespace detail {

inline void draw(RandomUse use, const std::uint64_t* bits, Index count, double* out) {
  if (use == RandomUse::normal) {
    normals_from_bits(bits, count, out);
    return;
  }
  for (Index k = 0; k < count; ++k) {
    out[k] = use == RandomUse::sign ? ((bits[k] >> 63U) != 0 ? 1.0 : -1.0)
                                    : static_cast<double>(bits[k] >> 11U) * 0x1p-53;
  }
}

/// Fills elements [i, i + count) of column j, at distance `stride` from `to`. Real numbers are
/// drawn as doubles and rounded once.
template <Scalar T>
void fill_run(const ElementBits& source, RandomUse use, RandomRange range, Index i, Index count,
              Index j, T* to, Index stride) {
  constexpr Index most = 256;
  std::array<std::uint64_t, most> bits;
  std::array<std::array<double, most>, 2> x;
  for (Index at = 0; at < count; at += most) {
    const Index n = std::min(most, count - at);
    for (int part = 0; part < (is_complex<T> ? 2 : 1); ++part) {
      double* const out = x[static_cast<std::size_t>(part)].data();
      source.fill(i + at, n, j, part, bits.data());
      draw(use, bits.data(), n, out);
      const double loc = part == 0 || use == RandomUse::uniform ? range.loc : 0.0;
      for (Index k = 0; k < n; ++k) out[k] = loc + range.scale * out[k];
    }
    for (Index k = 0; k < n; ++k) {
      const auto re = static_cast<Real<T>>(x[0][static_cast<std::size_t>(k)]);
      if constexpr (is_complex<T>) {
        to[(at + k) * stride] = {re, static_cast<Real<T>>(x[1][static_cast<std::size_t>(k)])};
      } else {
        to[(at + k) * stride] = re;
      }
    }
  }
}

/// Calls f(first local index, length) for each run of consecutive numbers among ascending ones.
template <class F>
void for_each_consecutive(const std::vector<Index>& indices, F&& f) {
  const auto size = static_cast<Index>(indices.size());
  for (Index begin = 0; begin < size;) {
    Index end = begin + 1;
    while (end < size && indices[static_cast<std::size_t>(end)] ==
                             indices[static_cast<std::size_t>(end - 1)] + 1) {
      ++end;
    }
    f(begin, end - begin);
    begin = end;
  }
}

template <Scalar T>
void fill_random(const DistMatrix<T>& a, RandomUse use, std::uint64_t seed, RandomRange range) {
  const ElementBits source(seed, use);
  const std::vector<Index> rows = a.local_rows();
  const std::vector<Index> cols = a.local_cols();
  for (Index j = 0; j < a.local_shape().cols; ++j) {
    for_each_consecutive(rows, [&](Index at, Index count) {
      fill_run(source, use, range, rows[static_cast<std::size_t>(at)], count,
               cols[static_cast<std::size_t>(j)], &a.part()(at, j), a.part().row_stride);
    });
  }
}

}  // namespace detail

/// A matrix whose element (i, j) depends on the seed, `use` and (i, j) alone: bitwise the same in
/// every layout, blocks, grid, and on any number of ranks. Single precision is the rounded double.
/// Complex: two independent numbers, each times range.scale.
///
/// Collective over `grid`; nothing is sent. Cost: one call of Philox for four consecutive rows.
template <Scalar T>
DistMatrix<T> random_matrix(const ProcessGrid& grid, Shape shape, Layout layout, RandomUse use,
                            std::uint64_t seed, RandomRange range,
                            const LayoutOptions& options = {}) {
  const mpi::Call call("random", shape, to_string(layout), grid.map(), use, seed, range.loc,
                       range.scale);
  return mpi::throw_together(grid.comm(), call, [&] {
    auto a = DistMatrix<T>::allocate(grid, Distribution(grid.map(), shape, layout, options), false);
    detail::fill_random(a, use, seed, range);
    return a;
  });
}

/// Independent normal numbers with this mean and standard deviation. Complex ones are circular: E
/// |z - loc|^2 = scale^2, each part has the variance scale^2 / 2. See random_matrix.
template <Scalar T>
DistMatrix<T> random_normal(const ProcessGrid& grid, Shape shape, Layout layout,
                            std::uint64_t seed = 0, double loc = 0, double scale = 1,
                            const LayoutOptions& options = {}) {
  if constexpr (is_complex<T>) scale /= std::numbers::sqrt2;
  return random_matrix<T>(grid, shape, layout, RandomUse::normal, seed, {loc, scale}, options);
}

/// Independent numbers, uniform on [low, high), also each part of complex ones. See random_matrix.
template <Scalar T>
DistMatrix<T> random_uniform(const ProcessGrid& grid, Shape shape, Layout layout,
                             std::uint64_t seed = 0, double low = 0, double high = 1,
                             const LayoutOptions& options = {}) {
  return random_matrix<T>(grid, shape, layout, RandomUse::uniform, seed, {low, high - low},
                          options);
}

/// Independent signs: -1 or 1 with equal probability. See random_matrix.
template <Scalar T>
  requires(!is_complex<T>)
DistMatrix<T> random_signs(const ProcessGrid& grid, Shape shape, Layout layout,
                           std::uint64_t seed = 0, const LayoutOptions& options = {}) {
  return random_matrix<T>(grid, shape, layout, RandomUse::sign, seed, {}, options);
}

}  // namespace matrass

#ifdef MATRASS_LINKED
namespace matrass::detail {
#define MATRASS_EXTERN(T) \
  extern template void fill_random<T>(const DistMatrix<T>&, RandomUse, std::uint64_t, RandomRange);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
}  // namespace matrass::detail
#endif
