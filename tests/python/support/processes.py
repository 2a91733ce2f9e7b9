# SPDX-License-Identifier: BSD-3-Clause
"""Looking at processes from outside, and waiting for what is to become true."""

import os
import time
from pathlib import Path


def children():
    """The processes that this one has started and that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:
            continue
        after = text.rpartition(")")[2].split()
        if int(after[1]) == os.getpid():
            found.append(int(text.split()[0]))
    return set(found)


def eventually(what, seconds=5.0):
    """Whether `what()` becomes true in time."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def abandoned_segments():
    """MPI's segments in /dev/shm that no process has mapped. (Other programs may run beside us.)"""
    names = {str(p) for p in Path("/dev/shm").iterdir() if p.name.startswith(("mpich_", "ucx_"))}
    for maps in Path("/proc").glob("[0-9]*/maps"):
        if not names:
            break
        try:
            text = maps.read_text(errors="replace")
        except OSError:
            continue
        names = {name for name in names if name not in text}
    return names
