// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The products of sparse rows with row-major blocks, which sparse_kernel.hpp includes once for
/// each instruction set. Next: sparse/sparse_rows.hpp
//
// Included several times, so without an include guard, inside a namespace and a target region, with
//   MATRASS_VECTOR_BYTES  bytes of a vector register

template <class R, int N>
struct VectorOf {
  using type [[gnu::vector_size(N * sizeof(R)), gnu::may_alias]] = R;
};
template <class R>
struct VectorOf<R, 1> {
  using type = R;
};

/// x += value * v for N numbers, a power of two or a multiple of a line.
template <class R, int N>
struct Numbers {
  static constexpr int most = MATRASS_VECTOR_BYTES / static_cast<int>(sizeof(R));
  static constexpr int lanes = N < most ? N : most;
  static constexpr int count = N / lanes;
  using V = typename VectorOf<R, lanes>::type;
  V x[count];

  void clear() {
#pragma GCC unroll 8
    for (int c = 0; c < count; ++c) x[c] = V{};
  }
  void add(R value, const R* v) {
#pragma GCC unroll 8
    for (int c = 0; c < count; ++c) x[c] += *reinterpret_cast<const V*>(v + c * lanes) * value;
  }
  void store(R* to) const {
#pragma GCC unroll 8
    for (int c = 0; c < count; ++c) *reinterpret_cast<V*>(to + c * lanes) = x[c];
  }
  void load(const R* from) {
#pragma GCC unroll 8
    for (int c = 0; c < count; ++c) x[c] = *reinterpret_cast<const V*>(from + c * lanes);
  }
  /// to += value * x
  void add_to(R* to, R value) const {
#pragma GCC unroll 8
    for (int c = 0; c < count; ++c) *reinterpret_cast<V*>(to + c * lanes) += x[c] * value;
  }
};

/// Real numbers at(j), or pairs of them; N numbers of a row of V, Y and W at a time.
template <class R, bool Pairs, int N, bool Forward, bool Adjoint>
void sweep(const SparseSweep<R>& p, Index column) {
  constexpr Index ahead = 16;  // entries: about the latency of the cache behind the nearest
  constexpr int line = 64;
  constexpr int bytes = N * static_cast<int>(sizeof(R));
  const R* v = p.v + column;
  double* w = p.w + column;
  const Index last = p.starts[p.rows];
  for (Index i = 0; i < p.rows; ++i) {
    const Index begin = p.starts[i];
    const Index end = p.starts[i + 1];
    R* y = p.y + i * p.ldy + column;
    if constexpr (Forward) {
      Numbers<R, N> re;
      Numbers<R, N> im;
      re.clear();
      if constexpr (Pairs) im.clear();
      for (Index e = begin; e < end; ++e) {
        if constexpr (bytes >= line) {
          const Index next = e + ahead < last ? p.columns[e + ahead] : 0;
#pragma GCC unroll 8
          for (int at = 0; at < bytes; at += line) {
            __builtin_prefetch(reinterpret_cast<const char*>(v + next * p.ld) + at, 0, 3);
          }
        }
        const R* row = v + p.columns[e] * p.ld;
        if constexpr (Pairs) {
          re.add(p.values[2 * e], row);
          im.add(p.values[2 * e + 1], row);
        } else {
          re.add(p.values[e], row);
        }
      }
      if constexpr (Pairs) {
        alignas(64) R turned[N];
        re.store(y);
        im.store(turned);
        for (int c = 0; c < N; c += 2) {
          y[c] -= p.sign * turned[c + 1];
          y[c + 1] += p.sign * turned[c];
        }
      } else {
        re.store(y);
      }
    }
    if constexpr (Adjoint) {
      alignas(64) double straight[N];
      alignas(64) double turned[N];
      for (int c = 0; c < N; ++c) straight[c] = static_cast<double>(y[c]);
      Numbers<double, N> re;
      Numbers<double, N> im;
      re.load(straight);
      if constexpr (Pairs) {
        // conj(a) y = re(a) y + im(a) (-i y)
        for (int c = 0; c < N; c += 2) {
          turned[c] = p.sign * straight[c + 1];
          turned[c + 1] = -p.sign * straight[c];
        }
        im.load(turned);
      }
      for (Index e = begin; e < end; ++e) {
        double* row = w + p.columns[e] * p.ld;
        if constexpr (Pairs) {
          re.add_to(row, static_cast<double>(p.values[2 * e]));
          im.add_to(row, static_cast<double>(p.values[2 * e + 1]));
        } else {
          re.add_to(row, static_cast<double>(p.values[e]));
        }
      }
    }
  }
}

