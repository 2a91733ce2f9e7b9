# SPDX-License-Identifier: BSD-3-Clause
"""Shared memory that MPI leaves in /dev/shm when ranks are killed while they start.

Next: ``launcher.py``.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

__all__ = ["of_process", "remove", "sweep"]

_SHARED = Path("/dev/shm")
_NAME = re.compile(r"(mpich_shar_|ucx_shm_)\w+")
_OLD_SECONDS = 5.0


def of_process(pid: int) -> set[Path]:
    """The segments that a process has open or mapped: to be looked at before it is killed."""
    found = set()
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/maps").read_text(errors="replace")
        found |= {Path(line.split(maxsplit=5)[-1]) for line in text.splitlines()}
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            found.add(link.readlink())
    return {path for path in found if path.parent == _SHARED and _NAME.fullmatch(path.name)}


def remove(paths: Iterable[Path]) -> None:
    """Remove this user's segments; who has mapped one keeps it."""
    for path in paths:
        with contextlib.suppress(OSError):
            if path.stat().st_uid == os.getuid():
                path.unlink()


def sweep() -> None:
    """Remove this user's segments that are some seconds old and that no process has mapped."""
    latest = time.time() - _OLD_SECONDS
    old = {}
    with contextlib.suppress(OSError):
        for path in _SHARED.iterdir():
            with contextlib.suppress(OSError):
                told = path.stat()
                mine = told.st_uid == os.getuid() and _NAME.fullmatch(path.name)
                if mine and told.st_mtime < latest:
                    old[str(path)] = path
    if not old:
        return
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            text = maps.read_text(errors="replace")
            for name in [name for name in old if name in text]:
                del old[name]
    remove(old.values())
