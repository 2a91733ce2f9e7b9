# SPDX-License-Identifier: BSD-3-Clause
"""In a Spark Python worker: tasks that lose no time to what surrounds each of them.

Of a small partition that is nearly all of the time: 60 ms, where a task takes 10. Next:
``jobs.py``.
"""

from __future__ import annotations

import collections
import contextlib
import gc
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from matrass.spark.tasks import Task

if TYPE_CHECKING:
    from pyarrow import RecordBatch

__all__ = ["paced"]


def paced(task: Task) -> Task:
    """The same task."""

    def run(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        yield from task(_acknowledged(batches))
        _keep_modules()

    return run


def _acknowledged(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
    """Acknowledge what Spark has sent before waiting for more.

    Its JVM writes small pieces, and the kernel (Nagle's algorithm) sends the next one only when the
    last one is acknowledged, which the kernel here puts off for 40 ms.
    """
    with contextlib.ExitStack() as at_end:
        sockets = [at_end.enter_context(each) for each in _sockets_of_worker()]
        while True:
            for each in sockets:
                with contextlib.suppress(OSError):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            batch = next(batches, None)
            if batch is None:
                return
            yield batch


def _sockets_of_worker() -> list[socket.socket]:
    """Duplicates of the TCP connections that this process has several descriptors of.

    Spark's worker has one for reading and one for writing of the connection to its JVM.
    """
    if not hasattr(socket, "TCP_QUICKACK"):  # of Linux
        return []
    names = collections.defaultdict(list)
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            names[str(link.readlink())].append(int(link.name))
    found = []
    for name, numbers in names.items():
        if name.startswith("socket:") and len(numbers) > 1:
            with contextlib.suppress(OSError):
                found.append(socket.socket(fileno=os.dup(numbers[0])))
    return [each for each in found if each.family in {socket.AF_INET, socket.AF_INET6}]


_modules = 0


def _keep_modules() -> None:
    """Leave what modules have made, which is for good, out of the garbage collection.

    Spark collects after each task, through all objects: 20 to 60 ms where pandas is loaded.
    """
    global _modules  # noqa: PLW0603 - of the process
    if len(sys.modules) != _modules:
        _modules = len(sys.modules)
        gc.collect()
        gc.freeze()
