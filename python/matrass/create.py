# SPDX-License-Identifier: BSD-3-Clause
"""Making distributed matrices from functions, local arrays, tiles and whole arrays.

Next: ``linalg.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed, together
from matrass.arguments import Block, how_dealt, index_of, root_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument, ShapeError
from matrass.grid import Grid
from matrass.layout import Layout
from matrass.matrix import DistMatrix

__all__ = ["from_function", "from_global", "from_local", "from_tiles"]

_SCALARS = tuple(np.dtype(t) for t in (np.float32, np.float64, np.complex64, np.complex128))
_PANEL_BYTES = 1 << 25


def from_function(
    grid: Grid,
    shape: tuple[int, int],
    f: Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], npt.ArrayLike],
    *,
    layout: str | Layout = "MC,MR",
    block: Block = None,
    dtype: npt.DTypeLike = np.float64,
) -> DistMatrix:
    """The matrix with elements f(i, j); each rank computes its own.

    Parameters
    ----------
    grid : Grid
    shape : (int, int)
    f : callable
        ``f(i, j)`` with global indices i of shape (rows, 1) and j of shape (1, columns), as
        `numpy.fromfunction` with broadcasting; called for panels of columns of the local part.
    layout, block
        See `DistMatrix`.
    dtype : dtype
        What f gives must convert to it by NumPy's rule "same_kind".

    Returns
    -------
    DistMatrix

    Raises
    ------
    RoutineError
        On every rank, if `f` raises on one; there, it is raised from the original exception.

    Notes
    -----
    Collective over ``grid.comm``.
    """
    a = DistMatrix(grid, shape, dtype, layout, block)

    def fill() -> None:
        local, i, j = a.local, a.local_rows[:, np.newaxis], a.local_cols[np.newaxis, :]
        if local.size == 0:
            return
        width = max(1, _PANEL_BYTES // (local.shape[0] * local.itemsize))
        for at in range(0, local.shape[1], width):
            values = _unmasked(f(i, j[:, at : at + width]), "from_function: values of f")
            np.copyto(local[:, at : at + width], values, casting="same_kind")

    together(grid._core, "from_function", fill)
    return a


def from_local(
    grid: Grid,
    local: npt.NDArray[Any] | None,
    shape: tuple[int, int],
    *,
    layout: str | Layout = "MC,MR",
    block: Block = None,
) -> DistMatrix:
    """The matrix whose parts the ranks already have.

    Parameters
    ----------
    grid : Grid
    local : ndarray or None
        This rank's part, of the shape that the layout gives it; None where it has no share. All
        ranks have the same dtype. A column-major, aligned, writable array is adopted: the matrix
        works in its memory and keeps it alive (``A.local`` shares it). Any other is copied.
    shape : (int, int)
        Of the whole matrix.
    layout, block
        See `DistMatrix`.

    Returns
    -------
    DistMatrix

    Raises
    ------
    ShapeError, DTypeError
        On every rank, if some rank's array does not fit.

    Notes
    -----
    Collective over ``grid.comm``; nothing is sent.
    """
    core = load_core()
    extents, name, blocks = agreed(
        grid._core, "from_local", lambda: how_dealt("from_local", shape, layout, block)
    )
    array = together(
        grid._core,
        "from_local",
        lambda: None if local is None else _adoptable(_matrix_of(local, "from_local: local")),
    )
    codes = core.gather_codes(grid._core, [] if array is None else [core.scalar_code(array.dtype)])
    code = _one_dtype(codes, "from_local", "local part")
    matrix = core.from_local(grid._core, array, extents, code, name, blocks)
    return DistMatrix._wrap(matrix, grid)


def from_tiles(
    grid: Grid,
    tiles: Iterable[tuple[int, int, npt.NDArray[Any]]],
    shape: tuple[int, int],
    *,
    layout: str | Layout = "MC,MR",
    block: Block = None,
) -> DistMatrix:
    """A matrix from rectangles that lie anywhere on any ranks.

    Parameters
    ----------
    grid : Grid
    tiles : iterable of (i0, j0, ndarray)
        The ones that this rank has, maybe none: ``tile[i, j]`` is element ``[i0 + i, j0 + j]``.
        Any strides; read where they are. Together, all ranks' tiles cover the matrix exactly once.
    shape : (int, int)
        Of the whole matrix.
    layout, block
        See `DistMatrix`.

    Returns
    -------
    DistMatrix
        New memory; the tiles are free for other use afterwards.

    Raises
    ------
    InvalidArgument, ShapeError, DTypeError
        On every rank, naming the tile: overlap, hole, outside of the matrix, another dtype.

    Notes
    -----
    Collective over ``grid.comm``. Each element is sent at most once.
    """
    core = load_core()

    def prepare() -> list[tuple[int, int, npt.NDArray[Any]]]:
        return [_tile_of(tile, f"from_tiles: tile {k}") for k, tile in enumerate(tiles)]

    extents, name, blocks = agreed(
        grid._core, "from_tiles", lambda: how_dealt("from_tiles", shape, layout, block)
    )
    mine = together(grid._core, "from_tiles", prepare)
    codes = core.gather_codes(grid._core, [core.scalar_code(tile.dtype) for _, _, tile in mine])
    code = _one_dtype(codes, "from_tiles", "tile")
    matrix = core.from_tiles(grid._core, mine, extents, code, name, blocks)
    return DistMatrix._wrap(matrix, grid)


def from_global(
    grid: Grid,
    x: npt.ArrayLike | None,
    *,
    layout: str | Layout = "MC,MR",
    block: Block = None,
    root: int | None = 0,
) -> DistMatrix:
    """A matrix from a whole array.

    Parameters
    ----------
    grid : Grid
    x : array_like, shape (m, n), or None
        Looked at on rank `root` only, or on every rank where `root` is None: then all have the
        same array, and nothing is sent.
    layout, block
        See `DistMatrix`.
    root : int or None

    Returns
    -------
    DistMatrix

    Raises
    ------
    ShapeError, DTypeError
        On every rank.

    Notes
    -----
    Collective over ``grid.comm``.
    """
    core = load_core()
    at, name, blocks = agreed(
        grid._core,
        "from_global",
        lambda: (
            root_of(root, grid._core.comm_size, "from_global"),
            *how_dealt("from_global", (0, 0), layout, block)[1:],
        ),
    )

    def prepare() -> npt.NDArray[Any] | None:
        if at not in (None, grid.rank):
            return None
        if x is None:
            raise InvalidArgument("from_global: x must be an array on root: got None")
        return _readable(_matrix_of(x, "from_global: x"))

    array = together(grid._core, "from_global", prepare)
    header = [] if array is None else [core.scalar_code(array.dtype), *array.shape]
    headers = [tuple(h) for h in core.gather_codes(grid._core, header) if h]
    if len(set(headers)) != 1:
        raise ShapeError(
            "from_global: x must have one shape and dtype on every rank: got "
            + ", ".join(f"{h[1:]} {_SCALARS[h[0]]}" for h in sorted(set(headers)))
        )
    code, m, n = headers[0]
    matrix = core.from_global(grid._core, array, (m, n), code, name, blocks, at)
    return DistMatrix._wrap(matrix, grid)


def _unmasked(given: Any, what: str) -> npt.NDArray[Any]:
    """`given` as an array; a mask must not be lost without a word."""
    if np.ma.is_masked(given):
        raise InvalidArgument(
            f"{what} must have no masked elements: got {int(np.ma.getmaskarray(given).sum())} "
            "(fill them: x.filled(value))"
        )
    array: npt.NDArray[Any] = np.asarray(given)
    return array


def _matrix_of(given: Any, what: str) -> npt.NDArray[Any]:
    """`given`, if it is a matrix of one of the four scalars."""
    array = _unmasked(given, what)
    if array.ndim != 2:
        raise ShapeError(f"{what} must have 2 dimensions: got shape {array.shape} (reshape it)")
    if array.dtype.newbyteorder("=") not in _SCALARS:
        raise DTypeError(
            f"{what} must be float32, float64, complex64 or complex128: got {array.dtype} "
            "(convert with astype)"
        )
    return array


def _tile_of(given: Any, what: str) -> tuple[int, int, npt.NDArray[Any]]:
    """`given`, if it is (i0, j0, matrix)."""
    try:
        i0, j0, array = given
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"{what} must be (i0, j0, array): got {type(given).__name__}"
        ) from error
    first = index_of(i0, f"{what}: i0"), index_of(j0, f"{what}: j0")
    return *first, _readable(_matrix_of(array, what))


def _readable(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`array`, copied only if C++ cannot read it by strides."""
    whole_strides = all(stride % array.itemsize == 0 for stride in array.strides)
    if array.flags.aligned and array.dtype.isnative and whole_strides:
        return array
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="K")


def _adoptable(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`array`, copied to column-major memory only if a matrix cannot work in its own."""
    array = _readable(array)
    rows, cols = array.shape
    down, across = array.strides
    fits = (rows <= 1 or down == array.itemsize) and (cols <= 1 or across >= rows * array.itemsize)
    if fits and array.flags.writeable and array.size > 0:
        return array
    return np.array(array, order="F")


def _one_dtype(codes: list[list[int]], routine: str, what: str) -> int:
    """The scalar code that all ranks' arrays share; float64's where there is no array at all."""
    found = [(code, rank, k) for rank, own in enumerate(codes) for k, code in enumerate(own)]
    if not found:
        return _SCALARS.index(np.dtype(np.float64))
    first = found[0][0]
    for code, rank, k in found:
        if code != first:
            raise DTypeError(
                f"{routine}: all ranks must give one dtype: got {_SCALARS[code]} in {what} {k} of "
                f"rank {rank}, {_SCALARS[first]} in {what} {found[0][2]} of rank {found[0][1]}"
            )
    return first
