# SPDX-License-Identifier: BSD-3-Clause
"""One rank that moves a large matrix to and fro until a rank is killed; prints its report as JSON.

The victim is killed by a thread of its own after `delay` seconds, most likely in the middle of a
copy: it may be reading or writing the others' memory, and they its.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import matrass as mt
import numpy as np
import survivor
from mpi4py import MPI

COMM = MPI.COMM_WORLD
M, N = 4096, 2048  # 64 MB
LAYOUTS = (("STAR,VR", None), ("VC,STAR", 1), ("MC,MR", 64))
MEMORY = "/memfd:matrass"


def element(i: np.ndarray, j: np.ndarray) -> np.ndarray:
    return i + float(M) * j


def is_sound(a: mt.DistMatrix) -> bool:
    """Whether this rank's part is as it was made."""
    return bool(np.array_equal(a.local, element(a.local_rows[:, None], a.local_cols[None, :])))


def files_in_memory() -> list[int]:
    """The files of matrass that this process has mapped: its own and other ranks'."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return sorted({int(line.split()[4]) for line in lines if MEMORY in line})


def die_after(delay: float) -> None:
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGKILL)


def move_until_lost(a: mt.DistMatrix, delay: float) -> tuple[dict[str, Any], mt.DistMatrix]:
    """What is to be reported of the exception; the last result before it."""
    b = a.to("MC,MR", block=64)
    for layout, block in LAYOUTS:  # the first one of each maps and makes pages
        b = b.to(layout, block=block)
    files = files_in_memory()
    COMM.Barrier()
    survivor.meet(COMM)
    if COMM.rank == survivor.VICTIM:
        survivor.report({"files": files})
        threading.Thread(target=die_after, args=[delay], daemon=True).start()
    try:
        while True:
            for layout, block in LAYOUTS:
                b = b.to(layout, block=block)
    except mt.RankLostError as error:
        seconds = survivor.seconds_since_flag()
        return {"files": files, "text": str(error), "seconds": seconds}, b


def main() -> None:
    survivor.watch()
    a = mt.from_function(mt.Grid(), (M, N), element, layout="VC,STAR")
    report, b = move_until_lost(a, survivor.scenario()["delay"])
    unchanged = is_sound(a) and is_sound(b)
    a.local[...] = 2 * a.local + 1
    expected = 2 * element(a.local_rows[:, None], a.local_cols[None, :]) + 1
    usable = bool(np.array_equal(a.T.local, expected.T)) and is_sound(b)
    survivor.report(report | {"unchanged": unchanged, "usable": usable})


main()
