# SPDX-License-Identifier: BSD-3-Clause
"""Which MPI this process has loaded or would load, and the one line that mends a wrong one.

`_core` and ScaLAPACK are built on one MPI. A process that loaded another one first (the mpi4py
wheel takes Open MPI where it finds it) would crash inside BLACS, because the first loaded library's
symbols win. So the choice is made before ``mpi4py.MPI`` is imported (`prepare`), and checked before
`_core` is loaded (`load_core`). Nothing else here loads an MPI.
Next: ``launcher.py``.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

GUARD_NAME = "libmpi.so.12"
"""Name of the guard library beside `_core`; it is also the name that the mpi4py wheel looks for."""

PACKAGES = "libmpich-dev mpich libscalapack-mpich-dev libopenblas-dev libxtensor-dev"
"""What a Debian machine needs before the MPI core can be built."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with this machine, and the one line that mends it."""

    what: str
    fix: str
    fatal: bool = True
    """False: things work, but slower, or not guarded against a lost rank."""

    def __str__(self) -> str:
        return f"{self.what} (fix: {self.fix})"


@dataclass(frozen=True)
class Installation:
    """The installed MPI core, without loading it."""

    core: Path
    """The extension module."""
    info: dict[str, Any]
    """What it was built with: ``build_info.json`` beside it."""

    @property
    def guard(self) -> Path | None:
        """The guard library, or None where the MPI's own name is libmpi and no guard is built."""
        path = self.core.with_name(GUARD_NAME)
        return path if path.exists() else None

    @property
    def mpi_soname(self) -> str:
        """The name by which `_core` and ScaLAPACK ask for MPI, such as ``libmpich.so.12``."""
        return str(self.info["mpi"]["soname"])

    @property
    def libmpi(self) -> Path:
        """The library that mpi4py must load to share one MPI with `_core`."""
        return self.guard or Path(self.info["mpi"]["library"])


@lru_cache(maxsize=1)
def installation() -> Installation | None:
    """Find the installed MPI core; None where only the driver's side is installed."""
    spec = importlib.util.find_spec("matrass._core")
    if spec is None or spec.origin is None:
        return None
    core = Path(spec.origin)
    info = json.loads(core.with_name("build_info.json").read_text(encoding="utf-8"))
    return Installation(core, info)


def mapped_files(pattern: str) -> list[Path]:
    """Files mapped into this process whose name matches `pattern`, by address."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no /proc: nothing can be said
        return []
    # address perms offset dev inode pathname
    names = dict.fromkeys(line.split(maxsplit=5)[5] for line in lines if line.count("/"))
    return [Path(name) for name in names if re.fullmatch(pattern, os.path.basename(name))]


def loaded_mpi() -> list[Path]:
    """The MPI libraries that this process has loaded, the guard included."""
    return mapped_files(r"libmpi(ch)?\.so[.\d]*")


def describe(library: Path | str) -> str:
    """Name the family of an MPI library by its file name."""
    name = os.path.basename(os.path.realpath(library))
    if name.startswith("libmpich."):
        return "MPICH"
    version = re.search(r"\.so\.(\d+)", name)
    if version and version[1] == "12":
        return "an MPI of the MPICH family"
    return "Open MPI"


def wrong_mpi(found: Installation) -> Problem | None:
    """Say what is wrong with the MPI that this process has loaded, if anything.

    Parameters
    ----------
    found : Installation
        The core that is to run in this process.

    Returns
    -------
    Problem or None
        None while no MPI is loaded. Fatal if another MPI is loaded; not fatal if it is the right
        one, but without the guard in front of it.
    """
    loaded = loaded_mpi()
    guarded = False
    for library in loaded:
        if found.guard is not None and _same_file(library, found.guard):
            guarded = True
        elif not _has_soname(library, found.mpi_soname):
            return Problem(
                f"matrass: MPI in this process must be {_built_with(found)}: "
                f"got {describe(library)}, {library}",
                "unset LD_PRELOAD"
                if _is_preloaded(library)
                else "import matrass before mpi4py.MPI, and leave MPI4PY_LIBMPI unset",
            )
    if loaded and found.guard is not None and not guarded:
        return Problem(
            f"matrass: MPI must be loaded through matrass's guard: got {loaded[0]} alone, "
            "where mpi4py's calls would wait for ever for a lost rank",
            "import matrass before mpi4py.MPI, leave MPI4PY_LIBMPI unset, and use mpi4py's wheel: "
            "pip install --force-reinstall --only-binary mpi4py 'mpi4py>=4.1'",
            fatal=False,
        )
    return None


def wrong_choice(found: Installation) -> Problem | None:
    """Say what is wrong with the MPI that the environment tells mpi4py to load, if anything."""
    chosen = os.environ.get("MPI4PY_LIBMPI")
    if not chosen or "mpi4py.MPI" in sys.modules or _same_file(chosen, found.libmpi):
        return None
    return Problem(
        f"matrass: mpi4py must load {found.libmpi}, {_built_with(found)}: "
        f"got MPI4PY_LIBMPI={chosen}, {describe(chosen)}",
        "unset MPI4PY_LIBMPI",
    )


def prepare() -> None:
    """Make a later ``import mpi4py.MPI`` take the right MPI; ``import matrass`` calls it.

    Raises
    ------
    MPIError
        If another MPI is already loaded, so that `_core` could only crash. Not in the command line
        `matrass`: the doctor must live to tell.
    """
    found = installation()
    if found is None:
        return
    if not _is_command_line():
        _raise_if_fatal(wrong_mpi(found))
    if "mpi4py.MPI" not in sys.modules:
        os.environ.setdefault("MPI4PY_LIBMPI", str(found.libmpi))


def load_core() -> ModuleType:
    """Load the extension module `_core`, after checking that its MPI is the one of this process.

    Returns
    -------
    module
        ``matrass._core``.

    Raises
    ------
    MPIError
        If there is no MPI core, its libraries are missing, or another MPI is or would be loaded.
        One line, with the fix.
    """
    if "matrass._core" in sys.modules:
        return sys.modules["matrass._core"]
    found = installation()
    if found is None:
        _raise(no_core())
    _raise_if_fatal(wrong_mpi(found))
    _raise_if_fatal(wrong_choice(found))
    try:
        return importlib.import_module("matrass._core")
    except ImportError as error:
        _raise(core_does_not_load(error), error)


def no_core() -> Problem:
    """The problem of a machine where only the driver's side is installed."""
    return Problem(
        "matrass: ranks need the MPI core: got an installation without it",
        f"apt-get install {PACKAGES}; pip install --force-reinstall --no-cache-dir matrass",
    )


