# SPDX-License-Identifier: BSD-3-Clause
"""Solvers and k-means of sparse matrices against SciPy and scikit-learn: one JSON line a case.

``./run bench linalg/sparse_solvers`` runs ``lsqr`` of 500,000 x 50,000 and ``kmeans`` of 200,000 x
1,000 rows, both with 20 nonzeros a row, on 2 ranks with one thread each; the rivals get one process
with as many threads (SciPy's products take one of them). By hand::

    .venv/bin/python benchmarks/linalg/sparse_solvers.py --case kmeans --rows 20000

Both do the same number of iterations: ``lsqr`` with tolerances that it does not come to, ``kmeans``
from the same centers with tolerance 0. Times of an iteration are differences to a run with only
one; a time is the median of `repeats` runs. Results are compared: the solution after so many
steps, labels and inertia.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from contest import launcher, results_of, timed

CASES = ("lsqr", "kmeans")
SHAPES = {"lsqr": (500_000, 50_000), "kmeans": (200_000, 1_000)}


def triplets(given: argparse.Namespace, rows: slice) -> tuple[Any, Any, Any]:
    """The entries of these rows, the same on any number of ranks: drawn in blocks of rows.

    Rows of k-means belong to groups, each of which has most of its entries in columns of its own.
    """
    step = 10_000
    parts = []
    for begin in range(0, given.rows, step):
        end = min(given.rows, begin + step)
        if end <= rows.start or begin >= rows.stop:
            continue
        rng = np.random.default_rng([9, begin])
        i = np.repeat(np.arange(begin, end), given.entries)
        j = rng.integers(0, given.columns, i.size)
        v = rng.standard_normal(i.size)
        if given.case == "kmeans":
            own = (i * 2_654_435_761) % given.clusters * (given.columns // given.clusters)
            near = rng.random(i.size) < 0.5
            j = np.where(near, (own + j % (given.columns // 10)) % given.columns, j)
            v = 1 + 0.5 * v
        mine = (i >= rows.start) & (i < rows.stop)
        parts.append((i[mine], j[mine], v[mine]))
    i, j, v = (np.concatenate(column) for column in zip(*parts, strict=True))
    return i, j, v


def right_side(given: argparse.Namespace, rows: slice) -> Any:
    """One column; not in the range."""
    return np.cos(np.arange(rows.start, rows.stop, dtype=float) ** 2)[:, None]


def first_centers(given: argparse.Namespace) -> Any:
    """The first rows."""
    i, j, v = triplets(given, slice(0, given.clusters))
    shape = (given.clusters, given.columns)
    return scipy.sparse.coo_matrix((v, (i, j)), shape=shape).toarray()


def measured(
    given: argparse.Namespace, work: Callable[[int], Any], barrier: Callable[[], None]
) -> tuple[dict[str, float], Any]:
    """Times of `given.iterations` and of one iteration, in milliseconds; the long run's result."""
    seconds, found = timed(given.repeats, lambda: work(given.iterations), barrier)
    short, _ = timed(given.repeats, lambda: work(1), barrier)
    each = (seconds - short) / max(1, given.iterations - 1)
    return {"ms": round(1e3 * seconds, 1), "ms_an_iteration": round(1e3 * each, 2)}, found


