# SPDX-License-Identifier: BSD-3-Clause
"""One rank of a fault test of matrass's own calls; prints its report as JSON.

As `rank`: the victim kills itself in the middle of a call; a survivor gets RankLostError, from
every later call too, goes on computing with what it has, and leaves by the normal way out.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matrass as mt
import numpy as np
import survivor
from mpi4py import MPI

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import routines

COMM = MPI.COMM_WORLD
M, N = 600, 160  # messages longer than what MPI sends before the receiver is there
BLOCK = 16
K = 4

Call = Callable[[int], object]
"""A call for every rank: the 0th one in full, the 1st one with a death, the 2nd one too late."""


def element(i: np.ndarray, j: np.ndarray) -> np.ndarray:
    return np.cos(0.7 * i + 0.01 * i * j) + (i == j) * 3.0 / (1.0 + j)


def tiles_of(rank: int, size: int) -> list[tuple[int, int, np.ndarray]]:
    """Rectangles of 50 rows, dealt to the ranks in turn."""
    columns = np.arange(N)[np.newaxis, :]
    return [
        (i0, 0, element(np.arange(i0, i0 + 50)[:, np.newaxis], columns))
        for i0 in range(50 * rank, M, 50 * size)
    ]


def product_on_new_grid(number: int) -> object:
    """The first product on a grid makes a BLACS context, and with it communicators."""
    p = COMM.size
    grid = mt.Grid(shape=[(1, p), (p, 1)][number % 2])
    a = mt.from_function(grid, (N, N), element, block=BLOCK)
    return a @ a


def routine(name: str, grid: mt.Grid) -> Call:
    """One of linear algebra, with matrices of its own."""
    matrices = routines.operands(name, grid, M, N // 2, layout="MC,MR")
    return lambda _: routines.run(name, matrices)


def calls_on(a: mt.DistMatrix) -> dict[str, Call]:
    """matrass's calls by name."""
    grid = a.grid
    whole = element(np.arange(M)[:, np.newaxis], np.arange(N)[np.newaxis, :])
    tiles = tiles_of(COMM.rank, COMM.size)
    other = mt.DistMatrix(grid, (M, N), layout="STAR,VC")

    sparse = mt.SparseMatrix.from_dense(a, 0.5)
    right = mt.from_function(grid, (N, 3), element)

    def assign(_: int) -> None:
        other[...] = a

    return {
        **{name: routine(name, grid) for name in routines.OPERANDS},
        "from_dense": lambda _: mt.SparseMatrix.from_dense(a, 0.5),
        "to_dense": lambda _: sparse.to_dense("MC,MR"),
        "sparse product": lambda _: sparse @ right,
        "sparse svd": lambda _: mt.linalg.truncated_svd(sparse, K),
        "sum": lambda _: a.sum(axis=0),
        "add": lambda _: a + other,
        "random": lambda _: mt.random.normal(grid, (M, N)),
        "to": lambda _: a.to("VC,STAR"),
        "product_on_new_grid": product_on_new_grid,
        "tsqr": lambda _: mt.linalg.truncated_svd(a, K, method="tsqr"),
        "from_tiles": lambda _: mt.from_tiles(grid, tiles, (M, N)),
        "from_global": lambda _: mt.from_global(grid, whole),
        "from_function": lambda _: mt.from_function(grid, (M, N), element),
        "numpy": lambda _: a.numpy(root=None),
        "DistMatrix": lambda _: mt.DistMatrix(grid, (M, N)),
        "element": lambda _: a[3, 4],
        "assign": assign,
        "copy": lambda _: a.copy(),
    }


def attempt(call: Callable[[], object], where: str) -> dict[str, Any] | None:
    """What is to be reported if `call` raises, else None."""
    try:
        call()
    except mt.RankLostError as error:
        seconds = survivor.seconds_since_flag()
        kept = survivor.shim().shim_quarantined()
        return {"where": where, "text": str(error), "seconds": seconds, "kept": kept}
    return None


def die_in(call: Call, fraction: float) -> dict[str, Any]:
    """The call once in full, then again: the victim dies at a fraction of what it starts."""
    report: dict[str, Any] | None
    is_victim = COMM.rank == survivor.VICTIM
    if is_victim:
        survivor.arm(0, 0)
    call(0)
    starts = survivor.starts() if is_victim else 0
    COMM.Barrier()
    survivor.meet(COMM)
    if is_victim:
        survivor.arm(max(1, round(fraction * starts)), 0)
    report = attempt(lambda: call(1), "call")
    while not report:  # this rank needed nothing more of the victim
        report = attempt(lambda: call(1), "later")
    return report


def go_on(a: mt.DistMatrix, before: np.ndarray, calls: dict[str, Call]) -> dict[str, Any]:
    """Every matrass call raises, views and this rank's part are as they were, NumPy computes."""
    more: dict[str, Call] = {
        "Grid": lambda _: mt.Grid(),
        "Grid of another communicator": lambda _: mt.Grid(MPI.COMM_SELF),
        "from_local": lambda _: mt.from_local(a.grid, a.local, a.shape, block=BLOCK),
    }
    begin = survivor.clock()
    texts = {
        name: attempt(lambda call=call: call(2), "later")  # type: ignore[misc]
        for name, call in (calls | more).items()
    }
    seconds = survivor.clock() - begin
    local = a.T[:, 1:].local.T
    x = np.random.default_rng(1).normal(size=(200, 200))
    correct = bool(np.allclose(np.linalg.solve(x, x @ np.ones(200)), 1))
    return {
        "later": {name: report and report["text"] for name, report in texts.items()},
        "later_seconds": seconds,
        "computed": correct and bool(np.isfinite(local.sum())),
        "unchanged": bool(np.array_equal(a.local, before)),
    }


def count_calls() -> dict[str, Any]:
    """How often a product asks the guard for MPI: of matrices of 1 x 1 block, then of 40 x 40."""
    guard = ctypes.CDLL(mt.bootstrap.which_mpi.installation().libmpi)
    guard.matrass_guard_calls.restype = ctypes.c_ulonglong
    grid = mt.Grid()
    counts = []
    for n in (BLOCK, 40 * BLOCK):
        a = mt.from_function(grid, (n, n), element, block=BLOCK)
        a @ a  # makes the context, the first time
        before = guard.matrass_guard_calls()
        a @ a
        counts.append(guard.matrass_guard_calls() - before)
    return {"where": "end", "counts": counts}


def main() -> None:
    scenario = survivor.scenario()
    survivor.watch()
    if scenario["call"] == "count":
        survivor.report(count_calls())
        return
    grid = mt.Grid()
    a = mt.from_function(grid, (M, N), element, block=BLOCK)
    before = a.local.copy()
    calls = calls_on(a)
    report = die_in(calls[scenario["call"]], scenario["fraction"])
    if scenario.get("uncaught"):
        survivor.report(report)
        a.norm()
    survivor.report(report | go_on(a, before, calls))


main()
