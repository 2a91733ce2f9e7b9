# SPDX-License-Identifier: BSD-3-Clause
"""Which program starts the ranks: MPICH's mpiexec, never Open MPI's, whatever the plain name means.

Next: ``../doctor/__init__.py``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from matrass.bootstrap.which_mpi import Installation, Problem

NAMES = ("mpiexec.mpich", "mpiexec.hydra", "mpiexec", "mpirun")
"""In this order, for where both MPIs are installed the plain names are Open MPI's on Debian."""


@dataclass(frozen=True)
class Launcher:
    """A program that starts ranks."""

    path: Path
    family: str
    """``MPICH``, ``Open MPI`` or ``unknown``, by what it says of itself."""
    version: str


def identify(path: Path) -> Launcher:
    """Ask the program at `path` whose it is."""
    try:
        run = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return Launcher(path, "unknown", "")
    text = run.stdout + run.stderr
    lines = text.strip().splitlines() or [""]
    if "HYDRA" in text or "Intel(R) MPI" in text:
        versions = [line.split()[-1] for line in lines if "Version:" in line]
        return Launcher(path, "MPICH", versions[0] if versions else "")
    if "Open MPI" in text or "OpenRTE" in text:
        return Launcher(path, "Open MPI", lines[0].split()[-1])
    return Launcher(path, "unknown", "")


def find(found: Installation | None) -> tuple[Launcher | None, list[Problem]]:
    """Find the launcher that belongs to `_core`.

    Parameters
    ----------
    found : Installation or None
        What is installed; its own launcher is taken where none of PATH fits.

    Returns
    -------
    launcher : Launcher or None
        None where there is none of the MPICH family.
    problems : list of Problem
        Fatal if PATH holds no launcher that fits; not fatal if only the plain name is
        another MPI's.
    """
    in_path = [identify(Path(path)) for name in NAMES if (path := shutil.which(name)) is not None]
    fitting = [launcher for launcher in in_path if launcher.family == "MPICH"]
    if fitting:
        plain = shutil.which("mpiexec")
        if plain is None or identify(Path(plain)).family == "MPICH":
            return fitting[0], []
        return fitting[0], [
            Problem(
                f"doctor: mpiexec should be MPICH's: got {identify(Path(plain)).family}, {plain}",
                f"start ranks with {fitting[0].path.name}, or with: matrass run -n 4 script.py",
                fatal=False,
            )
        ]
    own = Path(found.info["mpi"]["launcher"]) if found is not None else None
    if own is not None and os.access(own, os.X_OK):
        launcher, fix = identify(own), f"export PATH={own.parent}:$PATH"
    else:
        launcher, fix = None, "apt-get install mpich"
    got = f"{in_path[0].family}'s {in_path[0].path}" if in_path else "none"
    return launcher, [Problem(f"doctor: PATH must hold MPICH's mpiexec: got {got}", fix)]


def command(launcher: Launcher, ranks: int) -> list[str]:
    """The words that start `ranks` processes, to be followed by the program."""
    return [str(launcher.path), "-n", str(ranks)]


def environment(ranks: int) -> dict[str, str]:
    """The environment for `ranks` local ranks, with the cores shared out to their BLAS threads."""
    threads = str(max(1, len(os.sched_getaffinity(0)) // ranks))
    mine = dict(os.environ)
    if not {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"} & mine.keys():
        mine["OMP_NUM_THREADS"] = threads
        mine["OPENBLAS_NUM_THREADS"] = threads
    mine.setdefault("UCX_HANDLE_ERRORS", "none")  # else UCX floods stderr when a rank crashes
    return mine