def run_matrass(given: argparse.Namespace) -> None:
    """As one of the ranks."""
    import matrass as mt

    grid = mt.Grid()
    comm = grid.comm
    share = -(-given.rows // comm.size)
    rows = slice(min(comm.rank * share, given.rows), min((comm.rank + 1) * share, given.rows))
    A = mt.from_coo(grid, *triplets(given, rows), (given.rows, given.columns))
    if given.case == "lsqr":
        b = mt.from_local(grid, right_side(given, rows), (given.rows, 1), layout="VC,STAR")
        times, found = measured(
            given,
            lambda steps: mt.linalg.lsqr(A, b, atol=0, btol=0, conlim=0, maxiter=steps),
            comm.Barrier,
        )
        x = found.x.numpy(0)
        says = {"iterations": found.iterations, "residual": float(found.residual[0])}
        if comm.rank == 0:
            says["x"] = x[:: max(1, given.columns // 1000), 0].tolist()
    else:
        init = first_centers(given)
        times, found = measured(
            given,
            lambda steps: mt.linalg.kmeans(A, given.clusters, init=init, max_iter=steps, tol=0),
            comm.Barrier,
        )
        labels = found.labels.numpy(0)
        says = {"iterations": found.iterations, "inertia": found.inertia}
        if comm.rank == 0:
            says["labels"] = np.bincount(labels, minlength=given.clusters).tolist()
    if comm.rank == 0:
        print(json.dumps({"name": "matrass", **times, **says}), flush=True)


def run_rival(given: argparse.Namespace) -> None:
    """As one process with several threads."""
    whole = slice(0, given.rows)
    i, j, v = triplets(given, whole)
    A = scipy.sparse.coo_matrix((v, (i, j)), shape=(given.rows, given.columns)).tocsr()
    if given.case == "lsqr":
        from scipy.sparse.linalg import lsqr

        b = right_side(given, whole)[:, 0]
        times, found = measured(
            given,
            lambda steps: lsqr(A, b, atol=0, btol=0, conlim=0, iter_lim=steps),
            lambda: None,
        )
        says = {"iterations": found[2], "residual": float(np.linalg.norm(b - A @ found[0]))}
        says["x"] = found[0][:: max(1, given.columns // 1000)].tolist()
    else:
        from sklearn.cluster import KMeans

        init = first_centers(given)

        def fit(steps: int) -> Any:
            options = {"n_init": 1, "max_iter": steps, "tol": 0, "algorithm": "lloyd"}
            return KMeans(given.clusters, init=init, **options).fit(A)

        warnings.simplefilter("ignore")
        times, found = measured(given, fit, lambda: None)
        says = {"iterations": found.n_iter_, "inertia": found.inertia_}
        says["labels"] = np.bincount(found.labels_, minlength=given.clusters).tolist()
    print(json.dumps({"name": "rival", **times, **says}), flush=True)


def compared(case: dict[str, Any]) -> bool:
    """Puts into the case how far the results are apart; whether that is rounding."""
    ours, theirs = case["matrass"], case["rival"]
    if "x" in ours:
        x, y = np.array(ours.pop("x")), np.array(theirs.pop("x"))
        case["difference_of_x"] = float(np.abs(x - y).max() / np.abs(y).max())
        good = case["difference_of_x"] < 1e-8
    else:
        case["same_label_counts"] = ours.pop("labels") == theirs.pop("labels")
        difference = abs(ours["inertia"] - theirs["inertia"])
        good = case["same_label_counts"] and difference <= 1e-9 * theirs["inertia"]
    return bool(good and ours["iterations"] == theirs["iterations"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every case and print its line.

    Returns
    -------
    int
        0 if every result was right.
    """
    parser = argparse.ArgumentParser(prog="sparse_solvers", description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rows", type=int, help="of one case")
    parser.add_argument("--columns", type=int, help="of one case")
    parser.add_argument("--entries", type=int, default=20, help="drawn for each row")
    parser.add_argument("--clusters", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--part", choices=["matrass", "rival"], help=argparse.SUPPRESS)
    parser.add_argument("--case", choices=CASES, help="only this one")
    given = parser.parse_args(arguments)
    if given.part:
        (run_matrass if given.part == "matrass" else run_rival)(given)
        return 0
    right = True
    for name in [given.case] if given.case else CASES:
        given.rows, given.columns = (
            x or y for x, y in zip((given.rows, given.columns), SHAPES[name], strict=True)
        )
        names = ("rows", "columns", "entries", "clusters", "iterations", "repeats")
        options = [f"--{key}={getattr(given, key)}" for key in names]
        script = [sys.executable, str(Path(__file__).resolve()), *options, f"--case={name}"]
        case: dict[str, Any] = {
            "case": f"sparse {name}",
            "shape": [given.rows, given.columns],
            "entries_a_row": given.entries,
            "ranks": given.ranks,
        }
        ranks = [launcher(), "-n", str(given.ranks), *script, "--part=matrass"]
        case |= results_of(ranks, threads=1)
        case |= results_of([*script, "--part=rival"], threads=given.ranks)
        right = compared(case) and right
        speed = case["rival"]["ms_an_iteration"] / case["matrass"]["ms_an_iteration"]
        case["speedup_an_iteration"] = round(speed, 2)
        case["speedup"] = round(case["rival"]["ms"] / case["matrass"]["ms"], 2)
        print(json.dumps(case), flush=True)
        given.rows = given.columns = None
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
