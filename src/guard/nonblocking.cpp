// SPDX-License-Identifier: BSD-3-Clause
/// @file
/// Calls that start communication and return: MPI's own, refused once the flag is set.
/// Next: completion.cpp (how they end)
#include "signature.hpp"

extern "C" {

MATRASS_CHECKED(7, Isend)
MATRASS_CHECKED(7, Ibsend)
MATRASS_CHECKED(7, Issend)
MATRASS_CHECKED(7, Irsend)
MATRASS_CHECKED(7, Irecv)
MATRASS_CHECKED(5, Imrecv)
MATRASS_CHECKED(12, Isendrecv)
MATRASS_CHECKED(9, Isendrecv_replace)
MATRASS_CHECKED_ONE(1, Start)
MATRASS_CHECKED_ONE(2, Startall)
MATRASS_CHECKED_ONE(2, Pready)
MATRASS_CHECKED_ONE(3, Pready_range)
MATRASS_CHECKED_ONE(3, Pready_list)

MATRASS_CHECKED_ONE(2, Ibarrier)
MATRASS_CHECKED(6, Ibcast)
MATRASS_CHECKED(9, Igather)
MATRASS_CHECKED(10, Igatherv)
MATRASS_CHECKED(9, Iscatter)
MATRASS_CHECKED(10, Iscatterv)
MATRASS_CHECKED(8, Iallgather)
MATRASS_CHECKED(9, Iallgatherv)
MATRASS_CHECKED(8, Ialltoall)
MATRASS_CHECKED(10, Ialltoallv)
MATRASS_CHECKED(10, Ialltoallw)
MATRASS_CHECKED(8, Ireduce)
MATRASS_CHECKED(7, Iallreduce)
MATRASS_CHECKED(7, Ireduce_scatter)
MATRASS_CHECKED(7, Ireduce_scatter_block)
MATRASS_CHECKED(7, Iscan)
MATRASS_CHECKED(7, Iexscan)
MATRASS_CHECKED(8, Ineighbor_allgather)
MATRASS_CHECKED(9, Ineighbor_allgatherv)
MATRASS_CHECKED(8, Ineighbor_alltoall)
MATRASS_CHECKED(10, Ineighbor_alltoallv)
MATRASS_CHECKED(10, Ineighbor_alltoallw)
MATRASS_CHECKED_ONE(3, Comm_idup)
MATRASS_CHECKED_ONE(4, Comm_idup_with_info)
}
