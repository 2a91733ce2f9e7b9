# SPDX-License-Identifier: BSD-3-Clause
"""What the machine itself gives to ranks: shared memory, huge pages, cores. Next: ``../cli.py``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from matrass.bootstrap.which_mpi import Problem
from matrass.pool import shown_bytes

SHM = Path("/dev/shm")
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage")
MPICH_BYTES = 16 << 20
"""MPICH itself takes some 4 MB of shared memory a rank."""
USEFUL_BYTES = 1 << 30
COLLAPSE = (6, 1)
"""The Linux from which on matrices get huge pages, whatever `HUGE_PAGES` says."""

PRIVATE = {
    "MATRASS_SHARED_MEMORY": "unset MATRASS_SHARED_MEMORY",
    "ulimit -f": "ulimit -f unlimited",
    "memfd_create": "allow the call memfd_create (seccomp profile of the container)",
    "ftruncate": "ulimit -f unlimited",
    "mmap": "ulimit -v unlimited",
    "no page": "allow the container more memory",
}
"""What mends memory that others cannot map: by a word of the reason why it is private."""
UNREACHABLE = (
    "let ranks open each other's /proc/PID/fd: one user for all, /proc mounted, no program with "
    "file capabilities (getcap), no security profile that forbids it"
)


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
    value = f"{shown_bytes(free)} free of {shown_bytes(size)}"
    if free >= USEFUL_BYTES:
        return value, None
    return value, Problem(
        f"doctor: {folder} should have 1 GB free: got {shown_bytes(free)}",
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


def matrix_memory(found: dict[str, Any], ranks: int) -> tuple[str, list[Problem]]:
    """Whether ranks of one machine read and write each other's matrices, and in which pages.

    Parameters
    ----------
    found : dict
        What `probe.matrix_memory` got.
    ranks : int
        How many ranks this machine has.
    """
    problems = []
    if found["ranks"] != ranks:
        problems.append(
            Problem(
                f"doctor: the {ranks} ranks of this machine should be one node: "
                f"got nodes of {found['ranks']}",
                "unset MATRASS_RANKS_PER_NODE"
                if "MATRASS_RANKS_PER_NODE" in os.environ
                else "start all ranks as one user, in one container",
                fatal=False,
            )
        )
    elif not found["shared"]:
        fixes = [fix for word, fix in PRIVATE.items() if word in found["why_not"]]
        problems.append(
            Problem(
                "doctor: ranks of one machine should share the memory of matrices: "
                f"got messages, for {found['why_not']}",
                (fixes or [UNREACHABLE])[0],
                fatal=False,
            )
        )
    shared = "private, with messages between ranks" if problems else f"shared by {ranks} ranks"
    if not found["huge"]:
        problems.append(
            Problem(
                "doctor: matrices should get huge pages (2 MB): got small ones, "
                "of which fresh ones take several times longer",
                huge_pages_fix(),
                fatal=False,
            )
        )
    return f"{shared}, {'huge' if found['huge'] else 'small'} pages", problems


def huge_pages_fix(
    folder: Path = HUGE_PAGES,
    status: Path = Path("/proc/self/status"),
    release: str | None = None,
) -> str:
    """What mends a machine that gives matrices no huge pages."""
    if not folder.exists():
        return "run a Linux with transparent huge pages (CONFIG_TRANSPARENT_HUGEPAGE)"
    if re.search(r"^THP_enabled:\s*0", status.read_text(encoding="utf-8"), re.MULTILINE):
        return "start ranks from a program that has not set PR_SET_THP_DISABLE (prctl)"
    numbers = re.findall(r"\d+", release or os.uname().release)
    if (int(numbers[0]), int(numbers[1])) < COLLAPSE:
        return "run Linux 6.1 or newer, which gives them on request (MADV_COLLAPSE)"
    return "echo 1 > /proc/sys/vm/compact_memory (free memory is in small pieces)"
