# SPDX-License-Identifier: BSD-3-Clause
"""Making distributed matrices from functions, local arrays, tiles and whole arrays.

Next: ``linalg/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed, together
from matrass.arguments import Block, dtype_of, how_dealt, index_of, root_of
from matrass.arrays import (
    SCALARS,
    Tile,
    adoptable,
    matrix_of,
    one_dtype,
    readable,
    tile_of,
    unmasked,
)
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument, ShapeError
from matrass.grid import Grid, core_of
from matrass.layout import Layout
from matrass.matrix import DistMatrix
from matrass.tile_sink import TileSink

__all__ = ["from_function", "from_global", "from_local", "from_tiles"]

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
        lambda: None if local is None else adoptable(matrix_of(local, "from_local: local")),
    )
    codes = core.gather_codes(on, [] if array is None else [core.scalar_code(array.dtype)])
    code, *_ = one_dtype(codes, "from_local", "local part")
    matrix = core.from_local(on, array, extents, code, name, blocks)
    return DistMatrix._wrap(matrix, grid)


def from_tiles(
    grid: Grid,
    tiles: Iterable[tuple[int, int, npt.NDArray[Any]]],
    shape: tuple[int, int],
    *,
    layout: str | Layout = "MC,MR",
    block: Block = None,
    dtype: npt.DTypeLike | None = None,
    batch_bytes: int = 1 << 26,
) -> DistMatrix:
    """A matrix from rectangles that lie anywhere on any ranks.

    Parameters
    ----------
    grid : Grid
    tiles : iterable of (i0, j0, ndarray)
        The ones that this rank has, maybe none: ``tile[i, j]`` is element ``[i0 + i, j0 + j]``.
        Any strides; read where they are. Together, all ranks' tiles cover the matrix exactly once.
        A list or tuple is placed at once. Of a generator or another iterator, tiles are taken in
        batches, placed and released: the source may be larger than memory.
    shape : (int, int)
        Of the whole matrix.
    layout, block
        See `DistMatrix`.
    dtype : dtype, optional
        Of the matrix; tiles are converted by NumPy's rule "same_kind". None: that of the tiles,
        one for all.
    batch_bytes : int
        How many bytes of tiles a rank takes from an iterator, at least, before they are placed.

    Returns
    -------
    DistMatrix
        New memory; the tiles are free for other use afterwards.

    Raises
    ------
    InvalidArgument, ShapeError, DTypeError
        On every rank, naming the tile: overlap, hole, outside of the matrix, another dtype.
    RoutineError
        On every rank, if an iterator raises on one.

    See Also
    --------
    TileSink : the same for tiles that are given one by one.

    Notes
    -----
    Collective over ``grid.comm``. Each element is sent at most once.
    """
    on, core = core_of(grid, "from_tiles"), load_core()

    def read() -> tuple[Any, ...]:
        scalar = None if dtype is None else dtype_of(dtype, "from_tiles")
        size = index_of(batch_bytes, "from_tiles: batch_bytes")
        if size < 1:
            raise InvalidArgument(f"from_tiles: batch_bytes must be positive: got {size}")
        return *how_dealt("from_tiles", shape, layout, block), scalar, size

    extents, name, blocks, scalar, batch = agreed(on, "from_tiles", read)
    wanted = None if scalar is None else np.dtype(scalar)

    def prepare() -> Iterable[Any]:
        if not isinstance(tiles, Iterable):
            raise InvalidArgument(
                f"from_tiles: tiles must be (i0, j0, array)s: got {type(tiles).__name__}"
            )
        return tiles if isinstance(tiles, (list, tuple)) else iter(tiles)

    given = together(on, "from_tiles", prepare)
    listed = wanted is None and isinstance(given, (list, tuple))
    if any(not flags[0] for flags in core.gather_codes(on, [int(listed)])):
        return _from_stream(grid, given, (extents, name, blocks), wanted, batch)
    mine = together(
        on,
        "from_tiles",
        lambda: [tile_of(tile, f"from_tiles: tile {k}") for k, tile in enumerate(given)],
    )
    codes = core.gather_codes(on, [core.scalar_code(tile.dtype) for _, _, tile in mine])
    code, *_ = one_dtype(codes, "from_tiles", "tile")
    return DistMatrix._wrap(core.from_tiles(on, mine, extents, code, name, blocks), grid)


def _from_stream(
    grid: Grid, tiles: Iterable[Any], dealt: Any, dtype: np.dtype[Any] | None, batch_bytes: int
) -> DistMatrix:
    """`from_tiles` in batches, until the tiles of all ranks are through."""
    on, core = grid._core, load_core()
    numbered = enumerate(tiles)
    sink: TileSink | None = None
    first: tuple[int, int, int] | None = None
    taken: list[int] = []

    def take() -> tuple[list[Tile], bool]:
        batch: list[Tile] = []
        size = 0
        for k, tile in numbered:
            batch.append(tile_of(tile, f"from_tiles: tile {k}", dtype))
            size += batch[-1][2].nbytes
            if size >= batch_bytes:
                return batch, True
        return batch, False

    more = True
    while more:
        batch, mine_left = together(on, "from_tiles", take)
        codes = [core.scalar_code(tile.dtype) for _, _, tile in batch]
        told = core.gather_codes(on, [int(mine_left), *codes])
        more = any(flags[0] for flags in told)
        taken = taken or [0] * len(told)
        first = one_dtype([flags[1:] for flags in told], "from_tiles", "tile", taken, first)
        taken = [before + len(flags) - 1 for before, flags in zip(taken, told, strict=True)]
        if sink is None:
            code = first[0] if dtype is None else core.scalar_code(dtype)
            sink = TileSink._of(grid, core.TileSink(on, dealt[0], code, *dealt[1:]), SCALARS[code])
        sink._core.add(batch)
    assert sink is not None
    return sink.finish()


def from_global(
    grid: Grid,
    x: npt.ArrayLike | None,
    *,
    layout: str | Layout = "MC,MR",
    block: Block = None,
    root: int | None = 0,
    dtype: npt.DTypeLike | None = None,
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
    dtype : dtype, optional
        Of the matrix; `x` is converted by NumPy's rule "same_kind". None: that of `x`.

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
    at, scalar, name, blocks = agreed(
        on,
        "from_global",
        lambda: (
            root_of(root, on.comm_size, "from_global"),
            None if dtype is None else dtype_of(dtype, "from_global"),
            *how_dealt("from_global", (0, 0), layout, block)[1:],
        ),
    )
    wanted = None if scalar is None else np.dtype(scalar)

    def prepare() -> npt.NDArray[Any] | None:
        if at not in (None, grid.rank):
            return None
        if x is None:
            raise InvalidArgument("from_global: x must be an array on root: got None")
        return readable(matrix_of(x, "from_global: x", wanted))

    array = together(on, "from_global", prepare)
    header = [] if array is None else [core.scalar_code(array.dtype), *array.shape]
    headers = [tuple(h) for h in core.gather_codes(on, header) if h]
    if len(set(headers)) != 1:
        raise ShapeError(
            "from_global: x must have one shape and dtype on every rank: got "
            + ", ".join(f"{h[1:]} {SCALARS[h[0]]}" for h in sorted(set(headers)))
        )
    code, m, n = headers[0]
    matrix = core.from_global(on, array, (m, n), code, name, blocks, at)
    return DistMatrix._wrap(matrix, grid)


def _put(values: Any, part: npt.NDArray[Any]) -> None:
    """Fill a part of a matrix with what the function of `from_function` gave for it."""
    array = unmasked(values, "from_function: values of f")
    try:
        np.copyto(part, array, casting="same_kind")
    except ValueError as error:
        raise ShapeError(
            f"from_function: values of f must broadcast to the shape of i + j, {part.shape}: "
            f"got {array.shape}"
        ) from error
    except TypeError as error:
        hint = f" (pass dtype={array.dtype})" if array.dtype in SCALARS else ""
        raise DTypeError(
            f"from_function: values of f must convert to {part.dtype}: got {array.dtype}{hint}"
        ) from error
