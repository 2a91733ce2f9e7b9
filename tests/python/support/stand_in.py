# SPDX-License-Identifier: BSD-3-Clause
"""Libraries that stand in for what a test machine may lack. Next: `library`."""

from __future__ import annotations

import subprocess
from pathlib import Path

OPEN_MPIS = sorted(map(str, Path("/usr/lib").glob("*/libmpi.so.40")))
"""Open MPI's libraries that are installed here."""


def library(folder: Path, name: str, source: str) -> str:
    """Compile C to a shared library called `name` in `folder`."""
    code = folder / f"{name}.c"
    code.write_text(source, encoding="utf-8")
    command = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", str(folder / name), str(code)]
    subprocess.run(command, check=True)
    return str(folder / name)


def open_mpi(folder: Path) -> str:
    """A library that is called as Open MPI's: to matrass names are what counts."""
    source = "int ompi_mpi_comm_self; int MPI_Get_version(void) { return 0; }\n"
    return library(folder, "libmpi.so.40", source)
