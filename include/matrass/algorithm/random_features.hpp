// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Random Fourier features: columns whose scalar products approach a Gaussian kernel.
/// Next: examples/python/kernel_ridge.py
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <matrass/algorithm/counter_uniform.hpp>
#include <matrass/algorithm/kmeans_rows.hpp>
#include <matrass/core/shown.hpp>
#include <numbers>
#include <string>
#include <vector>

namespace matrass {

namespace detail {

namespace portable {
#define MATRASS_VECTOR_BYTES 16
#include <matrass/algorithm/cosine_kernel.inc.hpp>
#undef MATRASS_VECTOR_BYTES
}  // namespace portable

#ifdef MATRASS_X86_CLUSTER_KERNELS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#define MATRASS_VECTOR_BYTES 32
#include <matrass/algorithm/cosine_kernel.inc.hpp>
#undef MATRASS_VECTOR_BYTES
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
namespace avx512 {
#define MATRASS_VECTOR_BYTES 64
#include <matrass/algorithm/cosine_kernel.inc.hpp>
#undef MATRASS_VECTOR_BYTES
}  // namespace avx512
#pragma GCC pop_options
#endif

using Cosines = void (*)(const double*, Index, double, double*);

/// The best one of this processor.
inline Cosines best_cosines() {
  static const Cosines best = []() -> Cosines {
#ifdef MATRASS_X86_CLUSTER_KERNELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
      return avx512::cosines;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::cosines;
#endif
    return portable::cosines;
  }();
  return best;
}

/// out[i] = factor cos(x[i]) for the rows of a panel. @throws InvalidArgument where x overflowed
template <std::floating_point T>
void panel_cosines(const T* x, double factor, std::array<double, packed_rows>& out) {
  std::array<double, packed_rows> wide{};
  double largest = 0;
  for (std::size_t i = 0; i < wide.size(); ++i) {
    wide[i] = static_cast<double>(x[i]);
    if (!std::isfinite(wide[i])) {
      throw InvalidArgument(
          "random_features: a_i w_f must not overflow: got infinity (scale A, or take a smaller "
          "gamma)");
    }
    largest = std::max(largest, std::abs(wide[i]));
  }
  if (largest < 0x1p19) {
    best_cosines()(wide.data(), packed_rows, factor, out.data());
    return;
  }
  for (std::size_t i = 0; i < wide.size(); ++i) out[i] = factor * std::cos(wide[i]);
}

/// Some consecutive features: frequencies w_f ~ N(0, 2 gamma I) and phases b_f in (0, 2 pi).
template <std::floating_point T>
struct Frequencies {
  Aligned<T> w;  ///< a row for each feature
  Aligned<T> phase;

