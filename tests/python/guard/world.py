# SPDX-License-Identifier: BSD-3-Clause
"""Worlds for the fault tests: ranks that nobody manages, told of each other's death by a pipe.

Next: `rank` and `matrass_rank` (what runs in each).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pmi import PmiServer

if TYPE_CHECKING:
    from two_hosts import TwoHosts

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("MATRASS_TEST_BUILD", HERE.parents[2] / "build" / "dev"))
GUARD = BUILD / "guard" / "libmpi.so.12"
TOOLS = BUILD / "tests" / "guard"
TIME_LIMIT = 240.0  # a world that takes longer hangs; long, for machines that do much else


@dataclass
class Outcome:
    """How a rank ended: its exit code, what it reported (one JSON object), and what it printed."""

    code: int
    report: dict[str, object] = field(default_factory=dict)
    output: str = ""
    errors: str = ""


@dataclass
class World:
    """`size` ranks of `program scenario`, by default rank.py; `victim` may die.

    `environment`: what is to be different in the ranks' one; None takes a variable away. `hosts`:
    where the ranks run, if not all on this machine.
    """

    size: int
    victim: int
    scenario: dict[str, object]
    program: list[str] = field(default_factory=list)
    environment: dict[str, str | None] = field(default_factory=dict)
    hosts: TwoHosts | None = None

    def run(self, release_after: int | None = None) -> list[Outcome]:
        """Start, wait for all, tell the survivors of a death; fail with all stacks if it hangs.

        When the rank `release_after` has ended, the others' standard input is closed.
        """
        server = (
            PmiServer(self.size, 2, self.hosts.listen()) if self.hosts else PmiServer(self.size)
        )
        pipes = [os.pipe() for _ in range(self.size)]
        meeting = tempfile.TemporaryDirectory(prefix="matrass-guard-")  # see survivor.meet
        ranks: list[subprocess.Popen[str]] = []
        try:
            for rank in range(self.size):
                more = {"PMI_PORT": server.port, "GUARD_MEETING": meeting.name}
                ranks.append(self._start(rank, pipes[rank][0], more))
            self._watch(ranks, [write for _, write in pipes], release_after)
        finally:
            for process in ranks:  # none is left, unless something above was interrupted
                if process.poll() is None:
                    process.kill()
            server.close()
            meeting.cleanup()
            for read, write in pipes:
                os.close(read)
                os.close(write)
        return [self._outcome(rank) for rank in ranks]

    def _start(self, rank: int, lifeline: int, more: dict[str, str]) -> subprocess.Popen[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PMI_", "MPI"))}
        environment |= {
            **more,
            "PMI_ID": str(rank),
            "MPI4PY_LIBMPI": str(GUARD),
            "OPENBLAS_NUM_THREADS": "1",
            "UCX_HANDLE_ERRORS": "none",
            "GUARD_SHIM": str(TOOLS / "libguard_shim.so"),
            "GUARD_LIFELINE": str(lifeline),
            "GUARD_VICTIM": str(self.victim),
        }
        if rank == self.victim:
            environment["LD_PRELOAD"] = str(TOOLS / "libguard_victim.so")
        for name, value in self.environment.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        program = self.program or [sys.executable, "-X", "faulthandler", str(HERE / "rank.py")]
        where = self.hosts.on_host_of(rank) if self.hosts else []
        return subprocess.Popen(
            [*where, *program, json.dumps(self.scenario)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[lifeline],
            start_new_session=True,
        )

    def _watch(
        self, ranks: list[subprocess.Popen[str]], lifelines: list[int], release_after: int | None
    ) -> None:
        deadline = time.monotonic() + TIME_LIMIT
        told = False
        while any(rank.poll() is None for rank in ranks):
            lost = [n for n, rank in enumerate(ranks) if rank.poll() not in {None, 0}]
            if lost and not told:
                told = True
                for lifeline in lifelines:
                    os.write(lifeline, f"rank {lost[0]} of {self.size} was killed".encode())
            if release_after is not None and ranks[release_after].poll() is not None:
                for rank in ranks:
                    if rank.stdin:
                        rank.stdin.close()
                        rank.stdin = None  # communicate() would flush it
            if time.monotonic() > deadline:
                self._end(ranks)
            time.sleep(0.002)

    def _end(self, ranks: list[subprocess.Popen[str]]) -> None:
        """The world hangs: every rank prints its stacks (see rank.py) and is ended."""
        for rank in ranks:
            if rank.poll() is None:
                rank.send_signal(signal.SIGUSR1)
        time.sleep(1)
        stacks = []
        for number, rank in enumerate(ranks):
            if rank.poll() is None:
                rank.kill()
            _, errors = rank.communicate()
            stacks.append(f"--- rank {number}, exit {rank.returncode}\n{errors}")
        message = f"{self.scenario} still ran after {TIME_LIMIT} s\n" + "\n".join(stacks)
        raise AssertionError(message)

    @staticmethod
    def _outcome(rank: subprocess.Popen[str]) -> Outcome:
        output, errors = rank.communicate()
        reports = [line for line in output.splitlines() if line.startswith("{")]
        return Outcome(rank.returncode, json.loads(reports[-1]) if reports else {}, output, errors)
