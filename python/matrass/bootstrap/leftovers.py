# SPDX-License-Identifier: BSD-3-Clause
"""Shared memory that MPI leaves in /dev/shm when ranks are killed while they start.

Next: ``launcher.py``.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

__all__ = ["sweep"]

_SHARED = Path("/dev/shm")
_NAME = re.compile(r"(mpich_shar_|ucx_shm_)\w+")
_OLD_SECONDS = 5.0
_COARSE_SECONDS = 0.1
"""By which the times of files may be behind."""


def sweep(since: float | None = None) -> None:
    """Remove this user's segments that no process has open or mapped.

    Parameters
    ----------
    since : float, optional
        Those that are younger, by `time.time`: what ranks that have just ended have left. None:
        those that are some seconds old, as ranks in another container, whose processes are not to
        be seen from here, may be about to open the young ones.
    """
    found = {str(path) for path in _SHARED.iterdir() if _is_left(path, since)}
    for process in Path("/proc").glob("[0-9]*") if found else ():
        found -= _named_by(process)
    for name in found:
        with contextlib.suppress(OSError):
            Path(name).unlink()


def _is_left(path: Path, since: float | None) -> bool:
    """Whether it is a segment of this user and of that age."""
    if not _NAME.fullmatch(path.name):
        return False
    try:
        told = path.stat()
    except OSError:
        return False
    if told.st_uid != os.getuid():
        return False
    if since is None:
        return told.st_mtime < time.time() - _OLD_SECONDS
    return told.st_mtime > since - _COARSE_SECONDS


def _named_by(process: Path) -> set[str]:
    """The files that a process has open, then those that it has mapped.

    A segment is open until it is mapped: looked at in this order, it cannot be missed.
    """
    found = set()
    with contextlib.suppress(OSError):
        for link in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(link.readlink()))
    with contextlib.suppress(OSError):
        lines = (process / "maps").read_text(errors="replace").splitlines()
        found |= {line.split(maxsplit=5)[-1] for line in lines}
    return found
