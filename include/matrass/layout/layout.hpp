// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The names of the layouts: how each of the two axes of a matrix is dealt to a process grid.
/// Next: layout/place.hpp
#pragma once

#include <algorithm>
#include <array>
#include <matrass/core/error.hpp>
#include <string>
#include <string_view>

namespace matrass {

/// How one axis is dealt out over an r x c process grid (Elemental's names; paper 001, VI.B).
enum class Dist {
  MC,    ///< over the r processes of a grid column ("matrix column")
  MR,    ///< over the c processes of a grid row ("matrix row")
  MD,    ///< over the lcm(r, c) processes of one diagonal ("matrix diagonal")
  VC,    ///< over all r*c processes in column-major order ("vector column")
  VR,    ///< over all r*c processes in row-major order ("vector row")
  STAR,  ///< not dealt: every process has all of it
  CIRC,  ///< only one process, the root, has it
};

/// How both axes are dealt: `col` says how the indices *within a column* (that is, the rows) are
/// dealt, `row` how the indices within a row are. A structural type, so that it can be a template
/// argument: `DistMatrix<double, VC_STAR>`.
struct Layout {
  Dist col = Dist::MC;
  Dist row = Dist::MR;

  friend constexpr bool operator==(const Layout&, const Layout&) = default;
};

inline constexpr Layout MC_MR{Dist::MC, Dist::MR};
inline constexpr Layout MC_STAR{Dist::MC, Dist::STAR};
inline constexpr Layout MD_STAR{Dist::MD, Dist::STAR};
inline constexpr Layout MR_MC{Dist::MR, Dist::MC};
inline constexpr Layout MR_STAR{Dist::MR, Dist::STAR};
inline constexpr Layout STAR_MC{Dist::STAR, Dist::MC};
inline constexpr Layout STAR_MD{Dist::STAR, Dist::MD};
inline constexpr Layout STAR_MR{Dist::STAR, Dist::MR};
inline constexpr Layout STAR_STAR{Dist::STAR, Dist::STAR};
inline constexpr Layout STAR_VC{Dist::STAR, Dist::VC};
inline constexpr Layout STAR_VR{Dist::STAR, Dist::VR};
inline constexpr Layout VC_STAR{Dist::VC, Dist::STAR};
inline constexpr Layout VR_STAR{Dist::VR, Dist::STAR};
inline constexpr Layout CIRC_CIRC{Dist::CIRC, Dist::CIRC};

/// The 14 legal pairs (Elemental's).
inline constexpr std::array<Layout, 14> all_layouts{MC_MR,   MC_STAR, MD_STAR, MR_MC,     MR_STAR,
                                                    STAR_MC, STAR_MD, STAR_MR, STAR_STAR, STAR_VC,
                                                    STAR_VR, VC_STAR, VR_STAR, CIRC_CIRC};

/// "The layout is known at run time only": a value that no legal pair has.
inline constexpr Layout any_layout{Dist::CIRC, Dist::STAR};

constexpr bool is_legal(Layout layout) {
  return std::find(all_layouts.begin(), all_layouts.end(), layout) != all_layouts.end();
}

/// The layout of the transposed matrix.
constexpr Layout transposed(Layout layout) { return {layout.row, layout.col}; }

namespace detail {
inline constexpr std::array<std::string_view, 7> dist_names{"MC", "MR",   "MD",  "VC",
                                                            "VR", "STAR", "CIRC"};

inline Dist parse_dist(std::string_view name, std::string_view whole) {
  if (name == "*") return Dist::STAR;
  const auto* at = std::find(dist_names.begin(), dist_names.end(), name);
  if (at == dist_names.end()) {
    throw LayoutError("layout: must be a pair of MC, MR, MD, VC, VR, STAR (or *), CIRC: got '" +
                      std::string(whole) + "' (for example \"VC,STAR\")");
  }
  return static_cast<Dist>(at - dist_names.begin());
}
}  // namespace detail

inline std::string to_string(Dist dist) {
  return std::string(detail::dist_names[static_cast<std::size_t>(dist)]);
}

/// "[VC,STAR]"
inline std::string to_string(Layout layout) {
  if (layout == any_layout) return "[any]";
  return "[" + to_string(layout.col) + "," + to_string(layout.row) + "]";
}

/// @returns `layout`
/// @throws LayoutError if it is not one of the 14 legal pairs.
inline Layout require_legal(Layout layout) {
  if (is_legal(layout)) return layout;
  std::string names;
  for (const Layout legal : all_layouts) names += (names.empty() ? "" : " ") + to_string(legal);
  throw LayoutError("layout: must be one of " + names + ": got " + to_string(layout));
}

/// Reads "[VC,STAR]", "VC,STAR", "VC,*" and "VC_STAR".
/// @throws LayoutError if the text names no legal pair.
inline Layout parse_layout(std::string_view text) {
  std::string bare;
  for (const char c : text) {
    if (c == '_') {
      bare += ',';
    } else if (c != '[' && c != ']' && c != ' ') {
      bare += c;
    }
  }
  const std::size_t comma = bare.find(',');
  if (comma == std::string::npos) detail::parse_dist("", text);
  return require_legal({detail::parse_dist(std::string_view(bare).substr(0, comma), text),
                        detail::parse_dist(std::string_view(bare).substr(comma + 1), text)});
}

}  // namespace matrass
