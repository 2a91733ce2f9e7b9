// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Passes over one rank's rows of a tall matrix that end in small sums: A^H A, A^H B, and the same
/// of A R^-1. Next: algorithm/cholesky_qr.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/local_rows.hpp>
#include <matrass/mpi/collectives.hpp>
#include <matrass/scalapack/blas.hpp>
#include <span>
#include <vector>

namespace matrass::detail {

/// Rows [begin, begin + count) of an unshifted `a` in double precision, column-major.
template <Scalar T>
void widen_rows(const LocalRows<T>& a, Index begin, Index count, Wide<T>* out, Index ld) {
  if (a.row_stride == 1) {
    for (Index j = 0; j < a.n; ++j) {
      const T* from = a.row(begin) + j * a.col_stride;
      Wide<T>* to = out + j * ld;
      for (Index i = 0; i < count; ++i) to[i] = static_cast<Wide<T>>(from[i]);
    }
    return;
  }
  constexpr Index strip = 8;  // rows that are read side by side: a line of the result at a time
  for (Index first = 0; first < count; first += strip) {
    const Index rows = std::min(strip, count - first);
    const T* from = a.row(begin + first);
    for (Index j = 0; j < a.n; ++j) {
      Wide<T>* to = out + first + j * ld;
      for (Index i = 0; i < rows; ++i) {
        to[i] = static_cast<Wide<T>>(from[i * a.row_stride + j * a.col_stride]);
      }
    }
  }
}

/// Rows of a panel: enough to fill BLAS's own blocks, few enough to stay in cache.
inline Index panel_rows(Index n) {
  constexpr Index elements = 65536;
  constexpr Index fewest = 256;
  constexpr Index most = 512;
  return std::clamp(elements / std::max<Index>(n, 1), fewest, most);
}

/// A panel of rows as BLAS takes it: column-major in double precision.
template <class N>
struct Panel {
  const N* data;
  int ld;
  int rows;
};

/// Calls f(begin, panel) for the panels of `rows` rows of A: where they are if they are
/// column-major in double precision, else copied. Local; one pass.
template <Scalar T, class F>
void for_each_panel(const LocalRows<T>& a, Index rows, F&& f) {
  constexpr bool is_wide = std::same_as<T, Wide<T>>;
  const bool in_place = is_wide && a.row_stride == 1 && a.col_stride >= a.m;
  const Index pad = rows + 8;  // a power of two would map the columns to few sets of the cache
  const int ld = narrow(in_place ? std::max<Index>(a.col_stride, 1) : pad, "leading dimension");
  std::vector<Wide<T>> copy(static_cast<std::size_t>(in_place ? 0 : pad * a.n));
  for (Index begin = 0; begin < a.m; begin += rows) {
    const Index count = std::min(rows, a.m - begin);
    const Wide<T>* data = copy.data();
    if constexpr (is_wide) {
      if (in_place) data = a.row(begin);
    }
    if (!in_place) widen_rows(a, begin, count, copy.data(), pad);
    f(begin, Panel<Wide<T>>{data, ld, static_cast<int>(count)});
  }
}

/// Sums over rows. `gram` has its upper triangle only.
template <class N>
struct TallSums {
  Small<N> gram;                ///< A^H A, n x n
  Small<N> cross;               ///< A^H B, n x k
  std::vector<double> squares;  ///< ||b_j||^2

  TallSums() = default;
  TallSums(Index n, Index k) : gram(n, n), cross(n, k), squares(static_cast<std::size_t>(k)) {}

  void add(const Panel<N>& a, const Panel<N>& b) {
    const int n = static_cast<int>(gram.cols);
    const int k = static_cast<int>(cross.cols);
    blas::herk('U', 'C', n, a.rows, a.data, a.ld, 1.0, gram.data.data(), gram.ld());
    if (k == 0) return;
    blas::gemm('C', 'N', n, k, a.rows, N{1}, a.data, a.ld, b.data, b.ld, N{1}, cross.data.data(),
               cross.ld());
    for (int j = 0; j < k; ++j) {
      const N* column = b.data + static_cast<Index>(j) * b.ld;
      for (int i = 0; i < b.rows; ++i) squares[static_cast<std::size_t>(j)] += std::norm(column[i]);
    }
  }
};

/// Sums `values` over ranks; the result is rank 0's alone. Collective.
template <class N>
void sum_on_root(const mpi::Communicator& comm, std::span<N> values) {
  mpi::detail::in_pieces(static_cast<Index>(values.size()), [&](Index at, int count) {
    N* piece = values.data() + at;
    const void* source = comm.rank() == 0 ? MPI_IN_PLACE : piece;
    mpi::check(MPI_Reduce(source, piece, count, mpi::datatype<N>(), MPI_SUM, 0, comm.own()),
               "MPI_Reduce");
  });
}

template <class N>
void sum_on_root(const mpi::Communicator& comm, TallSums<N>& sums) {
  sum_on_root(comm, sums.gram.span());
  sum_on_root(comm, sums.cross.span());
  sum_on_root(comm, std::span<double>(sums.squares));
}

/// The panel of B (m rows, k columns; k may be 0) that goes with a panel of A.
template <Scalar T>
class Companion {
 public:
  Companion(const LocalRows<T>& b, Index rows)
      : b_(b), ld_(rows + 8), copy_(static_cast<std::size_t>(ld_ * b.n)) {}

