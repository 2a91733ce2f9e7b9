# SPDX-License-Identifier: BSD-3-Clause
"""Sessions against what they replace, in the same run: one JSON line a case.

``./run bench sessions`` takes 2 Dask workers of one thread each, or 2 local ranks; by hand::

    .venv/bin/python benchmarks/sessions/run.py --cases put_dask small_job --scale 0.1

Times are medians in milliseconds; a rival does the same in the same process or on the same workers.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import matrass as mt
from lines import median
from lines import tell as tell_of
from svd_matrix import rows_of_matrix, share_of, singular_values

RANKS = 2
LARGE = (125_000, 1_000)  # 1 GB
TALL = (100_000, 1_000)
tell = partial(tell_of, "sessions", RANKS)


@contextlib.contextmanager
def dask_workers() -> Iterator[Any]:
    """A client of a cluster of worker processes."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=RANKS,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=0,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def persisted(client: Any, shape: tuple[int, int], make: Callable[[slice], Any]) -> Any:
    """A Dask array of row chunks that the workers have made, four each."""
    import dask.array as da
    from distributed import wait

    parts = 4 * RANKS
    homes = list(client.scheduler_info()["workers"])
    chunks = []
    for part in range(parts):
        rows = share_of(part, parts, shape[0])
        home = homes[part * RANKS // parts]
        future = client.submit(make, rows, workers=[home], pure=False)
        chunks.append(da.from_delayed(future, (rows.stop - rows.start, shape[1]), float))
    array = client.persist(da.concatenate(chunks))
    wait(array)
    return array


def put_dask(scale: float, repeats: int) -> None:
    """Chunks that are in the workers become a matrix, against a plain copy of as many bytes."""
    shape = (int(LARGE[0] * scale), LARGE[1])
    with dask_workers() as client:
        x = persisted(client, shape, lambda rows: np.full((rows.stop - rows.start, LARGE[1]), 0.5))
        with mt.dask.Session(client) as s:
            ours = median(repeats, lambda: s.put(x))
            lines = s.transfers[-RANKS:]
            copied = s.run(_copy_speed, shape)
    memcpy = round(1e3 * max(copied), 2)
    tell(
        "put_dask",
        bytes=shape[0] * shape[1] * 8,
        matrass_ms=ours,
        memcpy_ms=memcpy,
        of_memcpy=round(memcpy / ours, 3),
        copied_before_redistribution=sum(line.moved for line in lines),
        place_ms=round(1e3 * max(line.place for line in lines), 1),
    )


def _copy_speed(grid: Any, shape: tuple[int, int]) -> float:
    """Seconds in which all ranks together copy as many bytes, each its share, memory warm."""
    a = np.full((shape[0] // grid.comm.size, shape[1]), 0.5)
    b = a.copy()
    times = []
    for _ in range(5):
        grid.comm.Barrier()
        start = time.perf_counter()
        np.copyto(b, a)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def put_numpy(scale: float, repeats: int) -> None:
    """An array of the driver, against Dask's scatter; and back, against Dask's gather."""
    x = np.random.default_rng(0).random((int(LARGE[0] * scale), LARGE[1]))
    pieces = np.array_split(x, RANKS)
    with mt.Session(ranks=RANKS) as s:
        put = median(repeats, lambda: s.put(x))
        a = s.put(x)
        out = np.empty_like(x)
        fetch, into = median(repeats, a.to_numpy), median(repeats, partial(a.to_numpy, out))
        assert np.array_equal(out, x)
    with dask_workers() as client:
        homes = list(client.scheduler_info()["workers"])

        def scatter() -> Any:
            return [
                client.scatter(piece, workers=[home], hash=False)
                for piece, home in zip(pieces, homes, strict=True)
            ]

        sent = median(max(1, repeats // 2), scatter)
        futures = scatter()
        got = median(max(1, repeats // 2), lambda: client.gather(futures))
    size = x.nbytes
    tell("put_numpy", bytes=size, matrass_ms=put, dask_scatter_ms=sent,
         times_faster=round(sent / put, 2))  # fmt: skip
    tell("to_numpy", bytes=size, matrass_ms=fetch, into_an_array_ms=into, dask_gather_ms=got,
         times_faster=round(got / fetch, 2))  # fmt: skip


def svd_dask(scale: float, repeats: int) -> None:
    """A truncated SVD of a Dask array in the workers' memory, put included, against Dask's own."""
    import dask
    import dask.array as da

    shape, k = (int(TALL[0] * scale), TALL[1]), 20
    exact = singular_values("power_law", shape[1])[:k]
    with dask_workers() as client:
        x = persisted(client, shape, lambda rows: rows_of_matrix(shape, rows, "power_law"))
        found: dict[str, Any] = {}

        def note(name: str, count: int, work: Callable[[], Any]) -> None:
            found[f"{name}_ms"] = median(count, work)
            found[f"{name}_error"] = float(abs(work() - exact).max() / exact[0])

        def compressed() -> Any:
            u, s, v = da.linalg.svd_compressed(x, k, n_power_iter=2, seed=0)
            return dask.compute(s, u.persist(), v)[0]

        def whole() -> Any:
            u, s, v = da.linalg.svd(x)
            return dask.compute(s, u.persist(), v)[0][:k]

        with mt.dask.Session(client) as s:
            note("matrass", repeats, lambda: mt.linalg.truncated_svd(s.put(x), k, tol=1e-5).S)
        note("svd_compressed", max(1, repeats // 2), compressed)
        note("tsqr", 1, whole)
    tell(
        "svd_dask",
        shape=shape,
        k=k,
        **found,
        times_faster={
            name: round(found[f"{name}_ms"] / found["matrass_ms"], 2)
            for name in ("svd_compressed", "tsqr")
        },
    )


def open_close(scale: float, repeats: int) -> None:
    """From nothing to ranks, and back."""
    for ranks in (2, 4):
        opened, closed = [], []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            s = mt.Session(ranks=ranks)
            opened.append(time.perf_counter() - start)
            start = time.perf_counter()
            s.close()
            closed.append(time.perf_counter() - start)
        tell("open_close", local_ranks=ranks,
             open_ms=round(1e3 * float(np.median(opened[1:])), 1),
             close_ms=round(1e3 * float(np.median(closed[1:])), 1))  # fmt: skip
    with dask_workers() as client:
        start = time.perf_counter()
        s = mt.dask.Session(client)
        first = time.perf_counter() - start
        s.close()
        start = time.perf_counter()
        mt.dask.Session(client).close()
        again = time.perf_counter() - start
    tell("open_close", on="dask workers", first_ms=round(1e3 * first, 1),
         again_with_close_ms=round(1e3 * again, 1))  # fmt: skip


def small_job(scale: float, repeats: int) -> None:
    """Put 1,000 x 1,000, ten singular triplets, fetch the left ones."""
    x = rows_of_matrix((1_000, 1_000), slice(0, 1_000), "power_law")
    with mt.Session(ranks=RANKS) as s:
        a = s.put(x)
        u = mt.linalg.truncated_svd(a, 10).U
        tell(
            "small_job",
            put_ms=median(20, lambda: s.put(x)),
            svd_ms=median(20, lambda: mt.linalg.truncated_svd(a, 10)),
            fetch_ms=median(20, u.to_numpy),
        )


def no_op(scale: float, repeats: int) -> None:
    """Commands that do nothing."""
    for ranks in (2, 4):
        with mt.Session(ranks=ranks) as s:
            times = []
            for _ in range(1_000):
                start = time.perf_counter()
                s.call("noop")
                times.append(1e3 * (time.perf_counter() - start))
        p50, p95 = (round(float(np.quantile(times, q)), 3) for q in (0.5, 0.95))
        tell("no_op", local_ranks=ranks, p50_ms=p50, p95_ms=p95)


def lost(scale: float, repeats: int) -> None:
    """From SIGKILL of a rank in a collective to the driver's error."""
    times = []
    for _ in range(2 * repeats):
        with mt.Session(ranks=RANKS) as s:
            call = s.submit(_wait_for_rank_1)
            time.sleep(0.2)
            start = time.perf_counter()
            os.kill(s.ranks[1].pid, signal.SIGKILL)
            try:
                call.result(30)
            except mt.RankLostError:
                times.append(1e3 * (time.perf_counter() - start))
    assert len(times) == 2 * repeats
    tell("lost", median_ms=round(float(np.median(times)), 1), most_ms=round(max(times), 1))


def _wait_for_rank_1(grid: Any) -> None:
    if grid.rank == 1:
        time.sleep(60)
    grid.comm.Barrier()


CASES = {f.__name__: f for f in (put_dask, put_numpy, svd_dask, open_close, small_job, no_op, lost)}


def main() -> int:
    """Run the cases."""
    parser = argparse.ArgumentParser(prog="sessions", description=__doc__)
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of rows")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # for the workers and the ranks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in given.cases:
            CASES[name](given.scale, given.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
