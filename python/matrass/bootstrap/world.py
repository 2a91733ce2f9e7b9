# SPDX-License-Identifier: BSD-3-Clause
"""The one MPI world that this process can be in during its life.

MPICH cannot begin anew: a process joins a world once, and stays its member until it ends. A later
session of the same processes uses the same world; one in which a rank was lost is dead, and its
members are *stale*: alive and well, but no ranks any more. Next: ``launcher.py``.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matrass.bootstrap import leftovers
from matrass.bootstrap.which_mpi import installation, load_core, load_mpi4py
from matrass.errors import MPIError

__all__ = ["World", "join", "node_name", "prepare", "world"]


@dataclass(frozen=True)
class World:
    """What a process knows of its world."""

    id: str
    """A name that no other world has."""
    rank: int
    size: int

    def comm(self, ranks: tuple[int, ...]) -> Any:
        """A communicator of these ranks of the world, in this order. Collective over them."""
        mpi = load_mpi4py()
        if ranks == tuple(range(self.size)):
            return mpi.COMM_WORLD
        group = mpi.COMM_WORLD.Get_group().Incl(list(ranks))
        try:
            return mpi.COMM_WORLD.Create_group(group, tag=ranks[0])
        finally:
            group.Free()


_joined: list[World] = []
"""None, or the one."""
_lock = threading.Lock()


def world() -> World | None:
    """The world of this process, if it is in one."""
    return _joined[0] if _joined else None


def prepare() -> None:
    """Set what MPI's transport reads when it is loaded: to be called before `_core` is.

    UCX watches malloc's system calls, for network adapters that know memory by its addresses. To
    do so MPI_Init rewrites ``brk``, and the end of the heap with it, while here another thread may
    be in malloc, which then ends the process: "break adjusted to free malloc space".
    """
    os.environ.setdefault("UCX_HANDLE_ERRORS", "none")  # else UCX floods stderr on a crash
    os.environ.setdefault("UCX_MEM_EVENTS", "n")
    os.environ.setdefault("UCX_WARN_UNUSED_ENV_VARS", "n")  # where it was loaded before


def join(id: str, port: str, rank: int, size: int) -> World:  # noqa: A002
    """Become a rank: MPI_Init with the GIL released.

    Parameters
    ----------
    id : str
    port : str
        ``host:port`` of the world's `PmiServer`.
    rank, size : int

    Raises
    ------
    MPIError
        If this process is in another world, or runs MPI already.

    Notes
    -----
    Collective over the world. MPI_Init ends the process if the server goes away meanwhile.
    """
    with _lock:
        known = world()
        if known is not None:
            if known.id == id:
                return known
            raise MPIError(
                f"session: a process joins one MPI world in its life: process {os.getpid()} is "
                f"rank {known.rank} of another one (restart it to make it a rank again)"
            )
        told = {"PMI_PORT": port, "PMI_ID": str(rank)}
        if "PMI_FD" in os.environ or "PMI_RANK" in os.environ:
            raise MPIError("session: ranks must not be started by mpiexec: got PMI_RANK")
        leftovers.sweep()  # of ranks whose driver was killed with them
        os.environ |= told
        try:
            started = load_core().initialize()
        finally:
            for name in told:  # children must not take themselves for ranks
                os.environ.pop(name, None)
        if not started:
            raise MPIError(f"session: MPI runs already in process {os.getpid()}")
        _joined.append(World(id, rank, size))
        return _joined[0]


def end_of_world() -> str | None:
    """Why this process's world has ended; None while it is alive."""
    found = installation()
    if found is None or found.guard is None or not _joined:
        return None
    guard = ctypes.CDLL(str(found.guard))
    reason = ctypes.create_string_buffer(512)
    kind = guard.matrass_guard_state(reason, ctypes.c_size_t(len(reason)))
    return reason.value.decode(errors="replace") if kind else None


def node_name() -> str:
    """Equal for processes of one user that share a kernel, process numbers and /dev/shm.

    MATRASS_NODE tells apart what is not: to try several machines on one.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    pids = Path("/proc/self/ns/pid").stat().st_ino
    memory = Path("/dev/shm")
    shared = memory.stat().st_dev if memory.is_dir() else 0
    given = os.environ.get("MATRASS_NODE", "")
    return f"{given}/{socket.gethostname()}/{boot}/{pids}/{shared}/{os.getuid()}"
