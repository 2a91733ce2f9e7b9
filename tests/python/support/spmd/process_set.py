# SPDX-License-Identifier: BSD-3-Clause
"""One run of pytest, alone or on MPI ranks, and what became of it. Next: `spmd.rank`."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from spmd.watch import limit_of_test, stacks_in

_RANK = Path(__file__).with_name("rank.py")
_ENDED_BY_PYTEST = (0, 1, 2, 3, 4, 5)


@dataclasses.dataclass
class Counts:
    """Outcomes of tests; an error in a set-up or tear-down is a failure."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclasses.dataclass
class Result:
    """What a process set did.

    Attributes
    ----------
    complete : bool
        Every rank came to the end of its session.
    outcomes : dict
        Test id -> passed, failed or skipped.
    seconds : dict
        Test id -> how long it took, with its fixtures.
    running : str
        The test in which an incomplete set ended ("": outside of a test).
    left : list of str
        Tests that an incomplete set did not come to.
    """

    exit_code: int
    complete: bool
    outcomes: dict[str, str]
    seconds: dict[str, float]
    running: str
    left: list[str]

    def counts(self) -> Counts:
        count = collections.Counter(self.outcomes.values())
        return Counts(count["passed"], count["failed"], count["skipped"])


class _Process:
    """A process that another one has started."""

    def __init__(self, pid: int) -> None:
        self._fd = -1
        with contextlib.suppress(ProcessLookupError):
            self._fd = os.pidfd_open(pid)

    def wait(self, seconds: float = 20.0) -> None:
        """Until it has ended, or the seconds are over."""
        if self._fd >= 0:
            select.select([self._fd], [], [], seconds)
            os.close(self._fd)


class ProcessSet:
    """A run of pytest on `size` ranks (0: one process, without a launcher)."""

    def __init__(self, size: int, arguments: list[str], time_limit: float, done: list[str]) -> None:
        self.size = size
        self._arguments = arguments
        self._time_limit = time_limit
        self._dir = Path(tempfile.mkdtemp(prefix="matrass_test_"))
        self._done = done

    def run(self) -> Result:
        """Runs it to its end, or its time limit's, and shows what pytest itself could not say."""
        try:
            exit_code = self._wait(self._start())
            result = self._result(exit_code)
            if not result.complete:
                self._explain(result)
            return result
        finally:
            shutil.rmtree(self._dir, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *self._arguments]
        if self.size > 0:
            mpiexec = os.environ.get("MATRASS_MPIEXEC", "mpiexec.mpich")
            wrapper = [sys.executable, "-I", "-S", str(_RANK), str(self._dir)]
            command = [mpiexec, "-n", str(self.size), *wrapper, *command]
        done = self._dir / "done.txt"
        done.write_text("\n".join(self._done), encoding="utf-8")
        environment = {
            **os.environ,
            "MATRASS_TEST_RUN_DIR": str(self._dir),
            "MATRASS_TEST_DONE": str(done),
            "MATRASS_TEST_LAUNCHER": str(os.getpid()),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "UCX_HANDLE_ERRORS": "none",
        }
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(limit_of_test(self._time_limit))
        except subprocess.TimeoutExpired:
            print(
                f"\nthe process set's time limit of {limit_of_test(self._time_limit):g} s is over"
            )
            return -signal.SIGKILL
        finally:  # also when this program is interrupted
            if process.poll() is None:
                self._kill(process.pid)
                process.wait()

    def _kill(self, mpiexec: int) -> None:
        """The wrappers first, with which the ranks die; returns when all have ended."""
        written = [path.read_text(encoding="utf-8").split() for path in self._dir.glob("rank*.pid")]
        ranks = [_Process(int(rank)) for _, rank in filter(None, written)]
        for pid in [*(int(wrapper) for wrapper, _ in filter(None, written)), mpiexec]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for rank in ranks:
            rank.wait()

    def _result(self, exit_code: int) -> Result:
        ranks = max(self.size, 1)
        finished = all((self._dir / f"rank{rank}.finished").exists() for rank in range(ranks))
        outcomes: dict[str, str] = {}
        seconds: dict[str, float] = {}
        for line in self._lines("results.jsonl"):
            result = json.loads(line)
            seconds[result["id"]] = result["seconds"]
            if result["outcome"] and outcomes.get(result["id"]) != "failed":
                outcomes[result["id"]] = result["outcome"]
        collected = self._lines("collected.txt")
        stage = " ".join(self._lines("rank0.stage"))
        running = stage if stage in collected else ""
        left = [name for name in collected if name not in outcomes and name != running]
        complete = finished and exit_code in _ENDED_BY_PYTEST
        return Result(exit_code, complete, outcomes, seconds, running, left)

    def _lines(self, name: str) -> list[str]:
        path = self._dir / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def _explain(self, result: Result) -> None:
        for test, text in self._failures():
            self._show(test, text.splitlines())
        where = result.running or "no test"
        print(f"\nThe process set ended in {where} (exit code {result.exit_code})")
        for rank in range(self.size):
            how = " ".join(self._lines(f"rank{rank}.exit"))
            if how and not (self._dir / f"rank{rank}.finished").exists():
                print(f"rank {rank} of {self.size} ended by itself: {how}")
                self._show(f"its output (rank {rank})", self._lines(f"rank{rank}.log")[-40:])
                self._show(f"its stack (rank {rank})", self._lines(f"rank{rank}.crash"))
        told = self._lines("stacks.txt")
        if not told and any(self._lines(f"rank{rank}.stack") for rank in range(max(self.size, 1))):
            told = stacks_in(self._dir, max(self.size, 1)).splitlines()
        self._show("", told)
        sys.stdout.flush()

    def _failures(self) -> list[tuple[str, str]]:
        """What pytest tells at its end only."""
        results = [json.loads(line) for line in self._lines("results.jsonl")]
        return [(result["id"], result["text"]) for result in results if "text" in result]

    def _show(self, title: str, lines: list[str]) -> None:
        if lines:
            print("\n".join([f"--- {title} ---"] * bool(title) + lines))