  Frequencies(Index d, Index count, Index first, double gamma, std::uint64_t seed)
      : w(d * count), phase(count) {
    const double width = std::sqrt(2 * gamma);
    for (Index f = 0; f < count; ++f) {
      for (Index j = 0; j < d; ++j) {
        w.get()[f * d + j] = static_cast<T>(width * counter_normal(seed, j, first + f));
      }
      phase.get()[f] = static_cast<T>(2 * std::numbers::pi * counter_uniform(seed, first + f, 1));
    }
  }
};

}  // namespace detail

struct RandomFeaturesOptions {
  std::uint64_t seed = 0;
  Index first = 0;  ///< of `total` features, those from this one on
  Index total = 0;  ///< 0: first + n
};

namespace detail {

/// This rank's rows. Local. @param out m_local x n
template <std::floating_point T>
void fill_features(const KMeansRows<T>& rows, const LocalPart<T>& out, double gamma,
                   const RandomFeaturesOptions& o, Index total) {
  constexpr Index most = 64;  // features at a time: a panel and their frequencies stay in cache
  const double factor = std::sqrt(2 / static_cast<double>(total));
  const Aligned<T> angles(most * packed_rows);
  std::array<double, packed_rows> values{};
  for (Index begin = 0; begin < out.shape.cols; begin += most) {
    const Index count = std::min(most, out.shape.cols - begin);
    const Frequencies<T> some(rows.n(), count, o.first + begin, gamma, o.seed);
    rows.for_each_panel([&](const T* panel, Index row, Index height) {
      for (Index f = 0; f < count; ++f) {
        std::fill_n(angles.get() + f * packed_rows, packed_rows, some.phase.get()[f]);
      }
      PanelProduct<T> product{.rows = count, .depth = rows.n(), .width = packed_rows};
      product.a = some.w.get();
      product.sr = rows.n();
      product.b = panel;
      product.ldb = packed_rows;
      product.c = angles.get();
      product.ldc = packed_rows;
      product.accumulate = true;
      panel_kernel<T>().product(product);
      for (Index f = 0; f < count; ++f) {
        panel_cosines(angles.get() + f * packed_rows, factor, values);
        for (Index i = 0; i < height; ++i) {
          out(row + i, begin + f) = static_cast<T>(values[static_cast<std::size_t>(i)]);
        }
      }
    });
  }
}

template <std::floating_point T>
DistMatrix<T> random_features_of(const DistMatrix<T>& a, Index n, double gamma,
                                 const RandomFeaturesOptions& o) {
  const mpi::Call call("random_features", a.distribution(), n, gamma, o.seed, o.first, o.total);
  const Index total = o.total > 0 ? o.total : o.first + n;
  mpi::throw_together(a.grid().comm(), call, [&] {
    if (n < 0 || o.first < 0 || o.total < 0) {
      throw InvalidArgument("random_features: n, first and total must not be negative: got " +
                            std::to_string(n) + ", " + std::to_string(o.first) + ", " +
                            std::to_string(o.total));
    }
    if (o.first > total - n) {
      throw InvalidArgument("random_features: first + n must be at most total: got " +
                            std::to_string(o.first) + " + " + std::to_string(n) + " and " +
                            std::to_string(total));
    }
    if (!std::isfinite(gamma) || gamma <= 0) {
      throw InvalidArgument("random_features: gamma must be positive and finite: got " +
                            shown(gamma));
    }
  });
  require_finite(a, "random_features", "A");
  const DistMatrix<T> dealt = a.layout() == VC_STAR ? a : redistribute(a, VC_STAR);
  return mpi::throw_together(a.grid().comm(), [&] {
    const TallView<T> view{dealt, false};
    const KMeansRows<T> rows(view.local(), dealt.local_rows(), dealt.shape().rows, a.grid().comm());
    DistMatrix<T> result =
        DistMatrix<T>::allocate(a.grid(), beside(dealt.distribution(), n), false);
    fill_features(rows, result.part(), gamma, o, total);
    return result;
  });
}

}  // namespace detail

/// Z with Z(i, f) = sqrt(2 / n) cos(a_i w_f + b_f): the expectation of z_i z_j^T is the Gaussian
/// kernel exp(-gamma ||a_i - a_j||^2), its deviation about 1 / sqrt(n).
///
/// Shapes: a m x d, real, in any layout; Z m x n in [VC,STAR], rows where a's are if a is so dealt.
/// w_f ~ N(0, 2 gamma I) and b_f ~ U(0, 2 pi) depend on the seed and f alone, and Z is the same,
/// bit by bit, for any number of ranks. With `first` and `total` Z is columns [first, first + n) of
/// that with `total` features: a Z that is too large is made and used block by block.
///
/// Collective over a's grid; nothing is sent but where a has to be redistributed. Cost: 2 m d n / p
/// flops and m n / p cosines; n / 64 passes over A. Memory: the result.
///
/// @throws InvalidArgument on all ranks, before anything is done; NaN or infinity too.
///
/// Source: Rahimi and Recht, "Random features for large-scale kernel machines" (2007).
template <DistMatrixLike A>
  requires std::floating_point<typename A::value_type>
DistMatrix<typename A::value_type> random_features(const A& a, Index n, double gamma,
                                                   const RandomFeaturesOptions& options = {}) {
  return detail::random_features_of(to_dynamic(a), n, gamma, options);
}

#ifdef MATRASS_LINKED
extern template DistMatrix<float> detail::random_features_of<float>(const DistMatrix<float>&, Index,
                                                                    double,
                                                                    const RandomFeaturesOptions&);
extern template DistMatrix<double> detail::random_features_of<double>(const DistMatrix<double>&,
                                                                      Index, double,
                                                                      const RandomFeaturesOptions&);
#endif

}  // namespace matrass
