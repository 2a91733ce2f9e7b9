# SPDX-License-Identifier: BSD-3-Clause
"""Examples as users start them: in processes of their own, with a deadline.

The C++ examples are taken from build/dev, or from the folder that MATRASS_BUILD_DIR names.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[3]
BUILD = Path(os.environ.get("MATRASS_BUILD_DIR", TOP / "build" / "dev"))
NUMBER = r"\d+(?:\.\d+)?(?:e[+-]\d+)?"
SECONDS = 240  # for a process that hangs, not for a slow machine

# Runs a script as Python does; when it hangs, every rank prints its stack.
RUN = f"""
import faulthandler, runpy, sys
faulthandler.dump_traceback_later({SECONDS - 30}, exit=True)
del sys.argv[0]
sys.path[0] = {str(TOP / "examples" / "python")!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""

Completed = subprocess.CompletedProcess[str]


def script(name: str) -> list[str]:
    """The command that runs an example of Python's."""
    return [sys.executable, "-c", RUN, str(TOP / "examples" / "python" / name)]


def run(*command: str, cwd: Path | None = None) -> Completed:
    """Run a command; standard output and error are kept."""
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=cwd,
        env=os.environ | one_thread,
    )


def mpirun(ranks: int, *command: str) -> Completed:
    """Run a command on ranks."""
    launcher = os.environ.get("MATRASS_MPIEXEC", "mpiexec.mpich")
    return run(launcher, "-n", str(ranks), *command)


def numbers_of(text: str, label: str) -> list[float]:
    """The numbers of the one line that begins with `label`."""
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith(label)]
    assert len(lines) == 1, f"{label!r} in {len(lines)} lines of\n{text}"
    return [float(x) for x in re.findall(NUMBER, lines[0].removeprefix(label))]
