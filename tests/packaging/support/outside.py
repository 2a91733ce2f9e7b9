# SPDX-License-Identifier: BSD-3-Clause
"""Commands and virtual environments outside the tree."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build" / "dev"


def clean_environment(**more):
    """The environment without what matrass or a test run put into it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MPI4PY_", "PYTHON", "PMI_"))}
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return env | threads | {name: str(value) for name, value in more.items()}


def run(*command, cwd, seconds=600, check=True, env=None):
    """Run `command` and return what it printed; its whole output is in the error if it fails."""
    process = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env or clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    if check:
        assert process.returncode == 0, f"{command}\n{process.stdout}"
        return process.stdout
    return process.returncode, process.stdout


def mpiexec():
    """The launcher that belongs to the library."""
    cache = (BUILD / "CMakeCache.txt").read_text().splitlines()
    entry = next(line for line in cache if line.startswith("MPIEXEC_EXECUTABLE:"))
    return entry.split("=", 1)[1]


class Venv:
    """A virtual environment, filled by the pip of the environment that runs the tests."""

    def __init__(self, folder):
        self.folder = folder
        self.python = folder / "bin" / "python"
        run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)

    def pip_install(self, *arguments, under=()):
        """Install with pip, started by `under`; the compilers by the names that ccache knows."""
        env = clean_environment(CC=os.environ.get("CC", "cc"), CXX=os.environ.get("CXX", "c++"))
        pip = (sys.executable, "-m", "pip", "--python", self.python, "install", "-q")
        run(*under, *pip, *arguments, cwd=self.folder, env=env, seconds=900)

    def run(self, code, cwd):
        """Run Python code in `cwd`."""
        return run(self.python, "-c", code, cwd=cwd)