def core_does_not_load(error: BaseException | str) -> Problem:
    """The problem of a core that was built, but lacks a library at run time."""
    return Problem(
        f"matrass: the MPI core must load: got {error}",
        "apt-get install mpich libscalapack-mpich2.2 libopenblas0",
    )


def mpi4py_does_not_load(error: BaseException | str) -> Problem:
    """The problem of an mpi4py that is missing, or finds no MPI that it was built for."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return Problem(
        f"matrass: mpi4py must load MPI: got {lines[0]}",
        "apt-get install mpich; pip install --force-reinstall --only-binary mpi4py 'mpi4py>=4.1'",
    )


def load_mpi4py() -> ModuleType:
    """Load ``mpi4py.MPI``, which starts MPI unless it runs; MPIError, with the fix, if it cannot.

    Call it after `load_core`, which makes sure that both take one MPI.
    """
    try:
        return importlib.import_module("mpi4py.MPI")
    except Exception as error:  # a broken installation raises of all kinds
        _raise(mpi4py_does_not_load(error), error)


def _raise(problem: Problem, cause: BaseException | None = None) -> NoReturn:
    from matrass.errors import MPIError  # imports NumPy, which `import matrass` need not wait for

    raise MPIError(str(problem)) from cause


def _raise_if_fatal(problem: Problem | None) -> None:
    if problem is not None and problem.fatal:
        _raise(problem)


def _built_with(found: Installation) -> str:
    return f"{found.info['mpi']['name']} {found.info['mpi']['version']} ({found.mpi_soname})"


def _is_command_line() -> bool:
    """Whether this process is `matrass`, `python -m matrass` or one of the doctor's children."""
    program = sys.argv[0] if sys.argv else ""
    if program == "-m":  # while Python looks for the module
        words = sys.orig_argv
        program = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
        return program == "matrass" or program.startswith("matrass.")
    return os.path.basename(program) == "matrass"


def _is_preloaded(library: Path) -> bool:
    """Whether `library` is here because LD_PRELOAD names it."""
    names = re.split(r"[ :]+", os.environ.get("LD_PRELOAD", ""))
    return any(
        _same_file(name, library) if "/" in name else library.name.startswith(name)
        for name in names
        if name
    )


def _same_file(a: Path | str, b: Path | str) -> bool:
    try:
        return os.path.samefile(a, b)
    except OSError:
        return False


def _has_soname(library: Path, soname: str) -> bool:
    """Whether `library` answers to `soname`, by its own name or by that of what it links to."""
    return any(
        os.path.basename(name).startswith(soname) for name in (library, os.path.realpath(library))
    )
