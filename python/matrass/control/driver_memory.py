# SPDX-License-Identifier: BSD-3-Clause
"""A rank reads its rows from a driver on its machine, and writes rows to it.

Straight from memory to memory, or through memory that both share, some rows at a time. The driver's
side is ``session/local_transfer.py``. Next: ``agent.py``.
"""

from __future__ import annotations

import mmap
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from matrass.bootstrap.which_mpi import load_core
from matrass.control.routines import routine
from matrass.control.tiles import dealt_by_rows
from matrass.errors import MPIError

if TYPE_CHECKING:
    import numpy.typing as npt

    from matrass.control.agent import Desk
    from matrass.matrix import DistMatrix

Words = dict[str, Any]


@routine("put")
def _put(desk: Desk, source: Words, shape: tuple[int, int], dtype: np.dtype[Any]) -> Any:
    """This rank's rows, as they lie in the driver."""
    by_rows = source["strides"][1] == dtype.itemsize or shape[0] == 1
    a = dealt_by_rows(desk, shape, dtype, by_rows)
    return a, _copy(a, source, 0, shape[0], to_driver=False)


@routine("fetch")
def _fetch(_: Desk, a: DistMatrix, target: Words) -> Any:
    """Write this rank's rows to where the driver wants them."""
    start = time.perf_counter()
    rows_here = a.to("VC,STAR")
    placing = time.perf_counter() - start
    size, seconds, _placed = _copy(rows_here, target, 0, a.shape[0], to_driver=True)
    return None, [size, seconds, placing]


@routine("put.block")
def _take_block(_: Desk, a: DistMatrix, source: Words, i0: int, count: int) -> Any:
    """Rows i0 to i0 + count are in the driver: read one's own."""
    return None, _copy(a, source, i0, count, to_driver=False)


def _copy(a: DistMatrix, place: Words, i0: int, count: int, *, to_driver: bool) -> list[float]:
    """One's own of the rows i0 to i0 + count, which lie at `place` in the driver."""
    start = time.perf_counter()
    here, first = _own_rows(a, i0, count)
    if here.size:
        strides = tuple(place["strides"])
        address = place["address"] + first * strides[0]
        load_core().copy_process(place["pid"], address, strides, here, to_driver)
    return [float(here.nbytes), time.perf_counter() - start, 0.0]


def entry_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """An entry of a sparse matrix on its way: its value, row and column."""
    return np.dtype([("v", dtype), ("i", np.int64), ("j", np.int64)])


@routine("put.sparse")
def _sparse(
    desk: Desk, source: Words, shape: tuple[int, int], dtype: np.dtype[Any], bounds: list[int]
) -> Any:
    """Of the driver's entries rank k has those from bounds[k] to bounds[k + 1]: of its rows."""
    start = time.perf_counter()
    first, end = bounds[desk.on.rank : desk.on.rank + 2]
    mine = np.empty((end - first, 1), entry_of(dtype))
    if mine.size:
        address = source["address"] + first * mine.itemsize
        load_core().copy_process(source["pid"], address, mine.strides, mine, False)
    return sparse_of(desk, mine[:, 0], shape, dtype, time.perf_counter() - start)


def sparse_of(
    desk: Desk,
    mine: npt.NDArray[Any],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    received: float,
) -> Any:
    """A sparse matrix of all ranks' entries, and of each rank bytes and seconds."""
    from matrass.sparse_create import from_coo

    start = time.perf_counter()
    a = from_coo(desk.on, mine["i"], mine["j"], mine["v"], shape, dtype=dtype)
    return a, [float(mine.nbytes), received, time.perf_counter() - start]


@routine("reach")
def _reach(_: Desk, source: Words, expected: int) -> Any:
    """Whether this rank can read the driver's memory."""
    found = np.zeros((1, 1))
    try:
        place = source["pid"], source["address"], tuple(source["strides"])
        load_core().copy_process(*place, found, False)
    except MPIError:
        return None, False
    return None, bool(found[0, 0] == expected)


# Through shared memory ----------------------------------------------------------------------------


@routine("put.begin")
def _begin(desk: Desk, shape: tuple[int, int], dtype: np.dtype[Any]) -> Any:
    return dealt_by_rows(desk, shape, dtype, True)


@routine("put.rows")
def _take_rows(desk: Desk, a: DistMatrix, i0: int, count: int) -> Any:
    """Rows i0 to i0 + count are in the shared memory: take one's own."""
    start = time.perf_counter()
    here, shared = _own_and_shared(desk, a, i0, count)
    here[...] = shared
    return None, [float(here.nbytes), time.perf_counter() - start, 0.0]


_ENTRIES = "driver_memory.entries"


@routine("put.sparse.round")
def _take_entries(desk: Desk, k0: int, count: int, dtype: np.dtype[Any], bounds: list[int]) -> None:
    """Entries k0 to k0 + count are in the shared memory: take those of one's own rows."""
    start = time.perf_counter()
    if k0 == 0:
        desk.tools[_ENTRIES] = [], 0.0
    taken, seconds = desk.tools[_ENTRIES]
    first, end = (min(max(k - k0, 0), count) for k in bounds[desk.on.rank : desk.on.rank + 2])
    taken.append(_shared(desk, (count, 1), entry_of(dtype))[first:end, 0].copy())
    desk.tools[_ENTRIES] = taken, seconds + time.perf_counter() - start


@routine("put.sparse.end")
def _sparse_of_rounds(desk: Desk, shape: tuple[int, int], dtype: np.dtype[Any]) -> Any:
    taken, seconds = desk.tools.pop(_ENTRIES)
    return sparse_of(desk, np.concatenate(taken), shape, dtype, seconds)


@routine("fetch.begin")
def _by_rows(_: Desk, a: DistMatrix) -> Any:
    return a.to("VC,STAR")


@routine("fetch.rows")
def _give_rows(desk: Desk, a: DistMatrix, i0: int, count: int) -> Any:
    """Put one's own of these rows into the shared memory."""
    start = time.perf_counter()
    here, shared = _own_and_shared(desk, a, i0, count)
    shared[...] = here
    return None, [float(here.nbytes), time.perf_counter() - start, 0.0]


def _own_rows(a: DistMatrix, i0: int, count: int) -> tuple[npt.NDArray[Any], int]:
    """This rank's of the rows i0 to i0 + count, and where the first of them stands among these."""
    rows = a.local_rows
    begin = int(rows[0]) if a.local.size else 0
    end = int(rows[-1]) + 1 if a.local.size else 0
    i, j = max(i0, begin), min(i0 + count, end)
    return a.local[i - begin : max(i, j) - begin], i - i0


def _own_and_shared(
    desk: Desk, a: DistMatrix, i0: int, count: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The same, and the piece of the shared memory that they have there."""
    here, first = _own_rows(a, i0, count)
    shared = _shared(desk, (count, a.shape[1]), a.dtype)
    return here, shared[first : first + len(here)]


def _shared(desk: Desk, shape: tuple[int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    key = "driver_memory"
    if key not in desk.tools:
        descriptor = desk.contact.memory
        desk.tools[key] = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
    return np.frombuffer(desk.tools[key], dtype, shape[0] * shape[1]).reshape(shape)
