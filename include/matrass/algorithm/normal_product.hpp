// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The fused product of a tall matrix: Y = A V and W = A^H Y in one pass over A.
/// Next: algorithm/tsqr.hpp
#pragma once

#include <algorithm>
#include <matrass/algorithm/local_rows.hpp>
#include <matrass/algorithm/panel_kernel.hpp>
#include <memory>
#include <new>
#include <vector>

namespace matrass::detail {

/// What a pass computes: Y = A V; W = A^H Y of a Y that is there; or both.
enum class Pass { forward, adjoint, both };

/// Scratch memory, aligned to 64 bytes, zero at first.
template <class T>
class Aligned {
 public:
  explicit Aligned(Index size)
      : data_(static_cast<T*>(::operator new(
            static_cast<std::size_t>(std::max<Index>(size, 1)) * sizeof(T), alignment))) {
    std::uninitialized_fill_n(data_.get(), size, T{});
  }
  T* get() const { return data_.get(); }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(T* at) const { ::operator delete(at, alignment); }
  };
  std::unique_ptr<T, Free> data_;
};

/// How a pass walks over A: in panels of a few rows, so that a panel is still in cache when the
/// second product reads it again.
template <Scalar T>
struct PanelWalk {
  Index rows;   ///< of a panel
  bool packed;  ///< panels are copied first: to apply a shift, or for strides that share cache sets
  bool along_columns;  ///< the packed panel is column-major
};

template <Scalar T>
PanelWalk<T> panel_walk(const LocalRows<T>& a) {
  if constexpr (is_complex<T>) return {64, true, false};
  const bool column_major = a.row_stride <= a.col_stride;
  // 48 rows of a column are six lines: fewer waste what the memory fetches in pairs of lines.
  const Index rows = column_major ? 48 : 24;
  const Index line_step = std::max(a.row_stride, a.col_stride) * static_cast<Index>(sizeof(T)) / 64;
  const bool one_set = line_step % 64 == 0 && line_step > 0;
  const bool unit = a.row_stride == 1 || a.col_stride == 1;
  return {rows, a.shifted() || one_set || !unit, column_major};
}

/// One panel's two products for real scalars.
template <std::floating_point T>
void panel_products(const PanelKernel<T>& kernel, Pass pass, PanelProduct<T> p, T* w, Index ldw,
                    const T* v) {
  if (pass != Pass::adjoint) {
    p.share = pass == Pass::both ? Share::first_half : Share::all;
    PanelProduct<T> forward = p;
    forward.b = v;
    forward.ldb = ldw;
    kernel.product(forward);
  }
  if (pass != Pass::forward) {
    PanelProduct<T> adjoint = p;
    adjoint.share = pass == Pass::both ? Share::second_half : Share::all;
    std::swap(adjoint.rows, adjoint.depth);
    std::swap(adjoint.sr, adjoint.sk);
    adjoint.b = p.c;
    adjoint.ldb = p.ldc;
    adjoint.c = w;
    adjoint.ldc = ldw;
    adjoint.accumulate = true;
    kernel.product(adjoint);
  }
}

/// The same for complex scalars by BLAS, on a packed row-major panel: everything is seen transposed
/// (V^T, Y^T, W^T column-major), so that A^H needs no copy.
template <Scalar T>
void panel_products(Pass pass, int rows, int n, int width, const T* panel, const T* v, T* y,
                    int ldy, T* w, int ldw) {
  if (pass != Pass::adjoint) {
    gemm('N', 'N', width, rows, n, T{1}, v, ldw, panel, n, T{0}, y, ldy);
  }
  if (pass != Pass::forward) {
    gemm('N', 'C', width, n, rows, T{1}, y, ldy, panel, n, T{1}, w, ldw);
  }
}

/// W in single precision is emptied into double precision after this many rows, so that its error
/// does not grow with the number of rows.
inline constexpr Index rows_between_sums = 512;

