# SPDX-License-Identifier: BSD-3-Clause
"""A matrix of the tiles that the ranks of a session have been given.

Next: ``agent.py``.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from matrass.agreement import together
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy.typing as npt

    from matrass.control.agent import Desk
    from matrass.matrix import DistMatrix

__all__ = ["assembled", "dealt_by_rows", "of_numbered_rows"]


def assembled(
    desk: Desk,
    tiles: list[tuple[int, int, npt.NDArray[Any]]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    dealt: tuple[str, Any],
) -> DistMatrix:
    """A matrix of tiles (i0, j0, array), each of which one rank has.

    `dealt` is the layout and the block size. Collective.
    """
    from matrass.create import from_tiles

    layout, block = dealt
    grid = desk.on
    placed = [(i0, j0, x if x.dtype == dtype else x.astype(dtype)) for i0, j0, x in tiles]
    if not placed and grid.rank == 0 and 0 in shape:
        placed = [(0, 0, np.empty(shape, dtype))]
    col, _, row = layout.strip("[]").partition(",")
    if row == "STAR" and _by_rows(desk, [x for *_, x in placed]):
        # Row-major tiles become row-major parts: whole lines are copied, none is turned.
        turned = [(j0, i0, x.T) for i0, j0, x in placed]
        blocks = None if block is None else (block[1], block[0])
        return from_tiles(grid, turned, shape[::-1], layout=f"STAR,{col}", block=blocks).T
    return from_tiles(grid, placed, shape, layout=layout, block=block)


def _by_rows(desk: Desk, arrays: list[npt.NDArray[Any]]) -> bool:
    """Whether most bytes of all ranks lie by rows. Collective."""
    mine = sum(x.nbytes if x.strides[0] >= x.strides[1] else -x.nbytes for x in arrays)
    return bool(desk.on.comm.allreduce(mine) > 0)


def dealt_by_rows(
    desk: Desk, shape: tuple[int, int], dtype: np.dtype[Any], by_rows: bool
) -> DistMatrix:
    """A matrix dealt by rows, with row-major or column-major parts, still without values."""
    from matrass.matrix import DistMatrix

    m, n = shape
    extents, layout = ((n, m), "STAR,VC") if by_rows else ((m, n), "VC,STAR")
    zeros = load_core().zeros(desk.on._core, extents, dtype, layout, None, zero=False)
    a = DistMatrix._wrap(zeros, desk.on)
    return a.T if by_rows else a


def of_numbered_rows(
    desk: Desk,
    pieces: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    dealt: tuple[str, Any],
) -> DistMatrix:
    """A matrix of rows with their numbers, which may come in any order on any ranks. Collective.

    `pieces` are (numbers, rows); every number must come once.
    """
    runs = [_runs(numbers) for numbers, _ in pieces]
    count = desk.on.comm.allreduce(sum(len(each) - 1 for each in runs))
    if count <= max(desk.on.size, shape[0] // _LONG_RUN):
        tiles = [
            (int(numbers[begin]), 0, rows[begin:end])
            for (numbers, rows), cuts in zip(pieces, runs, strict=True)
            for begin, end in itertools.pairwise(cuts)
        ]
        return assembled(desk, tiles, shape, dtype, dealt)
    a = _exchanged(desk, pieces, shape, dtype)
    layout, block = dealt
    return a if layout == "[VC,STAR]" and block is None else a.to(layout, block)


_LONG_RUN = 16
"""Rows in a row from which tiles are faster than an exchange."""


def _runs(numbers: npt.NDArray[Any]) -> list[int]:
    """Where runs of numbers that follow one another begin, and the end."""
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    return [0, *cuts.tolist(), len(numbers)] if len(numbers) else [0]


def _exchanged(
    desk: Desk,
    pieces: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
) -> DistMatrix:
    """Each row is sent to the rank to which its number belongs."""
    m, n = shape
    comm, grid = desk.on.comm, desk.on._core
    a = dealt_by_rows(desk, shape, dtype, by_rows=True)
    height = max(1, -(-m // comm.size))

    def sorted_by_owner() -> tuple[Any, Any]:
        numbers = np.concatenate([np.empty(0, np.int64), *(i for i, _ in pieces)]).astype(np.int64)
        order = np.argsort(numbers, kind="stable")
        rows = np.concatenate([np.empty((0, n), dtype), *(x for _, x in pieces)])
        return numbers[order], np.ascontiguousarray(rows[order], dtype)

    numbers, rows = together(grid, "put", sorted_by_owner)
    sent = np.bincount(numbers // height, minlength=comm.size).astype(np.int64)
    received = np.empty_like(sent)
    comm.Alltoall(sent, received)
    total = int(received.sum())

    def room() -> tuple[Any, Any]:
        return np.empty(total, np.int64), np.empty((total, n), dtype)

    own_numbers, own_rows = together(grid, "put", room)
    comm.Alltoallv(_of_bytes(numbers, sent, 8), _of_bytes(own_numbers, received, 8))
    width = n * dtype.itemsize
    comm.Alltoallv(_of_bytes(rows, sent, width), _of_bytes(own_rows, received, width))
    first = comm.rank * height

    def place() -> None:
        times = np.bincount(own_numbers - first, minlength=len(a.local))
        wrong = np.flatnonzero(times != 1)
        if len(wrong):
            raise InvalidArgument(
                f"put: every row must come once: got row {first + wrong[0]} {times[wrong[0]]} times"
            )
        a.local[own_numbers - first] = own_rows

    together(grid, "put", place)
    return a


def _of_bytes(x: npt.NDArray[Any], rows: npt.NDArray[Any], width: int) -> list[Any]:
    """For MPI: so many rows of `width` bytes for each rank."""
    counts = rows * width
    return [
        x.view(np.uint8).reshape(-1) if x.size else np.empty(0, np.uint8),
        (counts, np.concatenate([[0], np.cumsum(counts)[:-1]])),
    ]


def given_rows(desk: Desk, a: DistMatrix, counts: list[int]) -> npt.NDArray[Any]:
    """The rows of `a` for this rank, where rank r is to have the next ``counts[r]``. Collective."""
    comm, grid = desk.on.comm, desk.on._core
    rows = a.to("VC,STAR")
    width = a.shape[1] * a.dtype.itemsize
    wanted = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    height = max(1, -(-a.shape[0] // comm.size))
    owned = np.minimum(np.arange(comm.size + 1) * height, a.shape[0])

    def shared(mine: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        begin, end = mine[comm.rank], mine[comm.rank + 1]
        ends, begins = np.minimum(end, theirs[1:]), np.maximum(begin, theirs[:-1])
        return np.asarray(np.maximum(0, ends - begins))

    here: npt.NDArray[Any] = together(grid, "run", lambda: np.ascontiguousarray(rows.local))
    found: npt.NDArray[Any] = together(
        grid, "run", lambda: np.empty((counts[comm.rank], a.shape[1]), a.dtype)
    )
    sent, received = shared(owned, wanted), shared(wanted, owned)
    comm.Alltoallv(_of_bytes(here, sent, width), _of_bytes(found, received, width))
    return found
