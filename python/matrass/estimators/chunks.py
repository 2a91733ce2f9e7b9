# SPDX-License-Identifier: BSD-3-Clause
"""Dask arrays: each rank computes the chunks whose rows it will have. Dask is never imported here.

Next: ``truncated.py``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed, together
from matrass.bootstrap.which_mpi import load_core
from matrass.create import from_tiles
from matrass.errors import ShapeError
from matrass.grid import Grid
from matrass.matrix import DistMatrix

__all__ = ["float_dtype", "from_chunks", "is_dask", "own_chunks"]


def is_dask(x: Any) -> bool:
    """Whether `x` is a `dask.array.Array`. Dask is loaded if there is one."""
    module = sys.modules.get("dask.array")
    return module is not None and isinstance(x, module.Array)


def float_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """float32 as it is; whole numbers and all others as float64."""
    return dtype if dtype == np.float32 else np.dtype(np.float64)


def own_chunks(grid: Grid, x: Any) -> Iterator[npt.NDArray[Any]]:
    """Compute this rank's share of a Dask array's row chunks, one at a time.

    Chunks are dealt in the order of ranks, as many to each; their numbers of rows may be unknown.
    Local.
    """
    dealt = load_core().Distribution(grid._core, (x.numblocks[0], 1), "VC,STAR", None)
    for number in dealt.local_rows:
        yield _computed(x, int(number))


def from_chunks(grid: Grid, x: Any) -> DistMatrix:
    """A [VC,STAR] matrix from a Dask array that every rank has built alike.

    Each chunk is computed once, on the rank that has most of its rows, one row of chunks at a time;
    rows at the ends of ranks' parts are sent to their neighbours. Unknown numbers of rows are
    computed first. Collective over ``grid.comm``.
    """
    agreed(grid._core, "from Dask", lambda: (str(x.dtype), x.numblocks, str(x.shape)))
    heights = _heights(grid, x)
    starts = np.concatenate([[0], np.cumsum(heights)])
    shape = int(starts[-1]), int(x.shape[1])
    dealt = load_core().Distribution(grid._core, shape, "VC,STAR", None)
    dtype = float_dtype(x.dtype)
    rows = dealt.local_rows
    first, last = (int(rows[0]), int(rows[-1])) if len(rows) else (0, -1)

    def tiles() -> Iterator[tuple[int, int, npt.NDArray[Any]]]:
        for number, height in enumerate(heights):
            middle = starts[number] + height // 2
            if height > 0 and first <= middle <= last:
                chunk = _computed(x, number)
                if chunk.shape != (height, shape[1]):
                    raise ShapeError(
                        f"from Dask: chunk {number} must have shape {(height, shape[1])}: got "
                        f"{chunk.shape}"
                    )
                yield int(starts[number]), 0, chunk.astype(dtype, copy=False)

    return from_tiles(grid, tiles(), shape, layout="VC,STAR", dtype=dtype)


def _computed(x: Any, number: int) -> npt.NDArray[Any]:
    """A row of chunks."""
    chunk: npt.NDArray[Any] = np.asarray(x.blocks[number].compute())
    return chunk


def _heights(grid: Grid, x: Any) -> list[int]:
    """The number of rows of each row of chunks; each unknown one is counted by one rank."""
    known = x.chunks[0]
    if not any(math.isnan(height) for height in known):
        return [int(height) for height in known]
    ranks = grid._core.comm_size
    counts = np.zeros(len(known), np.int64)

    def count() -> None:
        for number in range(grid.rank, len(known), ranks):
            counts[number] = x.blocks[number, 0].map_blocks(_length, dtype=np.int64).compute()[0, 0]

    together(grid._core, "from Dask", count)
    load_core().allreduce(grid._core, counts, "sum")
    return [int(height) for height in counts]


def _length(chunk: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.full((1, 1), len(chunk), np.int64)
