# SPDX-License-Identifier: BSD-3-Clause
"""What processes that have ended left in memory: files in /dev/shm, and files without a name."""

from __future__ import annotations

import time
from pathlib import Path

SHARED = Path("/dev/shm")
PATIENCE = 10.0  # seconds: other programs of this machine come and go


def names() -> set[str]:
    """What is in /dev/shm."""
    return {path.name for path in SHARED.iterdir()}


def mapped() -> set[tuple[int, str]]:
    """Inode and path of every file that some process of this machine has mapped or open."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for line in (process / "maps").read_text(encoding="utf-8").splitlines():
                fields = line.split(maxsplit=5)
                if len(fields) == 6:
                    found.add((int(fields[4]), fields[5]))
            for descriptor in (process / "fd").iterdir():
                found.add((descriptor.stat().st_ino, str(descriptor.readlink())))
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def new_names(before: set[str]) -> set[str]:
    """What is in /dev/shm now, was not `before`, and is of no process that still runs."""
    deadline = time.monotonic() + PATIENCE
    while True:
        in_use = {path for _, path in mapped()}
        left = {name for name in names() - before if str(SHARED / name) not in in_use}
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)
