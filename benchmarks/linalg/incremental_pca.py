# SPDX-License-Identifier: BSD-3-Clause
"""IncrementalPCA against scikit-learn's: one JSON line a case.

    .venv/bin/python benchmarks/linalg/incremental_pca.py --repeats 5

The same rows in batches: matrass on 2 ranks with one thread each, which both have the array as an
SPMD script has it; scikit-learn in one process with as many threads, in the same run. Components
are asked for within the time. An error is the largest one of the singular values, relative to the
largest value, against PCA of all rows at once in NumPy.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from contest import launcher, results_of, timed

CASES = ("fit", "partial_fit")


def rows_of(given: argparse.Namespace) -> Any:
    """Falling variances of turned axes, around a mean."""
    rng = np.random.default_rng(1)
    n = given.columns
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0] * (1 / (1 + np.arange(n)))[:, np.newaxis]
    x = np.empty((given.batches * given.rows, n))
    for at in range(0, len(x), given.rows):
        x[at : at + given.rows] = rng.standard_normal((given.rows, n)) @ turn + 3
    return x


def exact(x: Any, k: int) -> Any:
    """The leading singular values of the centred rows."""
    d = x - x.mean(axis=0)
    return np.linalg.svd(np.linalg.qr(d, "r"), compute_uv=False)[:k]


def run(given: argparse.Namespace, make: Callable[[], Any], barrier: Callable[[], None]) -> Any:
    """The times and errors of the cases."""
    x = rows_of(given)
    truth = exact(x, given.components)

    def whole() -> Any:
        found = make().fit(x)
        return found, found.components_

    def in_batches() -> Any:
        found = make()
        for at in range(0, len(x), given.rows):
            found.partial_fit(x[at : at + given.rows])
        return found, found.components_

    for case, work in zip(CASES, (whole, in_batches), strict=True):
        seconds, (found, _) = timed(given.repeats, work, barrier)
        error = float(np.abs(found.singular_values_ - truth).max() / truth[0])
        yield json.dumps({"name": case, "ms": round(1e3 * seconds, 1), "error": error})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every case and print its line.

    Returns
    -------
    int
        0 if every result of matrass was right.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--rows", type=int, default=5000, help="of a batch")
    parser.add_argument("--columns", type=int, default=500)
    parser.add_argument("--components", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--part", choices=("matrass", "rival"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    options = {"n_components": given.components, "batch_size": given.rows}
    if given.part == "matrass":
        import matrass as mt

        grid = mt.Grid()
        ours = mt.estimators.IncrementalPCA
        for text in run(given, lambda: ours(session=grid, **options), grid.comm.Barrier):
            if grid.rank == 0:
                print(text, flush=True)
        return 0
    if given.part == "rival":
        from sklearn.decomposition import IncrementalPCA

        for text in run(given, lambda: IncrementalPCA(**options), lambda: None):
            print(text, flush=True)
        return 0
    own = [sys.executable, str(Path(__file__).resolve())]
    for name, value in vars(given).items():
        own += [] if name == "part" else [f"--{name}", str(value)]
    ours = results_of([launcher(), "-n", str(given.ranks), *own, "--part", "matrass"], 1)
    theirs = results_of([*own, "--part", "rival"], given.ranks)
    right = True
    for case, found in ours.items():
        rival = theirs[case]
        shape = f"{given.batches} x ({given.rows} x {given.columns})"
        report = {
            "case": f"incremental_pca {shape} k={given.components} {case}",
            "ranks": given.ranks,
            "matrass_ms": found["ms"],
            "sklearn_ms": rival["ms"],
            "speedup": round(rival["ms"] / found["ms"], 2),
            "matrass_error": found["error"],
            "sklearn_error": rival["error"],
        }
        right = right and found["error"] < 1e-10
        print(json.dumps(report), flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
