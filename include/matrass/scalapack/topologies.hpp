// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// How PBLAS broadcasts and sums: one choice for a process's life, which routines must not keep.
/// Next: scalapack/run.hpp
#pragma once

#include <array>

extern "C" {
void pb_topget_(const int* context, const char* operation, const char* scope, char* topology);
void pb_topset_(const int* context, const char* operation, const char* scope, const char* topology);
}

namespace matrass::detail {

/// PBLAS's topologies of broadcasts and sums, along rows and columns of a grid and over all of it.
using Topologies = std::array<char, 6>;

/// Calls f(operation, scope, place in Topologies) for each.
template <class F>
void for_each_topology(F&& f) {
  std::size_t at = 0;
  for (const char* operation : {"Broadcast", "Combine"}) {
    for (const char* scope : {"Rowwise", "Columnwise", "All"}) f(operation, scope, at++);
  }
}

/// @param context of BLACS; any that this rank is in: they belong to the process
inline Topologies topologies(int context) {
  Topologies found{};
  for_each_topology([&](const char* operation, const char* scope, std::size_t at) {
    pb_topget_(&context, operation, scope, &found[at]);
  });
  return found;
}

/// The defaults for one routine, then what the process had.
///
/// All ranks of a grid must have the same: PxORGQR, PxUNGQR and PxGESVD leave others behind, so
/// that the next routine would wait forever if only some of its ranks had called one of these
/// before, on a grid of their own.
class DefaultTopologies {
 public:
  explicit DefaultTopologies(int context) : context_(context), kept_(topologies(context)) {
    Topologies defaults{};
    defaults.fill(' ');
    set(defaults);
  }
  ~DefaultTopologies() { set(kept_); }
  DefaultTopologies(const DefaultTopologies&) = delete;
  DefaultTopologies& operator=(const DefaultTopologies&) = delete;

 private:
  void set(const Topologies& wanted) const {
    for_each_topology([&](const char* operation, const char* scope, std::size_t at) {
      pb_topset_(&context_, operation, scope, &wanted[at]);
    });
  }

  int context_;
  Topologies kept_;
};

}  // namespace matrass::detail
