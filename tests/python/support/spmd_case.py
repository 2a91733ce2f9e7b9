# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the SPMD harness share.

Each case writes a small test file, runs it on 3 ranks, and looks at the report and the exit code.
That a case ends at all is shown by the deadline of its process set, which is far above the time
limits inside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

SUPPORT = Path(__file__).parent
MPIEXEC = os.environ.get("MATRASS_MPIEXEC", "mpiexec.mpich")
DEADLINE = 200.0
HEADER = """
import os, signal, sys, time
import pytest
import matrass  # it tells mpi4py which MPI to take
from mpi4py import MPI
from hypothesis import assume, strategies as st
from spmd import given_together
CULPRIT = 1
"""


def environment() -> dict[str, str]:
    """Without what the harness that runs these tests has set."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MATRASS_TEST_", "MATRASS_CAMPAIGN"))
    }
    paths = [str(SUPPORT), os.environ.get("PYTHONPATH", "")]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "UCX_HANDLE_ERRORS": "none",
    }


class Case:
    """A folder with one test file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "conftest.py").write_text('pytest_plugins = ("spmd.plugin",)\n', encoding="utf-8")
        (path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")

    def write(self, source: str) -> None:
        text = HEADER + textwrap.dedent(source)
        (self.path / "test_case.py").write_text(text, encoding="utf-8")

    def bare(self, source: str, *, ranks: int = 3) -> tuple[int, str]:
        """mpiexec and pytest alone."""
        self.write(source)
        return self._run(
            [
                MPIEXEC,
                "-n",
                str(ranks),
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "no:cacheprovider",
                ".",
            ]
        )

    def launch(self, source: str, *options: str, ranks: str = "3") -> tuple[int, str]:
        """Through the launcher."""
        self.write(source)
        launcher = [sys.executable, str(SUPPORT / "launch.py"), "--ranks", ranks, ".", *options]
        return self._run(launcher)

    def _run(self, command: list[str]) -> tuple[int, str]:
        begin = time.monotonic()
        done = subprocess.run(
            command,
            cwd=self.path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=DEADLINE,
            check=False,
        )
        text = done.stdout.decode(errors="replace")
        print(text)
        print(f"exit code {done.returncode} after {time.monotonic() - begin:.1f} s")
        return done.returncode, text
