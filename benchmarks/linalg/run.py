# SPDX-License-Identifier: BSD-3-Clause
"""Linear algebra against its peers in the same run: one JSON line a case.

``./run bench linalg`` takes 2 ranks with one BLAS thread each; peers get one process with as many
threads. Parts, each in a file of its own::

    .venv/bin/python benchmarks/linalg/run.py --parts dense matmul --size 1000
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
DENSE = {"cholesky": 7, "solve": 5, "eigh": 3, "svd": 1}
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def launcher(ranks: int) -> list[str]:
    """What to put before a command that runs on ranks."""
    cache = (ROOT / "build" / "dev" / "CMakeCache.txt").read_text().splitlines()
    line = next(line for line in cache if line.startswith("MPIEXEC_EXECUTABLE:"))
    return [line.partition("=")[2], "-n", str(ranks)]


def run(command: list[str], environment: dict[str, str]) -> bool:
    """Run a program that prints lines."""
    print(" ".join(command), file=sys.stderr)
    return subprocess.run(command, env=os.environ | environment, check=False).returncode == 0


def matmul(size: int, repeats: int) -> None:
    """On ranks, or alone with NumPy: the median of a product."""
    import time

    import numpy as np

    times = []
    if "PMI_SIZE" in os.environ:
        import matrass as mt

        grid = mt.Grid()
        a = mt.from_function(grid, (size, size), lambda i, j: np.cos(i + 2.0 * j))
        b = mt.from_function(grid, (size, size), lambda i, j: np.sin(3.0 * i - j))
        for _ in range(repeats + 1):
            grid.comm.Barrier()
            start = time.perf_counter()
            mt.linalg.matmul(a, b)
            grid.comm.Barrier()
            times.append(time.perf_counter() - start)
        who, first = "matrass", grid.rank == 0
    else:
        i, j = np.ogrid[:size, :size]
        x, y = np.cos(i + 2.0 * j), np.sin(3.0 * i - j)
        for _ in range(repeats + 1):
            start = time.perf_counter()
            x @ y
            times.append(time.perf_counter() - start)
        who, first = "numpy", True
    if first:
        seconds = float(np.median(times[1:]))
        gflops = 2e-9 * size**3 / seconds
        line = {"benchmark": "linalg", "case": f"matmul {size}", "who": who}
        print(json.dumps(line | {"s": round(seconds, 4), "gflops": round(gflops, 1)}), flush=True)


def main() -> int:
    """Run the parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    others = sorted(p.stem for p in HERE.glob("*.py") if p.stem != "run")
    parser.add_argument("--parts", nargs="*", default=["dense", "matmul", *others])
    parser.add_argument("--size", type=int, help="order of dense matrices")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--one", choices=["matmul"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        matmul(given.size, given.repeats)
        return 0
    good = True
    for part in given.parts:
        if part == "dense":
            program = str(ROOT / "build" / "dev" / "benchmarks" / "linalg" / "dense")
            for routine, repeats in DENSE.items():
                options = [routine, str(given.size or 4000), str(repeats)]
                good &= run([*launcher(2), program, *options], ONE_THREAD)
        elif part == "matmul":
            size = str(given.size or 6000)
            options = [__file__, "--one", "matmul", "--size", size, "--repeats", str(given.repeats)]
            good &= run([*launcher(2), sys.executable, *options], ONE_THREAD)
            threads = {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
            good &= run([sys.executable, *options], threads)
        else:
            good &= run([sys.executable, str(HERE / f"{part}.py")], {})
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
