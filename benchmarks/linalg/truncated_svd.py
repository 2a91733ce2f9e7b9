# SPDX-License-Identifier: BSD-3-Clause
"""Truncated SVD against scikit-learn, SciPy, Dask, NumPy and Spark's MLlib: one JSON line a case.

``./run bench linalg/truncated`` runs all on 2 ranks with one BLAS thread each; a rival gets one
process with as many threads. By hand::

    .venv/bin/python benchmarks/linalg/truncated_svd.py --case to_1e-4 --repeats 3 --scale 0.2

A time is the median of `repeats` runs, U included; errors and residuals (the larger one of
||A v - s u|| and ||A^T u - s v||) are in units of the largest singular value. ``times_faster`` has
each rival of the same run; what it costs them to come as near as this is not in it. ``peak_mb`` is
what a rank took beyond its part of the matrix, U and saved vectors included.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from contest import launcher, peak_of, results_of, timed
from svd_matrix import rows_of_matrix, share_of, singular_values

HERE = Path(__file__).resolve()


class Case(NamedTuple):
    """A matrix, how good the answer must be, and whom it is compared with."""

    spectrum: str
    shape: tuple[int, int]
    rivals: tuple[str, ...]
    tol: float | None = None
    error: float = 1e-10
    residual: float = 1e-5


TALL = (100_000, 1_000)
CASES = {
    "to_1e-10": Case("power_law", TALL, ("sklearn", "dask", "svds", "gram", "mllib"), 1e-5),
    "to_1e-4": Case("power_law", TALL, ("sklearn",), 3e-3, 1e-4, 1e-2),
    "vectors_1e-8": Case("power_law", TALL, ("svds",), 1e-8, 1e-12, 1e-8),
    "signal_and_noise": Case("signal_and_noise", TALL, ("sklearn", "gram"), None, 1e-12, 1e-9),
    "slow_decay": Case("slow_decay", TALL, ("sklearn", "gram"), None, 1e-12, 1e-9),
    "many_columns": Case("power_law", (20_000, 10_000), ("sklearn",), 1e-3, 2e-5, 1e-2),
}


def run_matrass(case: Case, given: argparse.Namespace) -> None:
    """As one of the ranks: rows stored by rows as NumPy's, and by columns."""
    import matrass as mt

    grid = mt.Grid()
    comm = grid.comm
    for name, order in (("matrass", "C"), ("matrass_column_major", "F")):
        rows = share_of(comm.rank, comm.size, case.shape[0])
        local = rows_of_matrix(case.shape, rows, case.spectrum, order)
        a = mt.from_local(grid, local, case.shape, layout="VC,STAR")

        def work(a: Any = a) -> Any:
            return mt.linalg.truncated_svd(a, given.k, tol=case.tol)

        peak = max(comm.allgather(peak_of(work)))
        seconds, found = timed(given.repeats, work, comm.Barrier)
        seconds = max(comm.allgather(seconds))
        U, V = found.U.local, found.V.local
        left = np.linalg.norm(sum(comm.allgather(local.T @ U)) - V * found.S, axis=0).max()
        squares = sum(comm.allgather(np.sum((local @ V - U * found.S) ** 2, axis=0)))
        right = np.sqrt(squares.max())
        if comm.rank == 0:
            told = found.residual.max()
            assert abs(told - right) < 1e-12, f"the residual is told as {told}, measured as {right}"
            result = line(case, name, seconds, found.S, max(left, right))
            print(json.dumps(result | {"peak_mb": peak}), flush=True)
        del a, local, found


