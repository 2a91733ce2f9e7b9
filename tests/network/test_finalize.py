# SPDX-License-Identifier: BSD-3-Clause
"""Ranks on two hosts end: MPICH 4.0's own MPI_Finalize often hangs over TCP, the guard's does not.

See src/guard/native_progress.cpp.
"""

import os

import pytest

WORLDS = 100 if os.environ.get("MATRASS_CAMPAIGN") else 3
WITHIN = 60.0
PROGRAM = """
import matrass
from mpi4py import MPI
MPI.COMM_WORLD.Barrier()
if MPI.COMM_WORLD.rank == 0: print("{}")
"""


@pytest.mark.time_limit(240)
def test_worlds_end(hosts):
    for _ in range(WORLDS):
        code, lines, output = hosts.mpiexec({}, "-c", PROGRAM, within=WITHIN)
        assert code == 0, output
        assert lines == [{}]
        assert hosts.ended()
