# SPDX-License-Identifier: BSD-3-Clause
"""In a Spark Python worker: the agents of sessions, whose ranks outlive the tasks that began them.

Next: ``keeper.py``.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa

from matrass.control import child
from matrass.control.agent import Agent, Contact

if TYPE_CHECKING:
    from pyarrow import RecordBatch

__all__ = ["HOSTED", "host", "hosting", "pulse"]

HOSTED = "member long, pid long, host string, daemon long"
"""The schema of what `hosting` and `pulse` yield: who the process is, and its Spark daemon."""

_POLL_SECONDS = 0.005


_serving: list[threading.Thread] = []


def host(contact: dict[str, Any], at_end: Callable[[], object]) -> Agent:
    """Begin to serve a session, in a thread of this process; `at_end` is called when it is over."""
    agent = Agent(Contact.of_words(contact))

    def serve() -> None:
        try:
            agent.serve()
        finally:
            at_end()

    _outlive_tasks()
    _serving[:] = [thread for thread in _serving if thread.is_alive()]
    _serving.append(threading.Thread(target=serve, name="matrass-agent", daemon=True))
    _serving[-1].start()
    return agent


def _outlive_tasks() -> None:
    """Have this process end after its sessions only.

    Spark's daemon ends a Python worker by os._exit when one of its tasks has failed, were it for a
    mistake in somebody's function that the same job calls: no reason to lose a rank.
    """
    leave = os._exit
    if getattr(leave, "waits", False):
        return

    def leave_later(status: int) -> NoReturn:
        for thread in _serving:
            thread.join()
        leave(status)

    leave_later.waits = True  # type: ignore[attr-defined]
    os._exit = leave_later


def hosting(
    contacts: list[dict[str, Any]], isolated: bool, seconds: float
) -> Callable[[Iterator[RecordBatch]], Iterator[RecordBatch]]:
    """A task of a barrier stage: its process becomes a rank, or has a child that does.

    It ends when all ranks are in their world: until then no process may take another's task.
    """

    def task(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        for batch in batches:
            for member in batch.column(0).to_pylist():
                if isolated:
                    # Its output is not the daemon's, which Spark reads.
                    pid = child.start(contacts[member], None, subprocess.DEVNULL)
                else:
                    pid = os.getpid()
                    ended = threading.Event()
                    agent = host(contacts[member], ended.set)
                    deadline = time.monotonic() + seconds
                    while agent.desk.grid is None and not ended.is_set():
                        if time.monotonic() > deadline:
                            break
                        time.sleep(_POLL_SECONDS)
                yield _who(member, pid)

    return task


def pulse(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
    """A task that shows Spark that its Python workers are in use."""
    for batch in batches:
        for member in batch.column(0).to_pylist():
            yield _who(member, os.getpid())


def _who(member: int, pid: int) -> RecordBatch:
    import socket

    row = {"member": [member], "pid": [pid], "host": [socket.gethostname()]}
    return pa.RecordBatch.from_pydict(row | {"daemon": [os.getppid()]})
