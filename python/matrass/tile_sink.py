# SPDX-License-Identifier: BSD-3-Clause
"""A matrix that is filled by tiles over time.

Next: ``create.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed, together
from matrass.arguments import Block, dtype_of, how_dealt
from matrass.arrays import tile_of
from matrass.bootstrap.which_mpi import load_core
from matrass.grid import Grid, core_of
from matrass.layout import Layout
from matrass.matrix import DistMatrix

if TYPE_CHECKING:
    from matrass import _core

__all__ = ["TileSink"]


class TileSink:
    """Takes tiles in batches until they cover a matrix exactly once.

    Parameters
    ----------
    grid : Grid
    shape : (int, int)
        Of the whole matrix.
    dtype : dtype
        Of the matrix; tiles are converted by NumPy's rule "same_kind".
    layout, block
        See `DistMatrix`.

    Raises
    ------
    MemoryLimitError
        On every rank, if some rank has not the memory for its part.

    Notes
    -----
    Everything is collective over ``grid.comm``. Beside the matrix there is one batch in memory.

    Examples
    --------
    >>> import matrass as mt, numpy as np
    >>> sink = mt.TileSink(mt.Grid(), (4, 3))
    >>> for i in range(4):  # as rows arrive
    ...     sink.add([(i, 0, np.full((1, 3), float(i)))])
    >>> sink.finish().numpy()[3]
    array([3., 3., 3.])
    """

    def __init__(
        self,
        grid: Grid,
        shape: tuple[int, int],
        dtype: npt.DTypeLike = np.float64,
        layout: str | Layout = "MC,MR",
        block: Block = None,
    ) -> None:
        on, core = core_of(grid, "TileSink"), load_core()
        (extents, name, blocks), scalar = agreed(
            on,
            "TileSink",
            lambda: (how_dealt("TileSink", shape, layout, block), dtype_of(dtype, "TileSink")),
        )
        self.grid = grid
        self.dtype: np.dtype[Any] = np.dtype(scalar)
        code = core.scalar_code(self.dtype)
        self._core: _core.TileSink = core.TileSink(on, extents, code, name, blocks)
        self._taken = 0  # this rank's tiles so far: errors name a tile by its number among them

    @classmethod
    def _of(cls, grid: Grid, core: _core.TileSink, dtype: np.dtype[Any]) -> TileSink:
        sink = cls.__new__(cls)
        sink.grid, sink.dtype, sink._core, sink._taken = grid, dtype, core, 0
        return sink

    @property
    def covered(self) -> int:
        """How many elements have come so far, on all ranks."""
        return self._core.covered

    def add(self, tiles: Iterable[tuple[int, int, npt.NDArray[Any]]]) -> None:
        """Place this rank's next tiles, maybe none; they are free for other use afterwards.

        Raises
        ------
        InvalidArgument, ShapeError, DTypeError
            On every rank, naming the tile. Nothing of the batch is placed then.
        """
        batch = together(
            self.grid._core,
            "TileSink",
            lambda: [
                tile_of(tile, f"from_tiles: tile {k}", self.dtype)
                for k, tile in enumerate(tiles, self._taken)
            ],
        )
        self._core.add(batch)
        self._taken += len(batch)

    def finish(self) -> DistMatrix:
        """The matrix, once all of it has come.

        Raises
        ------
        InvalidArgument
            On every rank, saying what is missing.
        """
        return DistMatrix._wrap(self._core.finish(), self.grid)
