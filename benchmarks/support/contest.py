# SPDX-License-Identifier: BSD-3-Clause
"""A contest between ranks and their rivals: each in processes of its own, which print lines.

Used by the benchmarks whose ranks run Python.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def timed(repeats: int, work: Callable[[], Any], barrier: Callable[[], None]) -> tuple[float, Any]:
    """The median time in seconds, after one run that is not counted; and the last result.

    Between two barriers: the time of the slowest rank.
    """
    result = work()
    times = []
    for _ in range(repeats):
        barrier()
        start = time.perf_counter()
        result = work()
        barrier()
        times.append(time.perf_counter() - start)
    return float(np.median(times)), result


def peak_of(work: Callable[[], Any]) -> float:
    """The most memory in MB that this process had during `work` beyond what it had before."""
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    before = resident("VmRSS")
    result = work()
    peak = resident("VmHWM") - before
    del result
    return round(peak, 1)


def resident(which: str) -> float:
    """A line of /proc/self/status in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(which))) / 1024


def launcher() -> str:
    """MPICH's mpiexec; where Open MPI is installed beside it the plain name means another one."""
    for name in ("mpiexec.mpich", "mpiexec"):
        if path := shutil.which(name):
            return path
    raise SystemExit("bench: mpiexec.mpich is missing: apt-get install mpich")


def output_of(command: Sequence[str], threads: int) -> list[str]:
    """The lines that a part of a benchmark prints, in its own processes."""
    environment = dict(os.environ, OPENBLAS_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return run.stdout.splitlines()


def results_of(command: Sequence[str], threads: int) -> dict[str, Any]:
    """What the lines of a part say, by name."""
    found = [json.loads(text) for text in output_of(command, threads) if text.startswith("{")]
    return {each.pop("name"): each for each in found}
