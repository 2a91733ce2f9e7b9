# SPDX-License-Identifier: BSD-3-Clause
"""Redistribution against ScaLAPACK, memcpy and MPI_Alltoall: one JSON line a case, in three parts.

======  ============================================================================================
cases   changes of layout of 8192 x 8192 doubles on 2 ranks, and of a tall matrix, against pdgemr2d
growth  row partition -> [MC,MR] 64 and -> [VC,STAR] 1, 1 MB to 2 GB, on 1, 2 and 4 ranks
plan    what planning alone costs the slowest of a sample of ranks, of 4 and of 4096 (these are
        arithmetic only: 1e9 rows in blocks of 64), in microseconds; `cached_us`: asked for again
======  ============================================================================================

Times are medians in ms; `faults` are the page faults of three repeated redistributions on the rank
that has most; a line with `oversubscribed` is of more ranks than cores. The last line sums up. By
hand::

    .venv/bin/python benchmarks/redistribute/run.py --size 1000 --tall 100000 --parts cases
    .venv/bin/python benchmarks/redistribute/run.py --save lines.jsonl --picture picture.svg
    .venv/bin/python benchmarks/redistribute/run.py --from lines.jsonl --picture picture.svg --table

The exit code is 1 if a result was wrong or a program failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("cases", "growth", "plan")
Lines = list[dict[str, Any]]


@dataclass
class Runner:
    """Runs the programs, prints their lines, and knows whether all went well."""

    build: Path
    time_limit: float
    lines: Lines = field(default_factory=list)
    failed: bool = False

    def on_ranks(self, ranks: int, *options: str) -> None:
        """Start the program that moves matrices."""
        cache = (self.build / "CMakeCache.txt").read_text().splitlines()
        launcher = next(line for line in cache if line.startswith("MPIEXEC_EXECUTABLE:"))
        self.start("redistribute", [launcher.partition("=")[2], "-n", str(ranks)], *options)

    def start(self, name: str, launcher: Sequence[str] = (), *options: str) -> None:
        """Start a program. What it prints that is no line of JSON goes to standard error."""
        program = self.build / "benchmarks" / "redistribute" / name
        command = ["timeout", "-k", "5", f"{self.time_limit:.0f}", *launcher, program, *options]
        before = len(self.lines)
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ) as process:
            for text in process.stdout or ():
                try:
                    self.add(json.loads(text))
                except ValueError:
                    print(text, end="", file=sys.stderr, flush=True)
        wrong = any(not line.get("correct", True) for line in self.lines[before:])
        if process.returncode or wrong or len(self.lines) == before:
            self.failed = True
            why = f"exit code {process.returncode}"
            if process.returncode in {124, 137}:
                why = f"no end within {self.time_limit:.0f} s"
            elif wrong:
                why = "a result is wrong"
            elif not process.returncode:
                why = "no output"
            print(f"{' '.join([name, *options])}: {why}", file=sys.stderr, flush=True)

    def add(self, line: dict[str, Any]) -> None:
        """Keep a line and print it."""
        moves = line.get("mode") in {"cases", "growth"}
        if moves and line["ranks"] > len(os.sched_getaffinity(0)):
            line["oversubscribed"] = True
        self.lines.append(line)
        print(json.dumps(line), flush=True)


def summary(runner: Runner) -> dict[str, Any]:
    """What the lines come to: the worst of each kind."""

    def worst(which: Iterable[dict[str, Any]], key: str) -> Any:
        return max((line[key] for line in which if key in line), default=None)

    main = [line for line in runner.lines if line.get("letter", "") in tuple("abcde")]
    cases = [line for line in main if line["mode"] == "cases"]
    plans = [line for line in runner.lines if line["mode"] == "plan"]
    ratios = [line["x_pdgemr2d"] for line in cases if "x_pdgemr2d" in line]
    result: dict[str, Any] = {"benchmark": "redistribute", "mode": "summary"}
    result["cores"] = len(os.sched_getaffinity(0))
    found = {
        "faults_when_repeated": worst(main, "faults"),
        "least_x_pdgemr2d": min(ratios, default=None),
        "plan_us_4_ranks": worst((p for p in plans if p["ranks"] == 4), "plan_us"),
        "plan_us_4096_ranks": worst((p for p in plans if p["ranks"] == 4096), "plan_us"),
        "plan_us_cached": worst(plans, "cached_us"),
    }
    result |= {key: value for key, value in found.items() if value is not None}
    return result | {"correct": not runner.failed}


def measure(given: argparse.Namespace) -> Runner:
    """Run all parts that were asked for."""
    runner = Runner(given.build, given.time_limit)
    repeats = f"--repeats={given.repeats}"
    if "cases" in given.parts:
        options = [f"--{name}={getattr(given, name)}" for name in ("size", "tall", "only")]
        runner.on_ranks(given.ranks, repeats, *options)
    if "growth" in given.parts:
        sizes = "--sizes=" + ",".join(f"{megabytes * 1e6:.0f}" for megabytes in given.sizes)
        for ranks in given.growth_ranks:
            runner.on_ranks(ranks, repeats, sizes, f"--memory={given.memory * 1e6:.0f}")
    if "plan" in given.parts:
        runner.start("plan")
    runner.add(summary(runner))
    return runner


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="redistribute",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=PARTS)
    add("--repeats", type=int, default=9, help="each time is their median")
    add("--ranks", type=int, default=2, help="cases: how many")
    add("--size", type=int, default=8192, help="cases: order of the square matrices")
    add("--tall", type=int, default=1_000_000, help="cases: rows of the tall matrix")
    add("--only", default="", help="cases: their letters")
    sizes = [1.0, 4.0, 16.0, 64.0, 256.0, 1000.0, 2000.0]
    add("--sizes", type=float, nargs="+", default=sizes, help="growth: of the matrix, in MB")
    add("--growth-ranks", type=int, nargs="+", default=[1, 2, 4], help="growth: how many")
    share = "growth: what source and target may take together, in MB; 0: 60 %% of what is free"
    add("--memory", type=float, default=0.0, help=share)
    add("--build", type=Path, default=ROOT / "build" / "dev", help="where the programs are")
    add("--time-limit", type=float, default=900.0, help="of each program, in seconds")
    add("--save", type=Path, metavar="FILE.jsonl", help="write the lines there, too")
    add("--picture", type=Path, metavar="FILE.svg", help="draw cases and growth")
    add("--table", action="store_true", help="print Markdown tables of them, too")
    add("--from", type=Path, dest="saved", metavar="FILE.jsonl", help="measure nothing, take these")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    failed = False
    if given.saved:
        lines = [json.loads(text) for text in given.saved.read_text().splitlines()]
    else:
        runner = measure(given)
        lines, failed = runner.lines, runner.failed
    if given.save:
        given.save.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if given.picture:
        from picture import draw  # matplotlib takes a second to load: not without need

        draw(lines, given.picture)
    if given.table:
        from table import tables

        print(tables(lines))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
