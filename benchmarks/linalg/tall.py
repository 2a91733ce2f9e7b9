# SPDX-License-Identifier: BSD-3-Clause
"""Tall matrices against NumPy, ScaLAPACK and Dask: one JSON line a case.

``./run bench linalg/tall`` runs all; by hand, after ``./run build``, on a quiet machine::

    .venv/bin/python benchmarks/linalg/tall.py --repeats 5
    .venv/bin/python benchmarks/linalg/tall.py --case lstsq --scale 0.1

matrass runs on 2 ranks with one BLAS thread each; NumPy and Dask get one process with as many BLAS
threads or workers, ScaLAPACK as many ranks. A time is the median of `repeats` runs after one that
is not counted. What was computed is measured: ``||Q.T Q - I||``, the error of x, of A.T B. A
speed-up is over the fastest rival of the same run.
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

from contest import launcher, output_of, peak_of, results_of, timed

CASES = {
    "qr_r": (1_000_000, 100),
    "qr": (1_000_000, 100),
    "lstsq": (500_000, 200),
    "lstsq_1e10": (500_000, 200),
    "matmul": (500_000, 200),
}
ROOT = Path(__file__).resolve().parents[2]


def rows_of(case: str, shape: tuple[int, int], rows: slice) -> tuple[Any, Any]:
    """Rows of A and of B (for least squares: A x and noise)."""
    n = shape[1]
    weights = np.geomspace(1, 1e-10, n) if case == "lstsq_1e10" else np.ones(n)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((n, n)))[0]
    x = np.random.default_rng(2).standard_normal((n, 1))
    a = np.empty((rows.stop - rows.start, n), order="F")
    b = np.empty((rows.stop - rows.start, n if case == "matmul" else 1), order="F")
    step = 4096
    for begin in range(rows.start // step * step, rows.stop, step):
        rng = np.random.default_rng([3, begin])
        piece = rng.standard_normal((step, n))
        if case == "lstsq_1e10":
            piece = (piece * weights) @ turn
        noise = rng.standard_normal((step, n if case == "matmul" else 1))
        low, high = max(begin, rows.start), min(begin + step, rows.stop)
        at = slice(low - rows.start, high - rows.start)
        a[at] = piece[low - begin : high - begin]
        right = noise if case == "matmul" else piece @ x + 1e-3 * noise
        b[at] = right[low - begin : high - begin]
    return a, b


def run_matrass(given: argparse.Namespace, case: str, shape: tuple[int, int]) -> None:
    """As one of the ranks."""
    import matrass as mt

    grid = mt.Grid()
    comm = grid.comm
    share = -(-shape[0] // comm.size)
    rows = slice(min(comm.rank * share, shape[0]), min((comm.rank + 1) * share, shape[0]))
    local, right = rows_of(case, shape, rows)
    a = mt.from_local(grid, local, shape, layout="VC,STAR")
    b = mt.from_local(grid, right, (shape[0], right.shape[1]), layout="VC,STAR")
    linalg = mt.linalg
    work: dict[str, Callable[[], Any]] = {"matrass": lambda: linalg.lstsq(a, b)}
    if case == "qr_r":
        work = {
            "matrass": lambda: linalg.tall_qr(a, "r"),
            "matrass_two_passes": lambda: linalg.tall_qr(a, "r", method="cholesky"),
            "matrass_tsqr": lambda: linalg.tall_qr(a, "r", method="tsqr"),
        }
    elif case == "qr":
        work = {
            "matrass": lambda: linalg.tall_qr(a),
            "matrass_tsqr": lambda: linalg.tall_qr(a, method="tsqr"),
        }
    elif case == "matmul":
        work = {"matrass_self": lambda: a.T @ a, "matrass": lambda: a.T @ b}
    for name, function in work.items():
        peak = max(comm.allgather(peak_of(function)))
        seconds, found = timed(given.repeats, function, comm.Barrier)
        if case == "qr_r":
            gram = sum(comm.allgather(local.T @ local))
            r = found.local
            error = np.linalg.norm(r.T @ r - gram) / np.linalg.norm(gram)
        elif case == "qr":
            q = found.Q.local
            error = np.linalg.norm(sum(comm.allgather(q.T @ q)) - np.eye(shape[1]))
        elif case == "matmul":
            other = local if name == "matrass_self" else right
            product = sum(comm.allgather(local.T @ other))
            error = np.linalg.norm(found.local - product) / np.linalg.norm(product)
        else:
            error = gradient(comm.allgather, local, right, found.x.local)
        if comm.rank == 0:
            print(line(name, seconds, float(error), peak), flush=True)


def gradient(gather: Callable[[Any], Any], a: Any, b: Any, x: Any) -> float:
    """``||A.T r|| / (||A|| ||r||)``: how far x is from the minimiser."""
    r = b - a @ x
    g, squares, size = (sum(gather(v)) for v in (a.T @ r, np.sum(r**2), np.sum(a**2)))
    return float(np.linalg.norm(g) / np.sqrt(squares * size))


def run_rival(given: argparse.Namespace, case: str, shape: tuple[int, int]) -> None:
    """As one process with several threads."""
    a, b = rows_of(case, shape, slice(0, shape[0]))
    if case.startswith("lstsq"):
        seconds, found = timed(given.repeats, lambda: np.linalg.lstsq(a, b), lambda: None)
        print(line("numpy", seconds, gradient(lambda v: [v], a, b, found[0])), flush=True)
        return
    product = a.T @ b if case == "matmul" else None
    numpy_work: Callable[[], Any] = lambda: a.T @ b  # noqa: E731
    if case != "matmul":
        numpy_work = lambda: np.linalg.qr(a, "r" if case == "qr_r" else "reduced")  # noqa: E731
    if case == "matmul" or given.slow:
        seconds, _ = timed(given.repeats, numpy_work, lambda: None)
        print(line("numpy", seconds, 0.0), flush=True)
    try:
        import dask
        import dask.array
    except ImportError:
        return
    chunks = (-(-shape[0] // (4 * given.ranks)), shape[1])
    A, B = (dask.array.from_array(x, chunks=(chunks[0], x.shape[1]), name=False) for x in (a, b))

    def dask_work() -> Any:
        with dask.config.set(scheduler="threads", num_workers=given.ranks):
            if case == "matmul":
                return (A.T @ B).compute()
            q, r = dask.array.linalg.qr(A)
            return r.compute() if case == "qr_r" else dask.compute(q, r)

    seconds, found = timed(given.repeats, dask_work, lambda: None)
    error = 0.0
    if case == "matmul":
        error = float(np.linalg.norm(found - product) / np.linalg.norm(product))
    print(line("dask", seconds, error), flush=True)


def line(name: str, seconds: float, error: float, peak: float | None = None) -> str:
    """What the parent reads; of ranks with what one took beyond its rows, in MB."""
    found = {"name": name, "ms": round(1e3 * seconds, 1), "error": error}
    return json.dumps(found if peak is None else found | {"peak_mb": peak})


def scalapack(given: argparse.Namespace, shape: tuple[int, int], column: int) -> dict[str, Any]:
    """Of pdgeqrf (column 0), or with pdorgqr (column 1), where it was built."""
    program = ROOT / "build/dev/benchmarks/linalg/linalg_pdgeqrf"
    if not program.exists():
        return {}
    command = [launcher(), "-n", str(given.ranks), str(program), *map(str, shape)]
    runs = [text.split() for text in output_of([*command, str(given.repeats)], threads=1)]
    times = [float(run[column]) for run in runs if len(run) == 2]
    return {"scalapack": {"ms": round(1e3 * float(np.median(times)), 1)}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every case and print its line.

    Returns
    -------
    int
        0 if every result was right.
    """
    parser = argparse.ArgumentParser(prog="tall", description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--case", choices=list(CASES), help="only this one")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of rows")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slow", action="store_true", help="NumPy's QR, too")
    parser.add_argument("--part", choices=["matrass", "rival"], help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    right = True
    for case in [given.case] if given.case else CASES:
        shape = (int(CASES[case][0] * given.scale), CASES[case][1])
        if given.part:
            (run_matrass if given.part == "matrass" else run_rival)(given, case, shape)
            continue
        script = [sys.executable, str(Path(__file__).resolve()), f"--case={case}"]
        script += [f"--{name}={getattr(given, name)}" for name in ("ranks", "scale", "repeats")]
        script += ["--slow"] if given.slow else []
        told: dict[str, Any] = {"case": case, "shape": list(shape), "ranks": given.ranks}
        told |= results_of([launcher(), "-n", str(given.ranks), *script, "--part=matrass"], 1)
        mine = [name for name in told if name.startswith("matrass")]
        rivals = results_of([*script, "--part=rival"], given.ranks)
        if case.startswith("qr"):
            rivals |= scalapack(given, shape, 0 if case == "qr_r" else 1)
        told |= rivals
        fastest = min((rival["ms"] for rival in rivals.values()), default=None)
        if fastest is not None:
            told["speedup_over_the_fastest"] = round(fastest / told["matrass"]["ms"], 2)
        right = right and all(told[name]["error"] < 1e-12 for name in mine)
        print(json.dumps(told), flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