/// Local part of Y = A V and/or W = A^H Y, over this rank's rows only: W is to be summed over
/// ranks.
///
/// Shapes: A m x n (m local rows), v and w n x b with ld = n in double precision, y m x b
/// (row-major, padded). Local. Cost: 2 m n b flops a product and ONE pass over A for both.
/// @param v read unless `pass` is adjoint   @param w overwritten unless `pass` is forward
template <Scalar T>
void normal_product(const LocalRows<T>& a, Pass pass, const Small<Wide<T>>& v,
                    const typename TallBlocks<T>::Block& y, Small<Wide<T>>& w,
                    const PanelKernel<Real<T>>& kernel = panel_kernel<Real<T>>()) {
  const Index ld = y.padded;
  const PanelWalk<T> walk = panel_walk(a);
  Aligned<T> v_rows(pass == Pass::adjoint ? 0 : a.n * ld);
  Aligned<T> w_rows(pass == Pass::forward ? 0 : a.n * ld);
  Aligned<T> panel(walk.packed ? walk.rows * a.n : 0);
  if (pass != Pass::adjoint) {
    for (Index c = 0; c < y.width; ++c) {
      for (Index j = 0; j < a.n; ++j) v_rows.get()[j * ld + c] = static_cast<T>(v(j, c));
    }
  }
  if (pass != Pass::forward) w = Small<Wide<T>>(a.n, y.width);
  const auto empty_sums = [&] {
    for (Index c = 0; c < y.width; ++c) {
      for (Index j = 0; j < a.n; ++j) {
        w(j, c) += static_cast<Wide<T>>(w_rows.get()[j * ld + c]);
        w_rows.get()[j * ld + c] = T{0};
      }
    }
  };
  Index since_sums = 0;
  for (Index begin = 0; begin < a.m; begin += walk.rows) {
    const Index rows = std::min(walk.rows, a.m - begin);
    T* y_panel = y.data + begin * y.ld;
    if (walk.packed) {
      const bool by_columns = walk.along_columns && !is_complex<T>;
      copy_rows(a, begin, rows, panel.get(), by_columns ? 1 : a.n, by_columns ? rows : 1);
    }
    if constexpr (is_complex<T>) {
      panel_products(pass, static_cast<int>(rows), narrow(a.n, "normal_product: columns"),
                     static_cast<int>(ld), panel.get(), v_rows.get(), y_panel,
                     static_cast<int>(y.ld), w_rows.get(), static_cast<int>(ld));
    } else {
      PanelProduct<T> p{.rows = rows, .depth = a.n, .width = y.padded, .c = y_panel, .ldc = y.ld};
      if (walk.packed) {
        p.a = panel.get();
        p.sr = walk.along_columns ? 1 : a.n;
        p.sk = walk.along_columns ? rows : 1;
      } else {
        p.a = a.row(begin);
        p.sr = a.row_stride;
        p.sk = a.col_stride;
      }
      const bool whole_panel_follows = begin + 2 * walk.rows <= a.m;
      const bool lies_alike = p.sr == a.row_stride && p.sk == a.col_stride;
      p.next = whole_panel_follows && lies_alike ? a.row(begin + walk.rows) : nullptr;
      panel_products(kernel, pass, p, w_rows.get(), ld, v_rows.get());
    }
    since_sums += rows;
    if (std::same_as<Real<T>, float> && since_sums >= rows_between_sums && pass != Pass::forward) {
      empty_sums();
      since_sums = 0;
    }
  }
  if (pass != Pass::forward) empty_sums();
}

#ifdef MATRASS_LINKED
extern template std::vector<PanelKernel<float>> panel_kernels<float>();
extern template std::vector<PanelKernel<double>> panel_kernels<double>();
#define MATRASS_EXTERN(T)                                                                  \
  extern template void normal_product<T>(const LocalRows<T>&, Pass, const Small<Wide<T>>&, \
                                         const TallBlocks<T>::Block&, Small<Wide<T>>&,     \
                                         const PanelKernel<Real<T>>&);
MATRASS_EXTERN(float)
MATRASS_EXTERN(double)
MATRASS_EXTERN(std::complex<float>)
MATRASS_EXTERN(std::complex<double>)
#undef MATRASS_EXTERN
#endif

}  // namespace matrass::detail
