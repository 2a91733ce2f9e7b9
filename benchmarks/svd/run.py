# SPDX-License-Identifier: BSD-3-Clause
"""Truncated SVD against scikit-learn and NumPy: one JSON line a case.

``./run bench svd`` runs rank 20 of 100,000 x 1,000 on 2 ranks with one BLAS thread each; the rivals
get one process with as many BLAS threads. By hand::

    .venv/bin/python benchmarks/svd/run.py --rows 20000 --columns 500 --repeats 5

The matrices have known singular values: A = H1 diag(s) H2 H3 with Householder reflectors. A time is
the median of `repeats` runs, U included; errors and residuals (the larger one of ||A v - s u|| and
||A^T u - s v||) are in units of the largest singular value. The speed-up is over the faster one of
NumPy and of scikit-learn with 2 iterations, which is far less accurate than its slower default.
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

SPECTRA: dict[str, Callable[[Any], Any]] = {
    "signal_and_noise": lambda i: 10.0 ** (-i / 10) + 1e-3,
    "slow_decay": lambda i: 1 / (1 + i),
}


def reflector(size: int, seed: int) -> Any:
    """A random unit vector, the same in every process."""
    h = np.random.default_rng(seed).standard_normal(size)
    return h / np.linalg.norm(h)


def rows_of_matrix(shape: tuple[int, int], rows: slice, spectrum: str, order: str) -> Any:
    """The given rows of the test matrix, a block at a time."""
    m, n = shape
    s = SPECTRA[spectrum](np.arange(n))
    left, right = reflector(m, 1), [reflector(n, 2), reflector(n, 3)]
    out = np.empty((rows.stop - rows.start, n), order=order)
    for begin in range(rows.start, rows.stop, 4096):
        end = min(begin + 4096, rows.stop)
        block = -2 * np.outer(left[begin:end], left[:n] * s)
        own = np.arange(begin, min(end, n))
        block[own - begin, own] += s[own]
        for h in right:
            block -= 2 * np.outer(block @ h, h)
        out[begin - rows.start : end - rows.start] = block
    return out


def run_matrass(given: argparse.Namespace) -> None:
    """As one of the ranks."""
    import matrass as mt

    grid = mt.Grid()
    comm = grid.comm
    shape = (given.rows, given.columns)
    share = -(-given.rows // comm.size)
    rows = slice(min(comm.rank * share, given.rows), min((comm.rank + 1) * share, given.rows))
    local = rows_of_matrix(shape, rows, given.spectrum, given.order)
    a = mt.from_local(grid, local, shape, layout="VC,STAR")
    seconds, found = timed(given.repeats, lambda: mt.linalg.truncated_svd(a, given.k), comm.Barrier)
    seconds = max(comm.allgather(seconds))
    U, V = found.U.local, found.V.local
    left = np.linalg.norm(sum(comm.allgather(local.T @ U)) - V * found.S, axis=0).max()
    squares = sum(comm.allgather(np.sum((local @ V - U * found.S) ** 2, axis=0)))
    right = np.sqrt(squares.max())
    if comm.rank == 0:
        told = found.residual.max()
        assert abs(told - right) < 1e-12, f"the residual is told as {told}, measured as {right}"
        print(line(given, "matrass", seconds, found.S, max(left, right)), flush=True)


def run_rival(given: argparse.Namespace) -> None:
    """As one process with several BLAS threads."""
    A = rows_of_matrix((given.rows, given.columns), slice(0, given.rows), given.spectrum, "C")
    k = given.k

    def gram() -> Any:
        w, V = np.linalg.eigh(A.T @ A)
        S, V = np.sqrt(w[::-1][:k]), V[:, ::-1][:, :k]
        return (A @ V) / S, S, V.T

    def randomized(iterations: Any) -> Any:
        from sklearn.utils.extmath import randomized_svd

        return randomized_svd(A, k, n_iter=iterations, random_state=0)

    work: dict[str, Callable[[], Any]] = {
        "numpy_gram": gram,
        "sklearn": lambda: randomized(2),
        "sklearn_default": lambda: randomized("auto"),
    }
    for name, function in work.items():
        seconds, (U, S, Vt) = timed(given.repeats, function, lambda: None)
        left = np.linalg.norm(A.T @ U - Vt.T * S, axis=0).max()
        right = np.linalg.norm(A @ Vt.T - U * S, axis=0).max()
        print(line(given, name, seconds, S, max(left, right)), flush=True)


def line(given: argparse.Namespace, name: str, seconds: float, S: Any, residual: float) -> str:
    """What the parent reads: the time, and how good the result is (relative to the largest s)."""
    exact = np.sort(SPECTRA[given.spectrum](np.arange(given.columns)))[::-1]
    found = {
        "name": name,
        "ms": round(1e3 * seconds, 1),
        "error_of_S": float(np.abs(S - exact[: given.k]).max() / exact[0]),
        "residual": float(residual / exact[0]),
    }
    return json.dumps(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every case and print its line.

    Returns
    -------
    int
        0 if every result was right.
    """
    parser = argparse.ArgumentParser(prog="svd", description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=1_000)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--part", choices=["matrass", "rival"], help=argparse.SUPPRESS)
    parser.add_argument("--spectrum", choices=list(SPECTRA), help="only this one")
    parser.add_argument("--order", choices=["C", "F"], default="C", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.part:
        (run_matrass if given.part == "matrass" else run_rival)(given)
        return 0
    right = True
    for spectrum in [given.spectrum] if given.spectrum else SPECTRA:
        names = ("rows", "columns", "k", "repeats")
        options = [f"--{name}={getattr(given, name)}" for name in names]
        script = [sys.executable, str(Path(__file__).resolve()), *options, f"--spectrum={spectrum}"]
        case: dict[str, Any] = {
            "case": f"truncated_svd {spectrum}",
            "shape": [given.rows, given.columns],
            "k": given.k,
            "ranks": given.ranks,
        }
        for order, name in (("C", "matrass_row_major"), ("F", "matrass_column_major")):
            ranks = [launcher(), "-n", str(given.ranks), *script, "--part=matrass"]
            case[name] = results_of([*ranks, f"--order={order}"], threads=1)["matrass"]
        case |= results_of([*script, "--part=rival"], threads=given.ranks)
        fastest = min(case[name]["ms"] for name in ("sklearn", "numpy_gram"))
        for name in ("matrass_row_major", "matrass_column_major"):
            case[f"{name}_speedup_over_the_faster"] = round(fastest / case[name]["ms"], 2)
            right = right and case[name]["residual"] < 1e-9 and case[name]["error_of_S"] < 1e-12
        print(json.dumps(case), flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
