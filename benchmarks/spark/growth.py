# SPDX-License-Identifier: BSD-3-Clause
"""How Spark with and without matrass grow with the matrix: the picture that the papers draw.

A rank-20 SVD of 31,250 to 500,000 rows of 1,000 columns; each of the two in a process of its own,
with a time cap at which it counts as not finished. By hand, for it takes half an hour::

    .venv/bin/python benchmarks/spark/growth.py
    .venv/bin/python benchmarks/spark/growth.py --rows 2000 4000 --cap 60 --json /tmp/g.json
    .venv/bin/python benchmarks/spark/growth.py --draw-only

It writes what it measured to growth.json and draws docs/spark_svd.svg of it. Next:
``growth_picture.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from setting import RANKS, SPECTRUM, known_rows, prepare, released, spark_session

HERE = Path(__file__).resolve()
DOCS = HERE.parents[2] / "docs"
ROWS = (31_250, 62_500, 125_000, 250_000, 500_000)
COLUMNS, RANK = 1_000, 20
WARM_UP = 8
"""What a process does first, uncounted, has so many times fewer rows."""
# Of Spark's JVM: MLlib keeps the rows twice, in the DataFrame and as vectors.
MEMORY = {"matrass": "8g", "mllib": "14g", "numpy": "1g"}
PREPARE_SECONDS = 900.0


def part_matrass(frames: Iterator[Any]) -> None:
    """From Spark to ranks and back."""
    import matrass as mt
    from svd import by_matrass

    small, *_ = [next(frames)]
    start = time.perf_counter()
    with mt.spark.Session(small.sparkSession, ranks=RANKS) as s:
        opened = time.perf_counter() - start
        by_matrass(s, small, RANK)
        frame = next(frames)
        say(ready=True)
        run = by_matrass(s, frame, RANK)
    say(seconds=run.seconds, opened=opened, s=run.s.tolist())


def part_mllib(frames: Iterator[Any]) -> None:
    """In Spark alone."""
    from svd import by_mllib

    by_mllib(next(frames), RANK)
    frame = next(frames)
    say(ready=True)
    run = by_mllib(frame, RANK)
    say(seconds=run.seconds, products=run.passes, s=run.s.tolist())


def part_numpy(rows: int) -> None:
    """The arithmetic of both, by NumPy on both cores, of a matrix that is in memory."""
    import numpy as np
    from svd_matrix import rows_of_matrix

    x = rows_of_matrix((rows, COLUMNS), slice(0, rows), SPECTRUM)
    v, block = np.ones(COLUMNS), np.ones((COLUMNS, RANK))

    def whole() -> None:
        _, vectors = np.linalg.eigh(x.T @ x)
        x @ vectors[:, -RANK:]

    say(ready=True)
    found = {"product": lambda: (x @ v) @ x, "scores": lambda: x @ block, "svd": whole}
    say(**{name: best_of(work) for name, work in found.items()})


def best_of(work: Callable[[], Any], times: int = 3) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def part(name: str, rows: int) -> None:
    """In a process of its own: one of the three."""
    prepare(MEMORY[name])
    if name == "numpy":
        part_numpy(rows)
        return
    with spark_session() as spark:

        def frames() -> Iterator[Any]:
            warm_up = known_rows(spark, (max(COLUMNS, rows // WARM_UP), COLUMNS))
            yield warm_up
            released(warm_up)
            yield known_rows(spark, (rows, COLUMNS))

        {"matrass": part_matrass, "mllib": part_mllib}[name](frames())


def say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


def measured(name: str, rows: int, cap: float) -> dict[str, Any] | None:
    """What a part tells; None if it has not finished within `cap` seconds after its preparation."""
    threads = {"OPENBLAS_NUM_THREADS": str(RANKS)} if name == "numpy" else {}
    child = subprocess.Popen(
        [sys.executable, str(HERE), "--part", name, "--rows", str(rows)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | threads,
        start_new_session=True,  # its JVM is of this group, and ends with it
    )
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(child, lines), daemon=True).start()
    try:
        if not json.loads(lines.get(timeout=PREPARE_SECONDS) or "{}"):
            raise SystemExit(f"growth: {name} of {rows} rows failed before it began")
        found: dict[str, Any] = json.loads(lines.get(timeout=cap) or "{}")
        if not found:
            raise SystemExit(f"growth: {name} of {rows} rows failed")
    except queue.Empty:
        return None
    else:
        return found
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _read(child: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("{"):
            lines.put(line)
    lines.put("")


def point(rows: int, cap: float) -> dict[str, Any]:
    """All that is measured of one size."""
    numpy = measured("numpy", rows, cap) or {}
    found: dict[str, Any] = {"rows": rows, "columns": COLUMNS, "k": RANK, "numpy": numpy}
    for name in ("matrass", "mllib"):
        found[name] = with_overhead(measured(name, rows, cap), numpy)
    return found


def with_overhead(run: dict[str, Any] | None, numpy: dict[str, Any]) -> dict[str, Any]:
    """Add the seconds that are arithmetic, and how many times as many there are beyond those."""
    if run is None:
        return {"finished": False}
    from svd_matrix import singular_values

    exact = singular_values(SPECTRUM, COLUMNS)[:RANK]
    error = max(abs(a - b) for a, b in zip(run.pop("s"), exact, strict=True)) / exact[0]
    total = sum(run["seconds"].values())
    if "products" in run:
        arithmetic = run["products"] * numpy["product"] + numpy["scores"]
    else:
        arithmetic = run["seconds"]["compute"]
    beyond = {
        "arithmetic": arithmetic,
        "overhead": (total - arithmetic) / arithmetic,
        "beyond_numpy": (total - numpy["svd"]) / numpy["svd"],
    }
    return {"finished": True, "error": float(error)} | run | beyond


def main() -> int:
    """Measure all sizes, or draw what was measured before."""
    parser = argparse.ArgumentParser(prog="growth.py", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--cap", type=float, default=300.0, help="seconds")
    parser.add_argument("--json", type=Path, default=HERE.with_name("growth.json"))
    parser.add_argument("--picture", type=Path, default=DOCS / "spark_svd.svg")
    parser.add_argument("--draw-only", action="store_true")
    parser.add_argument("--part", choices=list(MEMORY), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        part(given.part, given.rows[0])
        return 0
    if not given.draw_only:
        found: dict[str, Any] = {"cap": given.cap, "ranks": RANKS, "points": []}
        for rows in given.rows:
            found["points"].append(point(rows, given.cap))
            say(**found["points"][-1])
            given.json.write_text(json.dumps(found, indent=1) + "\n")
    from growth_picture import draw

    draw(json.loads(given.json.read_text()), given.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
