# SPDX-License-Identifier: BSD-3-Clause
"""Redistribution against ScaLAPACK, memcpy and MPI_Alltoall: one JSON line a case.

``./run bench redistribute`` runs the full size (8192 x 8192 doubles, 2 ranks). By hand::

    .venv/bin/python benchmarks/redistribute/run.py --size 1000 --tall 100000 --repeats 21
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "dev" / "benchmarks" / "redistribute" / "redistribute"


def launcher() -> str:
    """MPICH's mpiexec; where Open MPI is installed beside it the plain name means another one."""
    for name in ("mpiexec.mpich", "mpiexec"):
        if path := shutil.which(name):
            return path
    raise SystemExit("bench redistribute: mpiexec.mpich is missing: apt-get install mpich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program on ranks and print its lines.

    Returns
    -------
    int
        0 if every result was right.
    """
    parser = argparse.ArgumentParser(prog="redistribute", description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--size", type=int, default=8192, help="order of the square matrices")
    parser.add_argument("--tall", type=int, default=1_000_000, help="rows of the tall one")
    parser.add_argument("--repeats", type=int, default=9, help="each figure is their median")
    parser.add_argument("--only", default="", help="letters of cases")
    given = parser.parse_args(arguments)
    options = [f"--{name}={getattr(given, name)}" for name in ("size", "tall", "repeats", "only")]
    command = [launcher(), "-n", str(given.ranks), str(PROGRAM), *options]
    return subprocess.run(command, env=os.environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
