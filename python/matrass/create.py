# SPDX-License-Identifier: BSD-3-Clause
"""Making distributed matrices from functions, local arrays, tiles and whole arrays.

Next: ``linalg.py``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed, together
from matrass.arguments import Block, how_dealt, index_of, root_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument, ShapeError
from matrass.grid import Grid, core_of
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
    on = core_of(grid, "from_function")
    a = DistMatrix(grid, shape, dtype, layout, block)

    def fill() -> None:
        if not callable(f):
            raise InvalidArgument(
                f"from_function: f must be a function of (i, j): got {type(f).__name__}"
            )
        local, i, j = a.local, a.local_rows[:, np.newaxis], a.local_cols[np.newaxis, :]
        if local.size == 0:
            return
        width = max(1, _PANEL_BYTES // (local.shape[0] * local.itemsize))
        for at in range(0, local.shape[1], width):
            _put(f(i, j[:, at : at + width]), local[:, at : at + width])

    together(on, "from_function", fill)
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
    on, core = core_of(grid, "from_local"), load_core()
    extents, name, blocks = agreed(
        on, "from_local", lambda: how_dealt("from_local", shape, layout, block)
    )
    array = together(
        on,
        "from_local",
        lambda: None if local is None else _adoptable(_matrix_of(local, "from_local: local")),
    )
    codes = core.gather_codes(on, [] if array is None else [core.scalar_code(array.dtype)])
    code = _one_dtype(codes, "from_local", "local part")
    matrix = core.from_local(on, array, extents, code, name, blocks)
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
    on, core = core_of(grid, "from_tiles"), load_core()

    def prepare() -> list[tuple[int, int, npt.NDArray[Any]]]:
        if not isinstance(tiles, Iterable):
            raise InvalidArgument(
                f"from_tiles: tiles must be (i0, j0, array)s: got {type(tiles).__name__}"
            )
        return [_tile_of(tile, f"from_tiles: tile {k}") for k, tile in enumerate(tiles)]

    extents, name, blocks = agreed(
        on, "from_tiles", lambda: how_dealt("from_tiles", shape, layout, block)
    )
    mine = together(on, "from_tiles", prepare)
    codes = core.gather_codes(on, [core.scalar_code(tile.dtype) for _, _, tile in mine])
    code = _one_dtype(codes, "from_tiles", "tile")
    matrix = core.from_tiles(on, mine, extents, code, name, blocks)
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
    on, core = core_of(grid, "from_global"), load_core()
    at, name, blocks = agreed(
        on,
        "from_global",
        lambda: (
            root_of(root, on.comm_size, "from_global"),
            *how_dealt("from_global", (0, 0), layout, block)[1:],
        ),
    )

    def prepare() -> npt.NDArray[Any] | None:
        if at not in (None, grid.rank):
            return None
        if x is None:
            raise InvalidArgument("from_global: x must be an array on root: got None")
        return _readable(_matrix_of(x, "from_global: x"))

    array = together(on, "from_global", prepare)
    header = [] if array is None else [core.scalar_code(array.dtype), *array.shape]
    headers = [tuple(h) for h in core.gather_codes(on, header) if h]
    if len(set(headers)) != 1:
        raise ShapeError(
            "from_global: x must have one shape and dtype on every rank: got "
            + ", ".join(f"{h[1:]} {_SCALARS[h[0]]}" for h in sorted(set(headers)))
        )
    code, m, n = headers[0]
    matrix = core.from_global(on, array, (m, n), code, name, blocks, at)
    return DistMatrix._wrap(matrix, grid)


def _put(values: Any, part: npt.NDArray[Any]) -> None:
    """Fill a part of a matrix with what the function of `from_function` gave for it."""
    array = _unmasked(values, "from_function: values of f")
    try:
        np.copyto(part, array, casting="same_kind")
    except ValueError as error:
        raise ShapeError(
            f"from_function: values of f must broadcast to the shape of i + j, {part.shape}: "
            f"got {array.shape}"
        ) from error
    except TypeError as error:
        hint = f" (pass dtype={array.dtype})" if array.dtype in _SCALARS else ""
        raise DTypeError(
            f"from_function: values of f must convert to {part.dtype}: got {array.dtype}{hint}"
        ) from error


def _unmasked(given: Any, what: str) -> npt.NDArray[Any]:
    """`given` as an array; a mask must not be lost without a word."""
    if np.ma.is_masked(given):
        raise InvalidArgument(
            f"{what} must have no masked elements: got {int(np.ma.getmaskarray(given).sum())} "
            "(fill them: x.filled(value))"
        )
    try:
        array: npt.NDArray[Any] = np.asarray(given)
    except ValueError as error:  # lists of lists of different lengths
        raise ShapeError(f"{what} must have rows of one length: got {error}") from error
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
    """`given`, if it is a tile."""
    try:
        row, column, tile = given
        i0, j0 = operator.index(row), operator.index(column)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"{what} must be (i0, j0, array) with integers: got {_kinds(given)}"
        ) from error
    first = index_of(i0, f"{what}: i0"), index_of(j0, f"{what}: j0")
    return *first, _readable(_matrix_of(tile, what))


def _kinds(given: Any) -> str:
    """The type of `given`, or those of its parts."""
    parts = given if isinstance(given, (tuple, list)) else None
    name = type(given).__name__
    return name if parts is None else f"({', '.join(type(part).__name__ for part in parts)})"


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
