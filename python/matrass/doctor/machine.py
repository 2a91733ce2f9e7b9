# SPDX-License-Identifier: BSD-3-Clause
"""What the machine itself gives to ranks: shared memory, huge pages, cores. Next: ``../cli.py``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from matrass.bootstrap.which_mpi import Problem

SHM = Path("/dev/shm")
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage")
MPICH_BYTES = 16 << 20
"""MPICH itself takes some 4 MB of shared memory a rank."""
USEFUL_BYTES = 1 << 30


def examine(
    shm: Path = SHM, huge_pages: Path = HUGE_PAGES
) -> Iterator[tuple[str, str, Problem | None]]:
    """Yield the name of each fact, its value, and the problem with it."""
    yield "cores", str(len(os.sched_getaffinity(0))), None
    yield ("/dev/shm", *shared_memory(shm))
    yield ("huge pages", *transparent_huge_pages(huge_pages))


def shared_memory(folder: Path) -> tuple[str, Problem | None]:
    """How much shared memory the ranks of this machine have between them."""
    try:
        status = os.statvfs(folder)
    except OSError as error:
        return "none", Problem(
            f"doctor: ranks of one machine need {folder}: got {error.strerror}",
            f"mount -t tmpfs tmpfs {folder}",
        )
    free, size = status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    value = f"{free / 1e9:.1f} GB free of {size / 1e9:.1f} GB"
    if free >= USEFUL_BYTES:
        return value, None
    return value, Problem(
        f"doctor: {folder} should have 1 GB free: got {free / 1e6:.0f} MB",
        f"remove what crashed programs left there, or mount -o remount,size=8g {folder} "
        "(docker run --shm-size=8g)",
        fatal=free < MPICH_BYTES,
    )


def transparent_huge_pages(folder: Path) -> tuple[str, Problem | None]:
    """Whether large arrays get huge pages; without them first touches take several times longer."""
    chosen = {}
    for name in ("enabled", "shmem_enabled"):
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except OSError:
            text = ""
        match = re.search(r"\[(\w+)\]", text)
        chosen[name] = match[1] if match else "unknown"
    value = f"{chosen['enabled']}, shared memory {chosen['shmem_enabled']}"
    if chosen["enabled"] != "never":
        return value, None
    return value, Problem(
        "doctor: transparent huge pages should be on: got never",
        f"echo madvise > {folder}/enabled",
        fatal=False,
    )
