# SPDX-License-Identifier: BSD-3-Clause
"""What the guard costs and gains: `run.py [--build FOLDER] [--quick]`, one JSON line a case.

1. MPI calls on 2 ranks: ping-pong, collectives, communicators. Two programs, with the guard and
   without, run in turn, for the guard also changes what is below PMPI_X in its own process:

   =================  ============================================================================
   plain_us           MPI_X in the program without the guard
   guarded_us, ratio  MPI_X in the program with it; the median of the pairs' own ratios to plain
   pmpi_us,           PMPI_X in the program with the guard; MPI_X to it, in turn in one process
   in_process_ratio
   =================  ============================================================================

   A run places its ranks where it likes (on virtual machines 8 bytes then take 0.25 or 1.1 us).
   `in_process_ratio` does not know of that; `ratio` sees it, so it is the median of many pairs.

2. pdgesv with the guard and without, in turn: on 2 ranks (cost), on 4 and 8 (gain on 2 cores).

A figure that is missing is null, and standard error says why. The exit code is then 1; not where
only MPI without the guard took too long on more ranks than cores, which is a finding.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAIRS, ROUNDS = 9, 3
"""Pairs of runs of the programs of calls, and rounds a run."""
# order, ranks, solves a run, pairs of runs.
# Plain MPICH on more ranks than cores takes seconds a solve.
SOLVES = [
    (500, 2, 40, 7),
    (2000, 2, 5, 7),
    (500, 4, 1, 1),
    (2000, 4, 1, 1),
    (500, 8, 1, 1),
    (2000, 8, 1, 1),
]


@dataclass
class Runner:
    """Runs MPI programs, and knows whether all of them did."""

    programs: Path
    launcher: str
    time_limit: float
    deadline: float
    failed: bool = field(default=False, init=False)

    def run(self, name: str, ranks: int, *arguments: int) -> list[str]:
        """The output lines of a program; none if it failed or was too slow."""
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "UCX_HANDLE_ERRORS": "none"}
        program = [str(self.programs / name), *map(str, arguments)]
        seconds = min(self.time_limit, max(1.0, self.deadline - time.monotonic()))
        limited = ["timeout", "-k", "5", f"{seconds:.0f}"]
        done = subprocess.run(
            [*limited, self.launcher, "-n", str(ranks), *program],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stdout.splitlines()
        if done.returncode == 0 and lines:
            return lines
        too_slow = done.returncode in {124, 137}
        if not (too_slow and name.endswith("_plain") and ranks > len(os.sched_getaffinity(0))):
            self.failed = True
        why = f"no end within {seconds:.0f} s" if too_slow else f"exit code {done.returncode}"
        said = (done.stderr.strip() or "no output").splitlines()[-5:]
        print(f"{name} on {ranks} ranks: {why}", *said, sep="\n  ", file=sys.stderr, flush=True)
        return []


def in_turn(
    runner: Runner, names: tuple[str, str], pairs: int, ranks: int, *arguments: int
) -> dict[str, list[list[str]]]:
    """The lines of both programs' runs; which one is first alternates. After a failure no more."""
    runs: dict[str, list[list[str]]] = {name: [] for name in names}
    for pair in range(pairs):
        for name in names[:: -1 if pair % 2 else 1]:
            runs[name].append(runner.run(name, ranks, *arguments))
        if not all(of_name[-1] for of_name in runs.values()):
            break
    return runs


def median(values: list[float | None], digits: int) -> float | None:
    """The median of what is there."""
    there = [value for value in values if value is not None]
    return round(statistics.median(there), digits) if there else None


def ratio(guarded: list[float | None], plain: list[float | None]) -> float | None:
    """The median of the ratios of the pairs that are there."""
    pairs = zip(guarded, plain, strict=True)
    return median([g / p if g is not None and p else None for g, p in pairs], 4)


def calls(runner: Runner) -> list[dict[str, object]]:
    """A line a call: medians over the pairs of runs."""
    names = ("guard_calls_plain", "guard_calls")
    runs = {
        name: [{(e["case"], e["bytes"]): e for e in map(json.loads, lines)} for lines in of_name]
        for name, of_name in in_turn(runner, names, PAIRS, 2, ROUNDS).items()
    }

    def figures(name: str, case: tuple[str, int], key: str) -> list[float | None]:
        return [run[case][key] if case in run else None for run in runs[name]]

    lines: list[dict[str, object]] = []
    for case in dict.fromkeys(case for of_name in runs.values() for run in of_name for case in run):
        plain = figures(names[0], case, "mpi_us")
        guarded = figures(names[1], case, "mpi_us")
        line: dict[str, object] = {"bench": "guard", "case": case[0], "ranks": 2, "bytes": case[1]}
        line |= {"plain_us": median(plain, 3), "guarded_us": median(guarded, 3)}
        line |= {"ratio": ratio(guarded, plain), "pairs": len(plain)}
        line["pmpi_us"] = median(figures(names[1], case, "pmpi_us"), 3)
        line["in_process_ratio"] = median(figures(names[1], case, "ratio"), 4)
        lines.append(line)
    empty = {"plain_us": None, "guarded_us": None, "ratio": None, "in_process_ratio": None}
    return lines or [{"bench": "guard", "case": "calls", "ranks": 2, **empty}]


def solve(runner: Runner, order: int, ranks: int, solves: int, pairs: int) -> dict[str, object]:
    """Medians over the runs' medians; the ratio is the median of the pairs' own ratios."""
    names = ("guard_solve_plain", "guard_solve")
    plain, guarded = (
        [statistics.median(map(float, lines)) * 1e3 if lines else None for lines in of_name]
        for of_name in in_turn(runner, names, pairs, ranks, order, solves).values()
    )
    return {
        "bench": "guard",
        "case": "pdgesv",
        "order": order,
        "ranks": ranks,
        "plain_ms": median(plain, 3),
        "guarded_ms": median(guarded, 3),
        "ratio": ratio(guarded, plain),
        "pairs": len(plain),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "dev")
    parser.add_argument("--quick", action="store_true", help="only the cases on 2 ranks")
    parser.add_argument("--time-limit", type=float, default=45.0, help="of a run, in seconds")
    parser.add_argument("--all-in", type=float, default=340.0, help="time for all, in seconds")
    given = parser.parse_args(arguments)
    cache = (given.build / "CMakeCache.txt").read_text().splitlines()
    launcher = next(line for line in cache if line.startswith("MPIEXEC_EXECUTABLE:"))
    programs = given.build / "benchmarks" / "guard"
    deadline = time.monotonic() + given.all_in
    runner = Runner(programs, launcher.partition("=")[2], given.time_limit, deadline)
    for line in calls(runner):
        print(json.dumps(line), flush=True)
    for order, ranks, solves, pairs in SOLVES:
        if ranks == 2 or not given.quick:
            line = solve(runner, order, ranks, solves, pairs)
            print(json.dumps(line, allow_nan=False), flush=True)
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
