// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// BLACS contexts: one for each map of ranks, made when first needed and kept with the
/// communicator. Next: scalapack/operand.hpp
#pragma once

#include <any>
#include <map>
#include <matrass/layout/descriptor.hpp>
#include <matrass/mpi/agree.hpp>
#include <matrass/mpi/guarded.hpp>
#include <memory>
#include <string>
#include <vector>

extern "C" {
int Csys2blacs_handle(MPI_Comm comm);
void Cblacs_gridexit(int context);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridmap(int* context, int* user_map, int ld_user_map, int rows, int cols);
}

namespace matrass {

/// Which context it is, for mpi::Call.
inline std::uint64_t call_hash(const ContextMap& map) {
  std::string ranks;
  for (const int rank : map.ranks) ranks += std::to_string(rank) + ",";
  return mpi::Call("context", map.shape.rows, map.shape.cols, ranks).hash();
}

namespace detail {

/// BLACS's state for one communicator: its own handle to that, and the contexts on it.
struct BlacsContexts {
  int system = -1;
  std::map<ContextMap, int> made{};

  /// Collective.
  void end() {
    for (const auto& [map, context] : made) {
      if (context >= 0) Cblacs_gridexit(context);
    }
    Cfree_blacs_system_handle(system);
    made.clear();
  }
};

}  // namespace detail

/// The BLACS context of this map; -1 on ranks that are not on it.
///
/// Collective over `comm` when a map is asked for the first time (agreed beforehand: BLACS makes
/// communicators, which cannot be interrupted), local afterwards. A context takes 4 of MPICH's
/// 2,046 communicators and is never given back: BLACS frees collectively, handles do not.
/// @throws ScaLAPACKError with BLACS's own text.
inline int blacs_context(const mpi::Communicator& comm, const ContextMap& map) {
  std::any& held = comm.cache()["blacs contexts"];
  if (!held.has_value()) held = std::make_shared<detail::BlacsContexts>();
  const auto contexts = std::any_cast<std::shared_ptr<detail::BlacsContexts>>(held);
  if (const auto found = contexts->made.find(map); found != contexts->made.end()) {
    return found->second;
  }
  mpi::throw_together(comm, mpi::Call("blacs_context", map), [] {});
  std::vector<int> ranks = map.ranks;
  const int context = mpi::guarded([&] {
    if (contexts->system < 0) {
      contexts->system = Csys2blacs_handle(comm.own());
      // BLACS knows communicators by their handle, which MPI gives out again after a free.
      comm.at_free([contexts] { contexts->end(); });
    }
    int made = contexts->system;
    Cblacs_gridmap(&made, ranks.data(), map.shape.rows, map.shape.rows, map.shape.cols);
    return made;
  });
  contexts->made.emplace(map, context);
  return context;
}

}  // namespace matrass