def run_rival(case: Case, given: argparse.Namespace) -> None:
    """As one process with several threads."""
    if given.rival == "mllib":
        return run_mllib(case, given)
    A = rows_of_matrix(case.shape, slice(0, case.shape[0]), case.spectrum)
    k = given.k

    def gram() -> Any:
        w, V = np.linalg.eigh(A.T @ A)
        S, V = np.sqrt(w[::-1][:k]), V[:, ::-1][:, :k]
        return (A @ V) / S, S, V.T

    def sklearn() -> Any:
        from sklearn.utils.extmath import randomized_svd

        return randomized_svd(A, k, n_iter=2, random_state=0)

    def svds() -> Any:
        from scipy.sparse.linalg import svds

        U, S, Vt = svds(A, k, tol=case.tol or 0, rng=0)
        return U[:, ::-1], S[::-1], Vt[::-1]

    def dask() -> Any:
        import dask
        import dask.array as da

        chunks = (-(-case.shape[0] // (4 * given.ranks)), case.shape[1])
        with dask.config.set(scheduler="threads", num_workers=given.ranks):
            X = da.from_array(A, chunks=chunks, name=False)
            return dask.compute(*da.linalg.svd_compressed(X, k, n_power_iter=2, seed=0))

    work: dict[str, Callable[[], Any]] = {
        "gram": gram,
        "sklearn": sklearn,
        "svds": svds,
        "dask": dask,
    }
    seconds, (U, S, Vt) = timed(given.repeats, work[given.rival], lambda: None)
    left = np.linalg.norm(A.T @ U - Vt.T * S, axis=0).max()
    right = np.linalg.norm(A @ Vt.T - U * S, axis=0).max()
    print(json.dumps(line(case, given.rival, seconds, S, max(left, right))), flush=True)
    return None


def run_mllib(case: Case, given: argparse.Namespace) -> None:
    """Spark's MLlib, its rows cached in the JVM; U is computed, row by row, and counted."""
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(HERE.parents[1] / "support")}
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    from pyspark.mllib.linalg import Vectors
    from pyspark.mllib.linalg.distributed import RowMatrix
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{given.ranks}]").config(
        "spark.driver.memory", "8g"
    )
    options = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.log.level": "ERROR",
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    parts = 4 * given.ranks

    def rows(part: int) -> Any:
        return rows_of_matrix(case.shape, share_of(part, parts, case.shape[0]), case.spectrum)

    vectors = spark.sparkContext.range(parts, numSlices=parts).flatMap(
        lambda part: (Vectors.dense(row) for row in rows(part))
    )
    matrix = RowMatrix(vectors, *case.shape)
    cached = matrix._java_matrix_wrapper._java_model.rows().cache()
    assert cached.count() == case.shape[0]

    def work() -> Any:
        svd = matrix.computeSVD(given.k, computeU=True)
        assert svd.U._java_matrix_wrapper._java_model.rows().count() == case.shape[0]
        return svd

    seconds, svd = timed(1, work, lambda: None)
    print(json.dumps(line(case, "mllib", seconds, svd.s.toArray(), 0.0)), flush=True)
    spark.stop()


def line(case: Case, name: str, seconds: float, S: Any, residual: float) -> dict[str, Any]:
    """What the parent reads: the time, and how good the result is (relative to the largest s)."""
    exact = singular_values(case.spectrum, case.shape[1])
    found = {
        "name": name,
        "ms": round(1e3 * seconds, 1),
        "error_of_S": float(np.abs(S - exact[: len(S)]).max() / exact[0]),
        "residual": float(residual / exact[0]),
    }
    if name == "mllib":
        del found["residual"]  # its U is in the JVM
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every case and print its line.

    Returns
    -------
    int
        0 if every result was as good as its case asks.
    """
    parser = argparse.ArgumentParser(prog="truncated_svd", description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--case", choices=list(CASES), help="only this one")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of rows")
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rival", help="only this one, in this process")
    parser.add_argument("--part", choices=["matrass", "rival"], help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    good = True
    for name in [given.case] if given.case else CASES:
        case = CASES[name]
        case = case._replace(shape=(int(case.shape[0] * given.scale), case.shape[1]))
        if given.part:
            (run_matrass if given.part == "matrass" else run_rival)(case, given)
            continue
        options = [f"--{o}={getattr(given, o)}" for o in ("ranks", "scale", "k", "repeats")]
        script = [sys.executable, str(HERE), *options, f"--case={name}"]
        told: dict[str, Any] = {
            "case": f"truncated_svd {name}",
            "shape": list(case.shape),
            "k": given.k,
            "ranks": given.ranks,
        }
        told |= results_of([launcher(), "-n", str(given.ranks), *script, "--part=matrass"], 1)
        mine = [told[key] for key in told if key.startswith("matrass")]
        for rival in case.rivals:
            if rival == "mllib" and not shutil.which("java"):
                print("truncated_svd: no java, so no MLlib", file=sys.stderr)
                continue
            command = [*script, "--part=rival", f"--rival={rival}"]
            told |= results_of(command, given.ranks)
        told["times_faster"] = {
            rival: round(told[rival]["ms"] / told["matrass"]["ms"], 2) for rival in case.rivals
        }
        good &= all(m["error_of_S"] < case.error for m in mine)
        good &= all(m["residual"] < case.residual for m in mine)
        # U, the saved vectors (at most half of a rank's part), and what does not grow with rows.
        part = 8e-6 * case.shape[0] * case.shape[1] / given.ranks
        most = part / 2 + 8e-6 * case.shape[0] * given.k / given.ranks + 8e-6 * 520 * case.shape[1]
        good &= all(m["peak_mb"] < most + 32 for m in mine)
        print(json.dumps(told), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
