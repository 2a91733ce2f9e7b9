# SPDX-License-Identifier: BSD-3-Clause
"""A rank reads its rows from a driver on its machine, and writes rows to it.

The driver's side is ``session/local_transfer.py``. Next: ``agent.py``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from matrass.bootstrap.which_mpi import load_core
from matrass.control.routines import routine

if TYPE_CHECKING:
    from matrass.control.agent import Desk
    from matrass.matrix import DistMatrix

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
