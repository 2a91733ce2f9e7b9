# SPDX-License-Identifier: BSD-3-Clause
"""What the guard costs and gains: `python run.py [--build FOLDER] [--quick]`, one JSON line a case.

1. MPI_X against PMPI_X, in turn in one process on 2 ranks: ping-pong, collectives, communicators.
2. pdgesv with the guard and without, in turn: on 2 ranks (cost), on 4 and 8 (gain on 2 cores).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# order, ranks, solves a run, pairs of runs.
# Plain MPICH on more ranks than cores takes seconds a solve.
SOLVES = [
    (500, 2, 40, 7),
    (2000, 2, 5, 7),
    (500, 4, 3, 1),
    (2000, 4, 2, 1),
    (500, 8, 1, 1),
    (2000, 8, 1, 1),
]
TIME_LIMIT = 120


def launch(ranks: int, *command: str | Path) -> list[str]:
    """The output lines of an MPI program; none if it was too slow."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "UCX_HANDLE_ERRORS": "none"}
    limited = ["timeout", "-k", "5", str(TIME_LIMIT), "mpiexec.mpich", "-n", str(ranks)]
    done = subprocess.run(
        [*limited, *map(str, command)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


def solve(programs: Path, order: int, ranks: int, solves: int, pairs: int) -> dict[str, object]:
    """Medians over the runs' medians; the ratio is the median of the pairs' own ratios."""
    times: dict[str, list[float]] = {"guard_solve_plain": [], "guard_solve": []}
    for pair in range(pairs):
        for name in list(times)[:: 1 if pair % 2 else -1]:
            lines = launch(ranks, programs / name, str(order), str(solves))
            times[name].append(statistics.median(map(float, lines)) if lines else float("inf"))
    plain, guarded = times.values()
    return {
        "bench": "guard",
        "case": "pdgesv",
        "order": order,
        "ranks": ranks,
        "plain_ms": round(statistics.median(plain) * 1e3, 3),
        "guarded_ms": round(statistics.median(guarded) * 1e3, 3),
        "ratio": round(statistics.median(g / p for g, p in zip(guarded, plain, strict=True)), 4),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "dev")
    parser.add_argument("--quick", action="store_true", help="only the cases on 2 ranks")
    options = parser.parse_args(arguments)
    programs = options.build / "benchmarks" / "guard"
    for line in launch(2, programs / "guard_calls"):
        print(line, flush=True)
    for order, ranks, solves, pairs in SOLVES:
        if ranks == 2 or not options.quick:
            print(json.dumps(solve(programs, order, ranks, solves, pairs)), flush=True)


if __name__ == "__main__":
    main()
