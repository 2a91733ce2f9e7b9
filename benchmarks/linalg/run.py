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

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from contest import launcher, timed

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
DENSE = {"cholesky": 7, "solve": 5, "eigh": 3, "svd": 1}
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def kernels() -> dict[str, str]:
    """Which BLAS each side computes with, and the processor that its kernels are made for.

    Older ones do not know every processor, and OPENBLAS_CORETYPE chooses among them.
    """
    import matrass._core
    import threadpoolctl

    found = {}
    for each in threadpoolctl.threadpool_info():
        if each["user_api"] == "blas":
            whose = "peers" if "numpy" in each["filepath"] else "matrass"
            text = f"{each['internal_api']} {each['version']} {each.get('architecture')}"
            found[whose] = text
    assert matrass._core  # it brings its BLAS
    return found


def run(command: list[str], environment: dict[str, str]) -> bool:
    """Run a program that prints lines."""
    print(" ".join(command), file=sys.stderr)
    return subprocess.run(command, env=os.environ | environment, check=False).returncode == 0


def matmul(size: int, repeats: int, who: str) -> None:
    """On ranks, or alone with NumPy or Dask: the median of a product."""
    first = True
    if who == "matrass":
        import matrass as mt

        grid = mt.Grid()
        a = mt.from_function(grid, (size, size), lambda i, j: np.cos(i + 2.0 * j))
        b = mt.from_function(grid, (size, size), lambda i, j: np.sin(3.0 * i - j))
        seconds, _ = timed(repeats, lambda: mt.linalg.matmul(a, b), grid.comm.Barrier)
        first = grid.rank == 0
    else:
        i, j = np.ogrid[:size, :size]
        x, y = np.cos(i + 2.0 * j), np.sin(3.0 * i - j)
        if who == "numpy":
            seconds, _ = timed(repeats, lambda: x @ y, lambda: None)
        else:
            import dask
            import dask.array as da

            chunks = (-(-size // 2), -(-size // 2))
            X, Y = (da.from_array(each, chunks=chunks, name=False) for each in (x, y))
            with dask.config.set(scheduler="threads", num_workers=2):
                seconds, _ = timed(repeats, (X @ Y).compute, lambda: None)
    if first:
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
    parser.add_argument("--one", choices=["matrass", "numpy", "dask"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        matmul(given.size, given.repeats, given.one)
        return 0
    print(json.dumps({"benchmark": "linalg", "cores": os.cpu_count(), "blas": kernels()}))
    launcher_2 = [launcher(), "-n", "2"]
    good = True
    for part in given.parts:
        if part == "dense":
            program = str(ROOT / "build" / "dev" / "benchmarks" / "linalg" / "dense")
            for routine, repeats in DENSE.items():
                options = [routine, str(given.size or 4000), str(repeats)]
                good &= run([*launcher_2, program, *options], ONE_THREAD)
        elif part == "matmul":
            size = str(given.size or 6000)
            options = [__file__, "--size", size, "--repeats", str(given.repeats), "--one"]
            good &= run([*launcher_2, sys.executable, *options, "matrass"], ONE_THREAD)
            threads = {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
            good &= run([sys.executable, *options, "numpy"], threads)
            good &= run([sys.executable, *options, "dask"], ONE_THREAD)
        else:
            good &= run([sys.executable, str(HERE / f"{part}.py")], {})
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
