// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// The ways in which elements can get from one rank to another, and which one a run must take.
/// Next: redistribute/direct.hpp
#pragma once

#include <cstdlib>
#include <matrass/core/types.hpp>
#include <string_view>

namespace matrass {

/// How elements get from one rank to another.
enum class Path {
  automatic,  ///< chosen for each pair of ranks; messages for small matrices
  direct,     ///< push or pull where ranks share a node, whatever the size
  push,       ///< the sender writes into the receiver's memory (one node)
  pull,       ///< the receiver reads the sender's memory (one node)
  message     ///< packed, sent, unpacked
};

/// The path that redistributions must take where they can: for tests and measurements. The same on
/// every rank; MATRASS_PATH=direct, push, pull or message sets it.
inline Path& wanted_path() {
  static Path path = [] {
    const char* set = std::getenv("MATRASS_PATH");
    const std::string_view name = set == nullptr ? "" : set;
    if (name == "direct") return Path::direct;
    if (name == "push") return Path::push;
    if (name == "pull") return Path::pull;
    if (name == "message") return Path::message;
    return Path::automatic;
  }();
  return path;
}

namespace detail {
/// Matrices below this many bytes travel in messages: these need one synchronisation less.
inline constexpr Index worth_sharing = Index{1} << 17;
}  // namespace detail

}  // namespace matrass
