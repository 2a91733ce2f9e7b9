# SPDX-License-Identifier: BSD-3-Clause
"""What `matrass doctor` runs in child processes: load everything and report it as one line of JSON.

    python -m matrass.doctor.probe libraries            # which libraries are loaded, what they say
    mpiexec -n 2 python -m matrass.doctor.probe world   # does a world form, at which thread level

A child of its own, because loading a wrong MPI can crash. Next: ``report.py``.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from matrass.bootstrap import which_mpi

MARK = "matrass-doctor: "
"""Begins the line of JSON, so that other output of the libraries does no harm."""

THREAD_LEVELS = {0: "single", 1: "funneled", 2: "serialized", 3: "multiple"}


def positive_or_negative(low: int) -> ctypes.c_int64:
    """Return what a library of 32-bit integers reads as `low`, one of 64-bit ones as negative."""
    return ctypes.c_int64(low - (1 << 32))


def libraries() -> dict[str, Any]:
    """Load mpi4py and `_core` as a user's script would, and say which files came."""
    report: dict[str, Any] = {"libmpi": os.environ.get("MPI4PY_LIBMPI", "")}
    found = which_mpi.installation()

    def mpi_is_wrong() -> bool:
        report["mpi_files"] = [str(path) for path in which_mpi.loaded_mpi()]
        wrong = which_mpi.wrong_mpi(found) if found is not None else None
        if wrong is not None:
            report["wrong_mpi"] = [wrong.what, wrong.fix, wrong.fatal]
        return wrong is not None and wrong.fatal

    if mpi_is_wrong():  # before anything is loaded: a second MPI beside it could crash
        return report
    try:
        mpi4py = importlib.import_module("mpi4py")
        report["mpi4py"] = mpi4py.__version__
        mpi4py.rc(initialize=False)
        mpi = importlib.import_module("mpi4py.MPI")
        report["mpi4py_library"] = first_line(mpi.Get_library_version())
    except Exception as error:  # whatever a broken installation may raise
        report["mpi4py_error"] = first_line(str(error)) or type(error).__name__
    if mpi_is_wrong():
        return report
    try:
        report["compiled_with"] = which_mpi.load_core().mpich_version
    except RuntimeError as error:  # MPIError
        report["core_error"] = str(error)
        return report
    report["mpi_files"] = [str(path) for path in which_mpi.loaded_mpi()]
    report["scalapack"] = [
        about_scalapack(path) for path in mapped("libscalapack|libmkl_scalapack")
    ]
    blas = [about_blas(path) for path in mapped("libopenblas|libblas|libmkl_rt|libblis")]
    # Debian's libblas.so.3 may be a door to OpenBLAS: the same library need not be shown twice.
    report["blas"] = list(
        {(entry["version"] or entry["file"]): entry for entry in blas[::-1]}.values()
    )
    return report


def world() -> dict[str, Any]:
    """Form a world with the other ranks; rank 0 alone reports."""
    which_mpi.load_core()
    mpi = which_mpi.load_mpi4py()
    comm = mpi.COMM_WORLD
    report: dict[str, Any] = {
        "size": comm.Get_size(),
        "library": first_line(mpi.Get_library_version()),
        "thread_level": THREAD_LEVELS.get(mpi.Query_thread(), "unknown"),
        "threads": blas_threads(),
    }
    report["ranks"] = comm.allreduce(1)
    report["memory"] = matrix_memory(comm)
    if comm.Get_rank() != 0:
        sys.exit(0)
    return report


def matrix_memory(comm: Any) -> dict[str, Any]:
    """What the ranks get when they make a matrix of 16 MB; collective."""
    matrass = importlib.import_module("matrass")
    grid = matrass.Grid(comm)
    matrix = matrass.DistMatrix(grid, (2048, 1024), layout="STAR,STAR")
    ranks, shared, why_not = which_mpi.load_core().node_memory(grid._core)
    huge = matrass.memory().huge
    del matrix  # whose pages these were
    return {"ranks": ranks, "shared": shared, "why_not": why_not, "huge": huge}


def mapped(names: str) -> list[Path]:
    """Loaded libraries whose name begins with one of `names`; NumPy's own BLAS has another name."""
    return which_mpi.mapped_files(rf"({names})[-\w]*\.so[.\d]*|({names})[-.\w]*\.so")


def about_scalapack(path: Path) -> dict[str, Any]:
    """File, version (from its name: there is no call for it) and integer size of a ScaLAPACK."""
    numroc = ctypes.CDLL(str(path)).numroc_
    n = positive_or_negative(1)
    block, rank, source, ranks = (ctypes.c_int64(value) for value in (1, 0, 0, 2))
    arguments = (ctypes.byref(value) for value in (n, block, rank, source, ranks))
    version = re.search(r"\.so\.([.\d]+)", path.name)
    return {
        "file": str(path),
        "version": version[1] if version else "",
        "int_bits": 32 if numroc(*arguments) == 1 else 64,
    }


def about_blas(path: Path) -> dict[str, Any]:
    """File, version, threads and integer size of a loaded BLAS."""
    library = ctypes.CDLL(str(path))
    vector = (ctypes.c_double * 2)(1.0, 2.0)
    largest = library.idamax_(
        ctypes.byref(positive_or_negative(2)), vector, ctypes.byref(ctypes.c_int64(1))
    )
    report = {
        "file": str(path),
        "version": "",
        "threads": 0,
        "int_bits": 32 if largest == 2 else 64,
    }
    if hasattr(library, "openblas_get_config"):
        library.openblas_get_config.restype = ctypes.c_char_p
        report["version"] = library.openblas_get_config().decode()
        report["threads"] = library.openblas_get_num_threads()
    return report


def blas_threads() -> int:
    """Threads that each rank's BLAS uses; 0 where it does not say."""
    threads = [about_blas(path)["threads"] for path in mapped("libopenblas")]
    return int(max(threads, default=0))


def first_line(text: str) -> str:
    """The first line of `text`, without the padding that MPI libraries leave."""
    return (text.strip("\0 \n").splitlines() or [""])[0].strip()


if __name__ == "__main__":
    result = {"libraries": libraries, "world": world}[sys.argv[1]]()
    print(MARK + json.dumps(result), flush=True)
