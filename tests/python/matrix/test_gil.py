# SPDX-License-Identifier: BSD-3-Clause
"""Calls that communicate or compute release the GIL: other Python threads go on meanwhile.

No clock decides: with a switch interval of 1000 s the calling thread gives the GIL away only where
the library releases it, so whatever another thread counts, it counts inside of the call.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path

import matrass as mt
import numpy as np
import pytest

TICKS = 20


class Ticker:
    """Counts in a thread while the main thread is in a call."""

    def __init__(self):
        self.count = 0
        self._stop = False
        self._after = None
        self._interval = sys.getswitchinterval()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        sys.setswitchinterval(1000)
        return self

    def __exit__(self, *_):
        self._stop = True
        sys.setswitchinterval(self._interval)
        self._thread.join()

    def _run(self):
        while not self._stop:
            self.count += 1
            if self._after is not None and self.count >= self._after[0]:
                self._after[1]()
                self._after = None
            time.sleep(0.0002)  # gives the GIL away

    def during(self, call):
        """How often the thread ticked inside of `call()`."""
        before = self.count
        call()
        return self.count - before

    def tell(self, ticks, say):
        """`say()` in the thread, `ticks` ticks from now on."""
        self._after = (self.count + ticks, say)


def calls(comm):
    """Name -> a collective call."""
    grid = mt.Grid(comm)
    m = 60
    A = mt.from_function(grid, (m, m), lambda i, j: i + m * j, block=2)
    B = A.to("VC,STAR", block=1)
    x = np.ones((m, m))
    rows = np.asfortranarray(B.local)
    return {
        "to": lambda: A.to("VC,STAR", block=1),
        "numpy": lambda: A.numpy(None),
        "element": lambda: A[3, 4],
        "assign": lambda: A.__setitem__(slice(None), B),
        "copy": A.copy,
        "matmul": lambda: A @ A,
        "norm": A.norm,
        "DistMatrix": lambda: mt.DistMatrix(grid, (m, m)),
        "from_function": lambda: mt.from_function(grid, (m, m), lambda i, j: i + j),
        "from_local": lambda: mt.from_local(grid, rows, (m, m), layout="VC,STAR", block=1),
        "from_tiles": lambda: mt.from_tiles(grid, B.tiles(), (m, m)),
        "from_global": lambda: mt.from_global(grid, x, root=0),
        "Grid": lambda: mt.Grid(comm, (comm.size, 1)),
        "descriptor": lambda: mt.DistMatrix(mt.Grid(comm, (comm.size, 1), "C"), (m, m)).descriptor,
    }


NAMES = (
    "to",
    "numpy",
    "element",
    "assign",
    "copy",
    "matmul",
    "norm",
    "DistMatrix",
    "from_function",
    "from_local",
    "from_tiles",
    "from_global",
    "Grid",
    "descriptor",
)


@pytest.mark.ranks(2, 3)
@pytest.mark.parametrize("name", NAMES)
def test_a_rank_that_waits_lets_threads_run(comm, name):
    """The late rank enters only after a thread of each waiting rank has counted to TICKS."""
    directory = Path(comm.bcast(tempfile.mkdtemp() if comm.rank == 0 else None))
    call = calls(comm)[name]
    for late in (0, comm.size - 1):
        heard = True
        comm.barrier()
        if comm.rank == late:
            others = [directory / f"{late}-{rank}" for rank in range(comm.size) if rank != late]
            patience = 20_000
            while patience and not all(file.exists() for file in others):
                time.sleep(0.001)
                patience -= 1
            heard = patience > 0
            call()  # also when nobody was heard: the others wait
        else:
            with Ticker() as ticker:
                ticker.tell(TICKS, (directory / f"{late}-{comm.rank}").touch)
                call()
        assert all(comm.allgather(heard)), "no thread of a waiting rank could run"


@pytest.mark.ranks(1)
@pytest.mark.parametrize("name", ["to", "matmul", "norm", "copy", "numpy", "tiles", "conjugate"])
@pytest.mark.time_limit(120)
def test_work_on_one_rank_lets_threads_run(comm, name):
    """The work is large; it is repeated at most 50 times until a thread has ticked enough."""
    grid = mt.Grid(comm)
    A = mt.DistMatrix(grid, (1000, 1000), dtype="complex128", layout="VC,STAR", block=1)
    A[:] = 1.5
    shifted = mt.DistMatrix(grid, (1001, 1000), dtype="complex128")[1:]
    work = {
        "to": lambda: shifted.__setitem__(slice(None), A),
        "matmul": lambda: A @ A,
        "norm": A.norm,
        "copy": A.copy,
        "numpy": A.numpy,
        "tiles": lambda: mt.from_tiles(grid, [(0, 0, A.local)], A.shape),
        "conjugate": lambda: A.H,
    }[name]
    with Ticker() as ticker:
        ticks = 0
        for _ in range(50):
            ticks += ticker.during(work)
            if ticks >= TICKS:
                break
    assert ticks >= TICKS
