# SPDX-License-Identifier: BSD-3-Clause
"""Truncated SVD and products of sparse matrices against SciPy: one JSON line a case.

``./run bench linalg/sparse_svd`` runs rank 20 of 500,000 x 50,000 with 20 nonzeros a row on 2 ranks
with one BLAS thread each; SciPy gets one process with as many BLAS threads. By hand::

    .venv/bin/python benchmarks/linalg/sparse_svd.py --rows 50000 --columns 5000 --case weighted

Cases: "weighted", columns are hit with probabilities and weights that fall as in texts and
ratings; "uniform", any column, normal values: singular values lie dense, the hardest case. A time
is the median of `repeats` runs, U included; residuals (the larger one of ||A v - s u|| and
||A^T u - s v||) are in units of the largest singular value. svds ends at rounding, or with
``tol=1e-10`` at the tolerance that matrass has; the speed-up is over the faster one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from contest import launcher, results_of, timed

CASES = ("weighted", "uniform")


def triplets(given: argparse.Namespace, rows: slice) -> tuple[Any, Any, Any]:
    """The entries of these rows, the same on any number of ranks: drawn in blocks of rows."""
    step = 10_000
    parts = []
    for begin in range(0, given.rows, step):
        end = min(given.rows, begin + step)
        if end <= rows.start or begin >= rows.stop:
            continue
        rng = np.random.default_rng([7, begin])
        i = np.repeat(np.arange(begin, end), given.entries)
        u = rng.random(i.size)
        if given.case == "weighted":
            j = ((given.columns + 1.0) ** u - 1).astype(np.int64)  # density 1 / (1 + j)
            v = rng.exponential(size=i.size) * np.log1p(given.columns / (1.0 + j))
        else:
            j, v = (u * given.columns).astype(np.int64), rng.standard_normal(i.size)
        mine = (i >= rows.start) & (i < rows.stop)
        parts.append((i[mine], j[mine], v[mine]))
    i, j, v = (np.concatenate(column) for column in zip(*parts, strict=True))
    return i, j, v


def run_matrass(given: argparse.Namespace) -> None:
    """As one of the ranks."""
    import matrass as mt

    grid = mt.Grid()
    comm = grid.comm
    share = -(-given.rows // comm.size)
    rows = slice(min(comm.rank * share, given.rows), min((comm.rank + 1) * share, given.rows))
    shape = (given.rows, given.columns)
    mine = triplets(given, rows)
    build, A = timed(1, lambda: mt.from_coo(grid, *mine, shape), comm.Barrier)
    X = mt.from_function(
        grid, (given.columns, 16), lambda i, j: np.cos(i + 7 * j), layout="VC,STAR"
    )
    product, Y = timed(given.repeats, lambda: A @ X, comm.Barrier)
    adjoint, _ = timed(given.repeats, lambda: A.T @ Y, comm.Barrier)
    fused, _ = timed(given.repeats, lambda: A.normal_product(X), comm.Barrier)
    seconds, found = timed(given.repeats, lambda: mt.linalg.truncated_svd(A, given.k), comm.Barrier)
    U, V, local = found.U.local, found.V.local, A.local
    left = np.linalg.norm(sum(comm.allgather(local.T @ U)) - V * found.S, axis=0).max()
    right = np.sqrt(sum(comm.allgather(np.sum((local @ V - U * found.S) ** 2, axis=0))).max())
    assert abs(found.residual.max() - right) < 1e-12 * found.S[0]
    slowest = [max(comm.allgather(t)) for t in (build, product, adjoint, fused, seconds)]
    if comm.rank == 0:
        names = ("from_coo", "A @ X, 16", "A.T @ Y, 16", "A.H @ A @ X, 16", "svd")
        ms = {name: round(1e3 * t, 1) for name, t in zip(names, slowest, strict=True)}
        print(line("matrass", ms, found.S, max(left, right)), flush=True)


def run_rival(given: argparse.Namespace) -> None:
    """As one process with several BLAS threads."""
    from scipy.sparse.linalg import svds

    i, j, v = triplets(given, slice(0, given.rows))
    shape = (given.rows, given.columns)
    build, A = timed(1, lambda: scipy.sparse.coo_matrix((v, (i, j)), shape).tocsr(), lambda: None)
    X = np.cos(np.arange(given.columns)[:, None] + 7 * np.arange(16))
    product, Y = timed(given.repeats, lambda: A @ X, lambda: None)
    adjoint, _ = timed(given.repeats, lambda: A.T @ Y, lambda: None)
    fused, _ = timed(given.repeats, lambda: A.T @ (A @ X), lambda: None)
    for name, tol in (("svds", 0), ("svds_1e-10", 1e-10)):
        start = time.perf_counter()
        U, S, Vt = svds(A, given.k, tol=tol, random_state=0)
        seconds = time.perf_counter() - start
        ms = {
            "tocsr": round(1e3 * build, 1),
            "A @ X, 16": round(1e3 * product, 1),
            "A.T @ Y, 16": round(1e3 * adjoint, 1),
            "A.H @ A @ X, 16": round(1e3 * fused, 1),
            "svd": round(1e3 * seconds, 1),
        }
        left = np.linalg.norm(A.T @ U - Vt.T * S, axis=0).max()
        right = np.linalg.norm(A @ Vt.T - U * S, axis=0).max()
        print(line(name, ms, S[::-1], max(left, right)), flush=True)


def line(name: str, ms: dict[str, float], S: Any, residual: float) -> str:
    """What the parent reads."""
    found = {"name": name, "ms": ms, "S": S.tolist(), "residual": float(residual / S[0])}
    return json.dumps(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every case and print its line.

    Returns
    -------
    int
        0 if every result was right.
    """
    parser = argparse.ArgumentParser(prog="sparse_svd", description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--columns", type=int, default=50_000)
    parser.add_argument("--entries", type=int, default=20, help="drawn for each row")
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--part", choices=["matrass", "rival"], help=argparse.SUPPRESS)
    parser.add_argument("--case", choices=CASES, help="only this one")
    parser.add_argument("--no-rival", action="store_true", help="matrass alone")
    given = parser.parse_args(arguments)
    if given.part:
        (run_matrass if given.part == "matrass" else run_rival)(given)
        return 0
    right = True
    for name in [given.case] if given.case else CASES:
        names = ("rows", "columns", "entries", "k", "repeats")
        options = [f"--{key}={getattr(given, key)}" for key in names]
        script = [sys.executable, str(Path(__file__).resolve()), *options, f"--case={name}"]
        case: dict[str, Any] = {
            "case": f"sparse truncated_svd {name}",
            "shape": [given.rows, given.columns],
            "entries_a_row": given.entries,
            "k": given.k,
            "ranks": given.ranks,
        }
        ranks = [launcher(), "-n", str(given.ranks), *script, "--part=matrass"]
        case |= results_of(ranks, threads=1)
        mine = case["matrass"].pop("S")
        right = right and case["matrass"]["residual"] < 1e-9
        if not given.no_rival:
            rivals = results_of([*script, "--part=rival"], threads=given.ranks)
            exact = np.array(rivals["svds"]["S"])
            case["matrass"]["difference_of_S"] = float(np.abs(mine - exact).max() / exact[0])
            right = right and case["matrass"]["difference_of_S"] < 1e-9
            for rival in rivals.values():
                del rival["S"]
            case |= rivals
            fastest = min(rival["ms"]["svd"] for rival in rivals.values())
            case["speedup_over_the_faster"] = round(fastest / case["matrass"]["ms"]["svd"], 2)
        print(json.dumps(case), flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
