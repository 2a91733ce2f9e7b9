# SPDX-License-Identifier: BSD-3-Clause
"""k-means against scikit-learn: one JSON line a case.

    .venv/bin/python benchmarks/linalg/kmeans.py --rows 500000 --columns 50 --clusters 50

Both start at the same centers and take the same number of iterations (tolerance 0): matrass on 2
ranks with one thread each, scikit-learn in one process with as many threads, in the same run. A
time is the median of `repeats` runs. Inertia and labels are compared. The cases "init" are
k-means++ alone, where random numbers differ.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from contest import launcher, results_of, timed


def rows_of_matrix(given: argparse.Namespace, rows: slice) -> Any:
    """Overlapping Gaussian clusters; each block of 4096 rows has random numbers of its own."""
    centers = np.random.default_rng(1).standard_normal((given.clusters, given.columns))
    out = np.empty((rows.stop - rows.start, given.columns), given.dtype, order=given.order)
    for block in range(rows.start // 4096, -(-rows.stop // 4096)):
        rng = np.random.default_rng([2, block])
        x = centers[rng.integers(given.clusters, size=4096)]
        x = x + rng.standard_normal(x.shape)
        begin, end = max(rows.start, block * 4096), min(rows.stop, (block + 1) * 4096)
        out[begin - rows.start : end - rows.start] = x[begin - block * 4096 : end - block * 4096]
    return out


def line(name: str, seconds: float, found: dict[str, Any]) -> str:
    """What the parent reads."""
    return json.dumps({"name": name, "ms": round(1e3 * seconds, 1), **found})


def run_matrass(given: argparse.Namespace) -> None:
    """As one of the ranks."""
    import matrass as mt

    grid = mt.Grid()
    comm = grid.comm
    share = -(-given.rows // comm.size)
    rows = slice(min(comm.rank * share, given.rows), min((comm.rank + 1) * share, given.rows))
    a = mt.from_local(
        grid, rows_of_matrix(given, rows), (given.rows, given.columns), layout="VC,STAR"
    )
    init = np.asarray(rows_of_matrix(given, slice(0, given.clusters)), np.float64)
    options: dict[str, Any] = {"max_iter": given.iterations, "tol": 0}
    kmeans = mt.linalg.kmeans
    seconds, found = timed(
        given.repeats, lambda: kmeans(a, given.clusters, init=init, **options), comm.Barrier
    )
    # Two runs that differ by nothing but the number of iterations: what one iteration costs.
    short, _ = timed(
        given.repeats, lambda: kmeans(a, given.clusters, init=init, max_iter=1, tol=0), comm.Barrier
    )
    one = timed(given.repeats, lambda: kmeans(a, given.clusters, max_iter=1), comm.Barrier)
    labels = found.labels.numpy(0)
    if comm.rank == 0:
        steps = {"iterations": found.iterations, "inertia": found.inertia}
        steps["labels"] = np.bincount(labels, minlength=given.clusters).tolist()
        print(line("run", seconds, steps))
        print(line("iteration", (seconds - short) / max(1, found.iterations - 1), {}))
        print(line("init", one[0] - short, {"inertia": one[1].inertia}), flush=True)


def run_rival(given: argparse.Namespace) -> None:
    """As one process with several threads."""
    from sklearn.cluster import KMeans

    A = rows_of_matrix(given, slice(0, given.rows))
    init = A[: given.clusters].copy()

    def fit(iterations: int, start: Any = init) -> Any:
        options = {"n_init": 1, "max_iter": iterations, "tol": 0, "copy_x": False}
        return KMeans(given.clusters, init=start, algorithm="lloyd", random_state=0, **options).fit(
            A
        )

    import warnings

    warnings.simplefilter("ignore")
    seconds, found = timed(given.repeats, lambda: fit(given.iterations), lambda: None)
    short, _ = timed(given.repeats, lambda: fit(1), lambda: None)
    one = timed(given.repeats, lambda: fit(1, "k-means++"), lambda: None)
    steps = {"iterations": found.n_iter_, "inertia": found.inertia_}
    steps["labels"] = np.bincount(found.labels_, minlength=given.clusters).tolist()
    print(line("run", seconds, steps))
    print(line("iteration", (seconds - short) / max(1, found.n_iter_ - 1), {}))
    print(line("init", one[0] - short, {"inertia": one[1].inertia_}), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every case and print its line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--clusters", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--dtype", default="float64", choices=("float32", "float64"))
    parser.add_argument("--order", default="C", choices=("C", "F"))
    parser.add_argument("--part", choices=("matrass", "rival"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.part:
        (run_matrass if given.part == "matrass" else run_rival)(given)
        return 0
    own = [sys.executable, str(Path(__file__).resolve())]
    for name, value in vars(given).items():
        own += [] if name == "part" else [f"--{name}", str(value)]
    ranks = [launcher(), "-n", str(given.ranks), *own, "--part", "matrass"]
    ours = results_of(ranks, 1)
    theirs = results_of([*own, "--part", "rival"], given.ranks)
    same = ours["run"].pop("labels") == theirs["run"].pop("labels")
    for case, found in ours.items():
        rival = theirs[case]
        report = {
            "case": f"kmeans {given.rows} x {given.columns} k={given.clusters} {case}",
            "dtype": given.dtype,
            "order": given.order,
            "matrass": found,
            "sklearn": rival,
            "speedup": round(rival["ms"] / found["ms"], 2),
        }
        if case == "run":
            report["same_label_counts"] = same
        print(json.dumps(report), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
