# SPDX-License-Identifier: BSD-3-Clause
"""One of the ranks that move a matrix to and fro until all end: endless.py VICTIM.

The victim kills itself in the middle of it.
"""

import json
import os
import signal
import sys
import threading
import time

import matrass as mt
import numpy as np
from mpi4py import MPI

COMM = MPI.COMM_WORLD


def die() -> None:
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    a = mt.from_function(mt.Grid(), (3000, 2000), lambda i, j: i + 3000.0 * j, layout="VC,STAR")
    victim = int(sys.argv[1])
    COMM.Barrier()
    if COMM.rank == victim:
        print(json.dumps({"victim": victim}), flush=True)
        threading.Thread(target=die, daemon=True).start()
    while True:
        a = a.to("MC,MR", block=64).to("STAR,VR").to("VC,STAR", block=1)
        assert np.isfinite(a.local).all()


main()
