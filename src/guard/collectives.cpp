// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Blocking collectives, guarded: name, number of parameters, the non-blocking form to start.
/// MPI does not match a blocking collective with a non-blocking one: all ranks of a communicator
/// are guarded, or none is. Next: communicators.cpp (collectives without a non-blocking form)
#include "signature.hpp"

extern "C" {

MATRASS_GUARDED_ONE(1, Barrier, Ibarrier)
MATRASS_GUARDED(5, Bcast, Ibcast)
MATRASS_GUARDED(8, Gather, Igather)
MATRASS_GUARDED(9, Gatherv, Igatherv)
MATRASS_GUARDED(8, Scatter, Iscatter)
MATRASS_GUARDED(9, Scatterv, Iscatterv)
MATRASS_GUARDED(7, Allgather, Iallgather)
MATRASS_GUARDED(8, Allgatherv, Iallgatherv)
MATRASS_GUARDED(7, Alltoall, Ialltoall)
MATRASS_GUARDED(9, Alltoallv, Ialltoallv)
MATRASS_GUARDED(9, Alltoallw, Ialltoallw)
MATRASS_GUARDED(7, Reduce, Ireduce)
MATRASS_GUARDED(6, Allreduce, Iallreduce)
MATRASS_GUARDED(6, Reduce_scatter, Ireduce_scatter)
MATRASS_GUARDED(6, Reduce_scatter_block, Ireduce_scatter_block)
MATRASS_GUARDED(6, Scan, Iscan)
MATRASS_GUARDED(6, Exscan, Iexscan)

MATRASS_GUARDED(7, Neighbor_allgather, Ineighbor_allgather)
MATRASS_GUARDED(8, Neighbor_allgatherv, Ineighbor_allgatherv)
MATRASS_GUARDED(7, Neighbor_alltoall, Ineighbor_alltoall)
MATRASS_GUARDED(9, Neighbor_alltoallv, Ineighbor_alltoallv)
MATRASS_GUARDED(9, Neighbor_alltoallw, Ineighbor_alltoallw)
}
