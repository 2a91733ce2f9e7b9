# SPDX-License-Identifier: BSD-3-Clause
"""In a Dask worker's process: the agents of sessions, the worker's chunks, and what it gives back.

Next: ``routines.py``.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from matrass.bootstrap.which_mpi import load_core
from matrass.control import child
from matrass.control.agent import Agent, Contact
from matrass.errors import RankLostError

if TYPE_CHECKING:
    import numpy.typing as npt
    from distributed import Worker

__all__ = [
    "at_home",
    "chunks",
    "chunks_at",
    "copied",
    "part",
    "part_of_child",
    "release",
    "start",
]

_PATIENCE_SECONDS = 0.05

_agents: dict[str, Agent] = {}
"""Of the sessions that this process serves, by their ids."""
_workers: dict[str, Worker] = {}
_held: dict[str, dict[str, Any]] = {}
"""Chunks that a child process is reading, by session."""


def start(contacts: dict[str, dict[str, Any]], isolated: bool, dask_worker: Worker) -> int:
    """Begin to serve a session; returns at once, as this is on the event loop.

    Returns
    -------
    int
        The process that is the rank.
    """
    contact = contacts[dask_worker.address]
    session = contact["session"]
    _workers[session] = dask_worker
    if isolated:
        return child.start(contact, os.getpid())
    agent = Agent(Contact.of_words(contact))
    _agents[session] = agent
    threading.Thread(
        target=_serve, args=(agent, session), name=f"matrass-agent-{session}", daemon=True
    ).start()
    return os.getpid()


def _serve(agent: Agent, session: str) -> None:
    try:
        agent.serve()
    finally:
        _agents.pop(session, None)
        _workers.pop(session, None)


def chunks(session: str, keys: list[Any]) -> list[npt.NDArray[Any]]:
    """The chunks that this worker has, as they are in its memory.

    From any thread but the event loop's, which must be asked: data may be on disk.
    """
    worker = _workers[session]

    async def look() -> list[Any]:
        return [worker.data[key] for key in keys]

    loop: asyncio.AbstractEventLoop = worker.loop.asyncio_loop  # type: ignore[attr-defined]
    return asyncio.run_coroutine_threadsafe(look(), loop).result()


def chunks_at(session: str, keys: list[Any], dask_worker: Worker) -> list[dict[str, Any]]:
    """Where the chunks lie that a child process is to read; held until `release`."""
    import numpy as np

    found = [np.ascontiguousarray(dask_worker.data[key]) for key in keys]
    _held.setdefault(session, {}).update(
        {str(key): chunk for key, chunk in zip(keys, found, strict=True)}
    )
    return [
        {"pid": os.getpid(), "address": x.ctypes.data, "strides": x.strides, "dtype": x.dtype.str}
        for x in found
    ]


def release(session: str) -> None:
    """Let go of what `chunks_at` holds."""
    _held.pop(session, None)


def at_home(address: str, give: Callable[..., Any], *args: Any) -> Any:
    """A task: what `give` finds in the worker at this address.

    Raises
    ------
    Reschedule
        On another worker, which has stolen the task while that one is busy: Dask sends it back.
    RankLostError
        On another worker, which Dask asks when that one is gone.
    """
    from distributed import Reschedule, get_worker

    if get_worker().address == address:
        return give(*args)
    if _listens(address):
        time.sleep(_PATIENCE_SECONDS)
        raise Reschedule
    raise RankLostError(
        f"to_dask: a chunk's worker must live: {address} is gone, and the chunk with it"
    )


def _listens(address: str) -> bool:
    """Whether a process still has the port of this worker."""
    from distributed.comm.addressing import get_address_host_port

    try:
        socket.create_connection(get_address_host_port(address), timeout=1).close()
    except OSError:
        return False
    return True


def part(session: str, name: str) -> npt.NDArray[Any]:
    """This rank's part of a matrix, without a copy: a task whose result stays in the worker."""
    local: npt.NDArray[Any] = _agents[session].desk.matrices[name].local
    return local


def part_of_child(place: dict[str, Any]) -> npt.NDArray[Any]:
    """The same of a rank that is this worker's child: a copy out of its memory."""
    return copied(place, place["shape"])


def copied(place: dict[str, Any], shape: tuple[int, int]) -> npt.NDArray[Any]:
    """An array of another process of this machine."""
    import numpy as np

    down, across = place["strides"]
    x: npt.NDArray[Any] = np.empty(shape, place["dtype"], order="C" if down > across else "F")
    if x.size:
        load_core().copy_process(place["pid"], place["address"], (down, across), x, False)
    return x
