// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The register-tiled kernel itself, which panel_kernel.hpp includes once for each instruction set.
/// Next: algorithm/normal_product.hpp
//
// Included several times, so without an include guard, inside a namespace and a target region, with
//   MATRASS_VECTOR_BYTES  bytes of a vector register
//   MATRASS_ACCUMULATORS  registers that a tile may keep its sums in

template <class T>
struct VectorOf {
  using type [[gnu::vector_size(MATRASS_VECTOR_BYTES), gnu::may_alias]] = T;
};
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
inline constexpr int lanes = MATRASS_VECTOR_BYTES / static_cast<int>(sizeof(T));

/// c(r, :) += sum_k a(r, k) b(k, :) for R rows and C vectors: all sums stay in registers, each a(r,
/// k) is broadcast once. `Fetch`: 0 no prefetch; 1 the piece is contiguous along r; 2 along k.
template <class T, int R, int C, int Fetch>
void tile(const T* a, Index sr, Index sk, const T* b, Index ldb, T* c, Index ldc, Index depth,
          bool accumulate, const T* next, int lines) {
  using V = Vector<T>;
  constexpr int L = lanes<T>;
  constexpr int line = 64 / static_cast<int>(sizeof(T));
  V sum[R][C];
#pragma GCC unroll 24
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) {
      sum[r][v] = accumulate ? *reinterpret_cast<const V*>(c + r * ldc + v * L) : V{};
    }
  }
  // Rows in groups of eight, reached from few registers: sr times 0, 1, 2, 3, 4, 5, 2*3, 7.
  const Index s3 = 3 * sr;
  const Index s5 = 5 * sr;
  const Index s7 = 7 * sr;
  const T* a8 = a + 8 * sr;
  const T* a16 = a + 16 * sr;
  for (Index k = 0; k < depth; ++k) {
    V row[C];
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) row[v] = *reinterpret_cast<const V*>(b + v * L);
#pragma GCC unroll 24
    for (int r = 0; r < R; ++r) {
      const T* base = r < 8 ? a : r < 16 ? a8 : a16;
      const int q = r % 8;
      const T x = q == 0   ? base[0]
                  : q == 1 ? base[sr]
                  : q == 2 ? base[2 * sr]
                  : q == 3 ? base[s3]
                  : q == 4 ? base[4 * sr]
                  : q == 5 ? base[s5]
                  : q == 6 ? base[2 * s3]
                           : base[s7];
#pragma GCC unroll 4
      for (int v = 0; v < C; ++v) sum[r][v] += row[v] * x;
    }
    if constexpr (Fetch == 1) {
      for (int p = 0; p < lines; ++p) __builtin_prefetch(next + p * line, 0, 2);
      next += sk;
    }
    if constexpr (Fetch == 2) {
      const Index first = (k % line) * lines;
      for (int p = 0; p < lines; ++p) __builtin_prefetch(next + (first + p) * sr, 0, 2);
      next += sk;
    }
    a += sk;
    a8 += sk;
    a16 += sk;
    b += ldb;
  }
#pragma GCC unroll 24
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) *reinterpret_cast<V*>(c + r * ldc + v * L) = sum[r][v];
  }
}

/// The rows of one column of vectors: tiles of R rows, then smaller ones for what is left.
template <class T, int C>
void column(const PanelProduct<T>& p, const T* b, T* c, bool prefetch) {
  constexpr int R = MATRASS_ACCUMULATORS / C;
  constexpr int line = 64 / static_cast<int>(sizeof(T));
  Index r = 0;
  const auto go = [&]<int Rows> {
    for (; r + Rows <= p.rows; r += Rows) {
      tile<T, Rows, C, 0>(p.a + r * p.sr, p.sr, p.sk, b, p.ldb, c + r * p.ldc, p.ldc, p.depth,
                          p.accumulate, nullptr, 0);
    }
  };
  if (prefetch && p.next != nullptr && (p.sr == 1 || p.sk == 1)) {
    const bool along_r = p.sr == 1;
    // The tile's own piece of the next panel, or one half of it.
    constexpr int half = R / 2 > 0 ? R / 2 : 1;
    const int part = p.share == Share::all ? R : half;
    const Index from = p.share == Share::second_half ? half : 0;
    const int lines = (part + line - 1) / line;
    for (; r + R <= p.rows; r += R) {
      const T* a = p.a + r * p.sr;
      const T* next = p.next + (r + from) * p.sr;
      if (along_r) {
        tile<T, R, C, 1>(a, p.sr, p.sk, b, p.ldb, c + r * p.ldc, p.ldc, p.depth, p.accumulate, next,
                         lines);
      } else {
        tile<T, R, C, 2>(a, p.sr, p.sk, b, p.ldb, c + r * p.ldc, p.ldc, p.depth, p.accumulate, next,
                         lines);
      }
    }
  }
  go.template operator()<R>();
  if constexpr (R > 8) go.template operator()<8>();
  if constexpr (R > 4) go.template operator()<4>();
  if constexpr (R > 2) go.template operator()<2>();
  go.template operator()<1>();
}

/// See PanelProduct.
template <class T>
void product(const PanelProduct<T>& p) {
  Index vectors = (p.width + lanes<T> - 1) / lanes<T>;
  const T* b = p.b;
  T* c = p.c;
  bool first = true;  // the first column of vectors fetches the next panel
  while (vectors > 0) {
    // 5 = 3 + 2 rather than 4 + 1: narrow tiles are bound by loads.
    const Index take = vectors == 5 ? 3 : std::min<Index>(vectors, 4);
    switch (take) {
      case 1:
        column<T, 1>(p, b, c, first);
        break;
      case 2:
        column<T, 2>(p, b, c, first);
        break;
      case 3:
        column<T, 3>(p, b, c, first);
        break;
      default:
        column<T, 4>(p, b, c, first);
        break;
    }
    first = false;
    b += take * lanes<T>;
    c += take * lanes<T>;
    vectors -= take;
  }
}
