# SPDX-License-Identifier: BSD-3-Clause
"""A rank takes the chunks of the Dask worker whose process it is, or whose child.

Next: ``session.py``.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from matrass.agreement import together
from matrass.bootstrap.which_mpi import load_core
from matrass.control.driver_memory import entry_of, sparse_of
from matrass.control.routines import routine
from matrass.control.tiles import assembled
from matrass.dask import worker
from matrass.errors import MemoryLimitError

if TYPE_CHECKING:
    import numpy.typing as npt

    from matrass.control.agent import Desk
    from matrass.matrix import DistMatrix

__all__: list[str] = []

_PAUSE = 0.8
"""The part of its memory limit at which a Dask worker pauses, where it does not say otherwise."""


@routine("dask.put")
def _put(  # noqa: PLR0917
    desk: Desk,
    tiles: list[list[Any]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    layout: str,
    block: Any,
) -> Any:
    """A matrix of all ranks' chunks: each rank has those of its worker.

    `tiles` has for each rank a list of (i0, j0, shape, key or place).
    """
    start = time.perf_counter()
    grid = desk.on
    mine = tiles[grid.rank]
    rows, columns = load_core().Distribution(grid._core, shape, layout, block).local_shape
    needed = rows * columns * dtype.itemsize
    together(grid._core, "put", lambda: _require_memory(desk, needed))
    arrays = together(grid._core, "put", lambda: _arrays(desk, mine))
    given = time.perf_counter()
    in_place = [x for x in arrays if x.dtype == dtype and x.flags.aligned]
    adopted = 0 if desk.contact.own else sum(x.nbytes for x in in_place)
    placed = [(i0, j0, x) for (i0, j0, *_), x in zip(mine, arrays, strict=True)]
    a = assembled(desk, placed, shape, dtype, (layout, block))
    end = time.perf_counter()
    size = sum(x.size for x in arrays) * dtype.itemsize
    return a, [len(placed), float(size), float(adopted), given - start, end - given]


@routine("dask.put.sparse")
def _put_sparse(
    desk: Desk, parts: list[list[Any]], shape: tuple[int, int], dtype: np.dtype[Any]
) -> Any:
    """A sparse matrix of the entries that each rank's worker was given: (shape, key or place)."""
    start = time.perf_counter()
    core = desk.on._core
    (entries,) = together(core, "put", lambda: _arrays(desk, parts[desk.on.rank]))
    # Lists of entries, and the matrix that is made of them.
    together(core, "put", lambda: _require_memory(desk, 2 * entries.nbytes))
    mine = entries[:, 0].view(entry_of(dtype))
    return sparse_of(desk, mine, shape, dtype, time.perf_counter() - start)


@routine("dask.place")
def _place(_: Desk, a: DistMatrix) -> Any:
    """Where each rank's part lies, for the worker whose child it is."""
    local = a.local
    place = {
        "pid": os.getpid(),
        "address": local.ctypes.data,
        "strides": list(local.strides),
        "shape": list(local.shape),
        "dtype": local.dtype.str,
    }
    return None, json.dumps(place)


def _arrays(desk: Desk, mine: list[Any]) -> list[npt.NDArray[Any]]:
    if desk.contact.own:
        return [worker.copied(place, shape) for *_, shape, place in mine]
    return [np.asarray(x) for x in worker.chunks(desk.contact.session, [key for *_, key in mine])]


def _require_memory(desk: Desk, needed: int) -> None:
    """Raise unless this rank's part fits: a worker that pauses would leave the others waiting."""
    if desk.contact.own:
        return
    host = worker._workers[desk.contact.session]
    limit = host.memory_manager.memory_limit
    if not limit:
        return
    pause = host.memory_manager.memory_pause_fraction or _PAUSE
    used = host.monitor.get_process_memory()
    if used + needed > pause * limit:
        raise MemoryLimitError(
            f"put: {needed / 1e9:.2f} GB do not fit: {max(0.0, pause * limit - used) / 1e9:.2f} GB "
            f"free on rank {desk.on.rank} of {desk.on.size} before Dask pauses its worker (more "
            "workers, dtype=float32, or a larger memory_limit)"
        )