template <class R, bool Pairs, int N>
void sweep_as(const SparseSweep<R>& p, Index column) {
  if (p.forward && p.adjoint) return sweep<R, Pairs, N, true, true>(p, column);
  if (p.forward) return sweep<R, Pairs, N, true, false>(p, column);
  sweep<R, Pairs, N, false, true>(p, column);
}

/// Less than a line: 1, 2, 4 or 8 numbers.
template <class R, bool Pairs, int N = 1>
void sweep_few(const SparseSweep<R>& p) {
  if constexpr (N * sizeof(R) < 64) {
    if constexpr (N > 1 || !Pairs) {
      if (p.width == N) return sweep_as<R, Pairs, N>(p, 0);
    }
    sweep_few<R, Pairs, 2 * N>(p);
  }
}

/// y = A v for as many lines at a time as registers hold, so that entries are read once.
template <class R, int Lines = 8 * MATRASS_VECTOR_BYTES / 64>
void sweep_forward(const SparseSweep<R>& p, Index column, Index lines) {
  constexpr int least = 64 / static_cast<int>(sizeof(R));
  if constexpr (Lines > 1) {
    if (lines < Lines) return sweep_forward<R, Lines - 1>(p, column, lines);
  }
  sweep<R, false, Lines * least, true, false>(p, column);
  if (lines > Lines) sweep_forward<R>(p, column + Lines * least, lines - Lines);
}

template <class R, bool Pairs>
void sweep_columns(const SparseSweep<R>& p) {
  constexpr Index least = 64 / static_cast<Index>(sizeof(R));  // one line
  if (p.width > 0 && p.width < least) return sweep_few<R, Pairs>(p);
  if (!Pairs && !p.adjoint && p.width > 0) return sweep_forward<R>(p, 0, p.width / least);
  for (Index column = 0; column < p.width;) {
    const Index left = p.width - column;
    if (left >= 2 * least) {
      sweep_as<R, Pairs, 2 * least>(p, column);
      column += 2 * least;
    } else {
      sweep_as<R, Pairs, least>(p, column);
      column += least;
    }
  }
}

/// See SparseSweep.
template <class R>
void run(const SparseSweep<R>& p) {
  if (p.pairs) {
    sweep_columns<R, true>(p);
  } else {
    sweep_columns<R, false>(p);
  }
}

/// best[i] = the first c that has the least scores[i * width + c] + bias[c]. Rows are aligned to 64
/// bytes, and whole lines long.
template <class R>
void nearest_in_rows(const R* scores, Index rows, Index width, const R* bias, std::int32_t* best) {
  using Integer = std::conditional_t<sizeof(R) == 8, std::int64_t, std::int32_t>;
  constexpr int lanes = MATRASS_VECTOR_BYTES / static_cast<int>(sizeof(R));
  using V = typename VectorOf<R, lanes>::type;
  using I [[gnu::vector_size(MATRASS_VECTOR_BYTES)]] = Integer;
  I first{};
  for (int lane = 0; lane < lanes; ++lane) first[lane] = lane;
  for (Index i = 0; i < rows; ++i) {
    V least = V{} + std::numeric_limits<R>::infinity();
    I index = first;
    I at = first;
    for (Index c = 0; c < width; c += lanes) {
      const V score = *reinterpret_cast<const V*>(scores + i * width + c) +
                      *reinterpret_cast<const V*>(bias + c);
      const I less = score < least;
      least = less ? score : least;
      index = less ? at : index;
      at += lanes;
    }
    for (int apart = lanes / 2; apart > 0; apart /= 2) {  // lanes against lanes
      const I from = (first + apart) & (lanes - 1);
      const V other = __builtin_shuffle(least, from);
      const I place = __builtin_shuffle(index, from);
      const I better = (other < least) | ((other == least) & (place < index));
      least = better ? other : least;
      index = better ? place : index;
    }
    best[i] = static_cast<std::int32_t>(index[0]);
  }
}