  Panel<Wide<T>> at(Index begin, int rows) {
    widen_rows(b_, begin, rows, copy_.data(), ld_);
    return {copy_.data(), static_cast<int>(ld_), rows};
  }

 private:
  LocalRows<T> b_;
  Index ld_;
  std::vector<Wide<T>> copy_;
};

/// A^H A, A^H B and the squares of B's columns, of this rank's rows, in double precision. Local;
/// one pass. Cost: m n (n + 2 k) flops.
template <Scalar T>
TallSums<Wide<T>> tall_sums(const LocalRows<T>& a, const LocalRows<T>& b) {
  narrow(a.n, "columns");
  narrow(b.n, "right-hand sides");
  const Index rows = panel_rows(a.n);
  TallSums<Wide<T>> sums(a.n, b.n);
  Companion<T> right(b, rows);
  for_each_panel(a, rows, [&](Index begin, const Panel<Wide<T>>& panel) {
    sums.add(panel, right.at(begin, panel.rows));
  });
  return sums;
}

/// Calls f(begin, X) for panels of X = A R^-1, which f may change. Local; one pass, m n^2 flops.
/// The solve, unlike a product with R^-1, leaves X R = A to rounding.
template <Scalar T, class F>
void for_each_solved_panel(const LocalRows<T>& a, const Small<Wide<T>>& r, F&& f) {
  const Index rows = panel_rows(a.n);
  const Index ld = rows + 8;
  std::vector<Wide<T>> x(static_cast<std::size_t>(ld * a.n));
  for (Index begin = 0; begin < a.m; begin += rows) {
    const Index count = std::min(rows, a.m - begin);
    widen_rows(a, begin, count, x.data(), ld);
    trsm('R', 'U', 'N', 'N', static_cast<int>(count), static_cast<int>(a.n), r.data.data(), r.ld(),
         x.data(), static_cast<int>(ld));
    f(begin, x.data(), static_cast<int>(ld), static_cast<int>(count));
  }
}

/// The sums of X = A R^-1 instead of A. X is kept in `q` (m x n) where that has data. Local; one
/// pass. Cost: 2 m n (n + k) flops.
template <Scalar T>
TallSums<Wide<T>> solved_sums(const LocalRows<T>& a, const Small<Wide<T>>& r, const LocalRows<T>& b,
                              const LocalPart<T>& q) {
  TallSums<Wide<T>> sums(a.n, b.n);
  Companion<T> right(b, panel_rows(a.n));
  for_each_solved_panel(a, r, [&](Index begin, const Wide<T>* x, int ld, int rows) {
    sums.add({x, ld, rows}, right.at(begin, rows));
    if (q.data == nullptr) return;
    for (Index j = 0; j < a.n; ++j) {
      for (Index i = 0; i < rows; ++i) q(begin + i, j) = static_cast<T>(x[i + j * ld]);
    }
  });
  return sums;
}

/// Q <- Q R^-1. Local; one pass, m n^2 flops.
template <Scalar T>
void solve_rows(const LocalPart<T>& q, const Small<Wide<T>>& r) {
  for_each_solved_panel(local_rows(q), r, [&](Index begin, const Wide<T>* x, int ld, int rows) {
    for (Index j = 0; j < q.shape.cols; ++j) {
      for (Index i = 0; i < rows; ++i) q(begin + i, j) = static_cast<T>(x[i + j * ld]);
    }
  });
}

/// This rank's part of G = A^H (B - A X) and of ||b_j - A x_j||^2, the difference formed before it
/// is multiplied. Local; one pass over A and B, 4 m n k flops.
template <Scalar T>
TallSums<Wide<T>> residual_sums(const LocalRows<T>& a, const LocalRows<T>& b,
                                const Small<Wide<T>>& x) {
  using N = Wide<T>;
  const Index rows = panel_rows(a.n);
  TallSums<N> sums(0, b.n);
  sums.cross = Small<N>(a.n, b.n);
  const Index ld = rows + 8;
  const int k = static_cast<int>(b.n);
  const int n = static_cast<int>(a.n);
  std::vector<N> difference(static_cast<std::size_t>(ld * b.n));
  for_each_panel(a, rows, [&](Index begin, const Panel<N>& panel) {
    widen_rows(b, begin, panel.rows, difference.data(), ld);
    if (n > 0 && k > 0) {
      blas::gemm('N', 'N', panel.rows, k, n, N{-1}, panel.data, panel.ld, x.data.data(), x.ld(),
                 N{1}, difference.data(), static_cast<int>(ld));
      blas::gemm('C', 'N', n, k, panel.rows, N{1}, panel.data, panel.ld, difference.data(),
                 static_cast<int>(ld), N{1}, sums.cross.data.data(), sums.cross.ld());
    }
    for (Index j = 0; j < b.n; ++j) {
      for (Index i = 0; i < panel.rows; ++i) {
        sums.squares[static_cast<std::size_t>(j)] +=
            std::norm(difference[static_cast<std::size_t>(i + j * ld)]);
      }
    }
  });
  return sums;
}

}  // namespace matrass::detail
