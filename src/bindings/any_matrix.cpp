// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Scalars by number and by name.
/// Next: bind_matrix.cpp
#include "any_matrix.hpp"

#include <array>

namespace matrass::bindings {

namespace {
constexpr std::array<const char*, 4> names{"float32", "float64", "complex64", "complex128"};
}  // namespace

const char* const scalar_names = "float32, float64, complex64 or complex128";

int scalar_code(const py::dtype& dtype) {
  // Byte order counts: an array of swapped bytes is no array of our scalars.
  if (dtype.attr("isnative").cast<bool>()) {
    const auto name = dtype.attr("name").cast<std::string>();
    for (std::size_t k = 0; k < names.size(); ++k) {
      if (name == names[k]) return static_cast<int>(k);
    }
  }
  return -1;
}

std::string scalar_name(int code) {
  return code < 0 ? "another dtype" : names[static_cast<std::size_t>(code)];
}

LayoutOptions layout_options(const std::optional<std::pair<Index, Index>>& block, int root) {
  LayoutOptions options;
  if (block) options.block = Block{block->first, block->second};
  options.anchor.root = root;
  return options;
}

}  // namespace matrass::bindings
