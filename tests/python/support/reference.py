# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the SPMD layer compare with: NumPy arrays, and layouts by their definitions.

Nothing here uses matrass: who owns what is worked out anew from the definitions of Elemental and
ScaLAPACK, index by index. Next: any ``test_*.py``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from mpi4py import MPI

    Array = npt.NDArray[Any]

DTYPES = ("float32", "float64", "complex64", "complex128")
LAYOUTS = (
    "MC,MR",
    "MC,STAR",
    "MD,STAR",
    "MR,MC",
    "MR,STAR",
    "STAR,MC",
    "STAR,MD",
    "STAR,MR",
    "STAR,STAR",
    "STAR,VC",
    "STAR,VR",
    "VC,STAR",
    "VR,STAR",
    "CIRC,CIRC",
)
ADDRESSABLE = ("MC,MR", "MR,MC", "VC,STAR", "STAR,VC", "VR,STAR", "STAR,VR")
REPLICATED = ("MC,STAR", "MR,STAR", "STAR,MC", "STAR,MR", "STAR,STAR")


def entries(i: Array, j: Array, m: int, dtype: npt.DTypeLike) -> Array:
    """``a(i, j) = i + m j``, exact in every dtype below 2**24; complex: ``a + (a + 1/2) i``."""
    real = i + float(max(m, 1)) * j
    if np.dtype(dtype).kind == "c":
        return (real + 1j * (real + 0.5)).astype(dtype)
    return real.astype(dtype)


def whole(m: int, n: int, dtype: npt.DTypeLike = "float64") -> Array:
    """The m x n array of `entries`, F order."""
    i, j = np.arange(m)[:, None], np.arange(n)[None, :]
    return np.asfortranarray(entries(i, j, m, dtype))


def coords(shape: tuple[int, int], order: str, rank: int) -> tuple[int, int] | None:
    """Where `rank` stands on an r x c grid that is filled column by column ("F") or row by row."""
    r, c = shape
    if rank >= r * c:
        return None
    return (rank % r, rank // r) if order == "F" else (rank // c, rank % c)


def places(dist: str, shape: tuple[int, int]) -> int:
    """How many places an axis is dealt to."""
    r, c = shape
    counts = {"MC": r, "MR": c, "VC": r * c, "VR": r * c, "MD": math.lcm(r, c)}
    return counts.get(dist, 1)


def place(dist: str, shape: tuple[int, int], at: tuple[int, int], on_root: bool) -> int | None:
    """The place of the process at `at`; None: it has no share of the axis."""
    (r, c), (i, j) = shape, at
    if dist == "MD":
        return next((k for k in range(math.lcm(r, c)) if (k % r, k % c) == (i, j)), None)
    if dist == "CIRC":
        return 0 if on_root else None
    return {"MC": i, "MR": j, "VC": i + r * j, "VR": j + c * i, "STAR": 0}[dist]


def default_block(dist: str, extent: int, shape: tuple[int, int], other: str) -> int:
    """``block=None``: 64 where both axes are dealt, contiguous parts where one is."""
    if {dist, other} == {"MC", "MR"}:
        return 64
    return max(1, -(-extent // places(dist, shape)))


def local_indices(
    layout: str,
    extents: tuple[int, int],
    block: tuple[int, int],
    grid: tuple[tuple[int, int], str],
    rank: int,
    *,
    root: int = 0,
) -> tuple[list[int], list[int]]:
    """The rows and columns that `rank` has: index i is in block i // b, dealt in turn.

    Both are empty on ranks that hold no part.
    """
    shape, order = grid
    at = coords(shape, order, rank)
    if at is None:
        return [], []
    found = []
    for dist, extent, size in zip(layout.split(","), extents, block, strict=True):
        mine, count = place(dist, shape, at, rank == root), places(dist, shape)
        if mine is None:
            return [], []
        found.append([i for i in range(extent) if (i // size) % count == mine])
    return found[0], found[1]


def grid_shapes(size: int) -> list[tuple[int, int]]:
    """Every r x c with r c = size."""
    return [(r, size // r) for r in range(1, size + 1) if size % r == 0]


def raised_together(comm: MPI.Comm, f: Callable[[], object]) -> BaseException:
    """What `f()` raised, after a check that it is the same one line on every rank of `comm`."""
    error: BaseException | None = None
    try:
        f()
    except Exception as caught:
        error = caught
    told = comm.allgather((type(error).__qualname__, str(error)))
    assert error is not None, f"nothing was raised here; on the ranks: {told}"
    assert len(set(told)) == 1, f"the ranks raised different errors: {told}"
    assert len(str(error).splitlines()) == 1, f"more than one line: {error}"
    return error
