# SPDX-License-Identifier: BSD-3-Clause
"""The one thread of a process that makes MPI calls for sessions.

A Dask worker's event loop must not wait in a collective, and all ranks must run the same calls in
the same order: so each process has one queue of work and one thread that does it, for its life.
Next: ``routines.py``.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

__all__ = ["MpiThread"]

_Work = tuple[Future[Any], Callable[[], Any]]


class MpiThread:
    """Does what it is given, one after another; while it has nothing to do it sleeps."""

    _only: MpiThread | None = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="matrass-mpi", daemon=True).start()

    @classmethod
    def of_process(cls) -> MpiThread:
        """The one of this process."""
        with cls._lock:
            if cls._only is None:
                cls._only = cls()
            return cls._only

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Do `work` after all that was submitted before."""
        future: Future[Any] = Future()
        self._work.put((future, work))
        return future

    def _run(self) -> None:
        while True:
            future, work = self._work.get()
            try:
                future.set_result(work())
            except BaseException as error:  # SystemExit too: it must not end the thread
                future.set_exception(error)
            del future, work  # what they hold is not needed while the thread waits
