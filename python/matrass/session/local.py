# SPDX-License-Identifier: BSD-3-Clause
"""Ranks on this machine: child processes of the driver, which end with it.

Next: ``local_transfer.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.arguments import index_of
from matrass.bootstrap import leftovers
from matrass.bootstrap.launcher import environment
from matrass.control.controller import Controller
from matrass.errors import InvalidArgument
from matrass.session import local_transfer
from matrass.session.inputs import Wanted
from matrass.session.remote_matrix import RemoteMatrix, RemoteSparse
from matrass.session.session import Session
from matrass.session.shared_memory import SharedMemory

__all__ = ["LocalSession"]

_OPEN_SECONDS = 60.0


class LocalSession(Session):
    """Ranks on this machine, started for this session and ended with it.

    Parameters
    ----------
    ranks : int
        How many; by default one for each core that this process may use.
    retry : int
        How often `put` is repeated on fresh ranks (see `renew`) after one was lost.
    host : str
        The address of this machine at which processes on others bring tiles and fetch rows, as
        Spark's executors do; by default none can.
    ports : (int, int), optional
        The first and the last port that may be listened at, here and by the ranks.
    timeout : float
        Seconds in which they must be up.

    Raises
    ------
    MPIError
        If `host` is no address of this machine, or no port is free.
    RankLostError
        If a rank ends while it starts.
    TimeoutError

    Examples
    --------
    >>> import matrass as mt, numpy as np
    >>> with mt.Session(ranks=2) as s:
    ...     A = s.put(np.eye(4))
    ...     (A @ A).sum()
    4.0
    """

    def __init__(
        self,
        ranks: int | None = None,
        *,
        retry: int = 0,
        host: str = "127.0.0.1",
        ports: tuple[int, int] | None = None,
        timeout: float = _OPEN_SECONDS,
    ) -> None:
        count = len(os.sched_getaffinity(0)) if ranks is None else index_of(ranks, "Session: ranks")
        if count < 1:
            raise InvalidArgument(f"Session: ranks must be at least 1: got {count}")
        self._count, self._timeout = count, timeout
        self._host, self._ports = host, ports
        super().__init__(retry)

    def _attach(self, controller: Controller, clean_up: Callable[[], None]) -> None:
        super()._attach(controller, clean_up)
        try:
            self.reaches = local_transfer.reaches(self)
            """Whether the ranks read and write this process's memory."""
        except BaseException:
            self.close()
            raise

    def _open(self) -> tuple[Controller, Callable[[], None]]:
        names = [f"rank {k}" for k in range(self._count)]
        controller = Controller(names, host=self._host, ports=self._ports)
        self.memory = SharedMemory()
        children: list[subprocess.Popen[bytes]] = []
        clean_up = _Ending(children, self.memory)
        controller.abandon = clean_up.kill
        try:
            children += controller.on_loop(_start(controller, self._count, self.memory.descriptor))
            for member, child in zip(controller.members, children, strict=True):
                member.exit = child.poll
            controller.open(self._timeout)
        except BaseException:
            controller.close(0)
            clean_up()
            raise
        return controller, clean_up

    def _put(self, x: npt.NDArray[Any], dtype: np.dtype[Any], wanted: Wanted) -> RemoteMatrix:
        return local_transfer.put(self, x, dtype, wanted)

    def _put_blocks(
        self,
        blocks: Iterator[npt.NDArray[Any]],
        shape: tuple[int, int],
        dtype: np.dtype[Any],
        wanted: Wanted,
    ) -> RemoteMatrix:
        return local_transfer.put_blocks(self, blocks, shape, dtype, wanted)

    def _put_sparse(self, x: Any, wanted: Wanted) -> RemoteSparse:
        return local_transfer.put_sparse(self, x, wanted)

    def _fetch(self, a: RemoteMatrix, out: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
        return local_transfer.fetch(self, a, out)


async def _start(controller: Controller, count: int, memory: int) -> list[subprocess.Popen[bytes]]:
    """Start the children, from a thread that lives as long as the session: they end with it."""
    command = [sys.executable, "-m", "matrass.control.child"]
    children = []
    for member in controller.members:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            env=environment(count),
            start_new_session=True,
            pass_fds=(memory,),
        )
        assert child.stdin is not None
        contact = controller.reception.contact(member.name) | {
            "session": controller.id,
            "own": True,
            "memory": memory,
            "may_run": True,
        }
        child.stdin.write(json.dumps(contact | {"parent": os.getpid()}).encode())
        child.stdin.close()
        children.append(child)
    return children


class _Ending:
    """Waits for the children of a session, ends those that do not, and tidies up after them."""

    def __init__(self, children: list[subprocess.Popen[bytes]], memory: SharedMemory) -> None:
        self._children = children
        self._memory = memory
        self._since = time.time()

    def kill(self) -> None:
        """End the children at once."""
        for child in self._children:
            child.kill()

    def __call__(self) -> None:
        patience = time.monotonic() + 1.0
        for child in self._children:
            try:
                child.wait(max(0.0, patience - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if any(child.returncode != 0 for child in self._children):
            leftovers.sweep(self._since)
        self._memory.close()
