# SPDX-License-Identifier: BSD-3-Clause
"""Between two steps of a long routine: who watches it hears how far it is, and may end it.

The same in C++: ``matrass/core/step.hpp``. Next: ``grid.py``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from matrass.bootstrap.which_mpi import load_core

__all__ = ["Watcher", "report", "watch"]

Watcher = Callable[[float | None, str], None]

_of_thread = threading.local()


def watch(watcher: Watcher | None) -> None:
    """Have routines of this thread call ``watcher(done, text)`` between their steps.

    `done` goes from 0 to 1, and is None where that is not known. What the watcher raises is raised
    by the routine, on all ranks.
    """
    _of_thread.watcher = watcher
    in_cpp = None
    if watcher is not None:

        def in_cpp(done: float) -> None:
            watcher(done if done >= 0 else None, "")

    load_core().watch_steps(in_cpp)


def report(done: float | None, text: str) -> None:
    """Tell this thread's watcher, if there is one."""
    watcher: Watcher | None = getattr(_of_thread, "watcher", None)
    if watcher is not None:
        watcher(done, text)
