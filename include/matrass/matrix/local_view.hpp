// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// A local part as an xtensor view. Views are for users: kernels work on pointers and strides.
/// Next: matrix/create.hpp
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

// xtensor 0.26 moved its headers into folders.
#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/views/xstrided_view.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xstrided_view.hpp>
#endif

#include <matrass/matrix/dist_matrix.hpp>

namespace matrass {

/// A view on `part`: view(i, j) is its element (i, j). Owns nothing.
///
/// xtensor sets the stride of an axis of extent 1 to 0: leading dimensions are to be taken from the
/// part, never from the view.
template <class T>
auto local_view(const LocalPart<T>& part) {
  const std::array<std::size_t, 2> shape{static_cast<std::size_t>(part.shape.rows),
                                         static_cast<std::size_t>(part.shape.cols)};
  const std::array<std::ptrdiff_t, 2> strides{part.row_stride, part.col_stride};
  // xtensor 0.24 wants the number of elements here even where ld > rows.
  return xt::adapt(part.data, static_cast<std::size_t>(part.shape.size()), xt::no_ownership(),
                   shape, strides);
}

}  // namespace matrass
