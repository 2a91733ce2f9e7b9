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
from matrass.errors import MPIError

if TYPE_CHECKING:
    import numpy.typing as npt

    from matrass.control.agent import Desk
    from matrass.matrix import DistMatrix
    from matrass.sparse import SparseMatrix

Words = dict[str, Any]


@routine("put")
def _put(desk: Desk, source: Words, shape: tuple[int, int], dtype: np.dtype[Any]) -> Any:
    """This rank's rows, as they lie in the driver."""
    start = time.perf_counter()
    by_rows = source["strides"][1] == dtype.itemsize or shape[0] == 1
    a = _uninitialised(desk, shape, dtype, by_rows)
    local, rows = a.local, a.local_rows
    if local.size:
        down, across = source["strides"]
        address = source["address"] + int(rows[0]) * down
        load_core().copy_process(source["pid"], address, (down, across), local, False)
    return a, [float(local.nbytes), time.perf_counter() - start, 0.0]


def _uninitialised(
    desk: Desk, shape: tuple[int, int], dtype: np.dtype[Any], by_rows: bool
) -> DistMatrix:
    """A matrix dealt by rows, with row-major or column-major parts."""
    from matrass.matrix import DistMatrix

    m, n = shape
    extents, layout = ((n, m), "STAR,VC") if by_rows else ((m, n), "VC,STAR")
    zeros = load_core().zeros(desk.on._core, extents, dtype, layout, None, zero=False)
    a = DistMatrix._wrap(zeros, desk.on)
    return a.T if by_rows else a


@routine("fetch")
def _fetch(desk: Desk, a: DistMatrix, target: Words) -> Any:
    """Write this rank's rows to where the driver wants them."""
    start = time.perf_counter()
    rows_here = a.to("VC,STAR")
    placed = time.perf_counter()
    local, rows = rows_here.local, rows_here.local_rows
    if local.size:
        down, across = target["strides"]
        address = target["address"] + int(rows[0]) * down
        load_core().copy_process(target["pid"], address, (down, across), local, True)
    end = time.perf_counter()
    return None, [float(local.nbytes), end - placed, placed - start]


@routine("put.block")
def _take_block(desk: Desk, a: DistMatrix, source: Words, i0: int, count: int) -> Any:
    """Rows i0 to i0 + count are in the driver: read one's own."""
    start = time.perf_counter()
    mine = _own_rows(a, i0, count)
    rows = mine.stop - mine.start
    if rows > 0:
        first = int(a.local_rows[0])
        down, across = source["strides"]
        address = source["address"] + (mine.start - i0) * down
        here = a.local[mine.start - first : mine.stop - first]
        load_core().copy_process(source["pid"], address, (down, across), here, False)
    return None, [float(rows * a.shape[1] * a.dtype.itemsize), time.perf_counter() - start, 0.0]


@routine("put.sparse")
def _sparse(
    desk: Desk, shape: tuple[int, int], starts: Any, columns: Any, values: Any
) -> SparseMatrix:
    from scipy.sparse import csr_matrix

    from matrass.sparse_create import from_scipy

    first = desk.on.comm.rank == 0
    x = csr_matrix((values, columns, starts), shape) if first else None
    return from_scipy(desk.on, x)


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
    return _uninitialised(desk, shape, dtype, True)


@routine("put.rows")
def _take_rows(desk: Desk, a: DistMatrix, i0: int, count: int) -> Any:
    """Rows i0 to i0 + count are in the shared memory: take one's own."""
    start = time.perf_counter()
    mine = _own_rows(a, i0, count)
    shared = _shared(desk, (count, a.shape[1]), a.dtype)
    first = int(a.local_rows[0]) if a.local.size else 0
    a.local[mine.start - first : mine.stop - first] = shared[mine.start - i0 : mine.stop - i0]
    size = (mine.stop - mine.start) * a.shape[1] * a.dtype.itemsize
    return None, [float(size), time.perf_counter() - start, 0.0]


@routine("fetch.begin")
def _by_rows(_: Desk, a: DistMatrix) -> Any:
    return a.to("VC,STAR")


@routine("fetch.rows")
def _give_rows(desk: Desk, a: DistMatrix, i0: int, count: int) -> Any:
    """Put one's own of these rows into the shared memory."""
    start = time.perf_counter()
    mine = _own_rows(a, i0, count)
    shared = _shared(desk, (count, a.shape[1]), a.dtype)
    first = int(a.local_rows[0]) if a.local.size else 0
    shared[mine.start - i0 : mine.stop - i0] = a.local[mine.start - first : mine.stop - first]
    size = (mine.stop - mine.start) * a.shape[1] * a.dtype.itemsize
    return None, [float(size), time.perf_counter() - start, 0.0]


def _own_rows(a: DistMatrix, i0: int, count: int) -> slice:
    """This rank's of the rows i0 to i0 + count; contiguous, perhaps none."""
    rows = a.local_rows
    if not a.local.size:
        return slice(i0, i0)
    begin, end = max(i0, int(rows[0])), min(i0 + count, int(rows[-1]) + 1)
    return slice(begin, max(begin, end)) if begin <= i0 + count else slice(i0, i0)


def _shared(desk: Desk, shape: tuple[int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    key = "driver_memory"
    if key not in desk.tools:
        descriptor = desk.contact.memory
        desk.tools[key] = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
    return np.frombuffer(desk.tools[key], dtype, shape[0] * shape[1]).reshape(shape)
