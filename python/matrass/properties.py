# SPDX-License-Identifier: BSD-3-Clause
"""What a distributed matrix is: its shape, how it is dealt out, this rank's part.

Next: ``plan.py``, ``matrix.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matrass.bootstrap.which_mpi import load_core
from matrass.errors import LayoutError
from matrass.indexing import runs_of
from matrass.layout import Layout

if TYPE_CHECKING:
    from matrass import _core
    from matrass._core import Distribution
    from matrass.grid import Grid
    from matrass.linalg.certificate import Certificate

__all__ = ["MatrixProperties"]


class MatrixProperties:
    """What can be asked of a matrix without moving anything; the base of `DistMatrix`."""

    _core: _core.Matrix
    _grid: Grid
    ndim = 2
    certificate: Certificate | None = None
    """Of a result that was asked for with ``certify=True``: its measured residual."""

    @property
    def grid(self) -> Grid:
        """The process grid."""
        return self._grid

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the whole matrix."""
        return self._core.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The scalar type."""
        return self._core.dtype

    @property
    def layout(self) -> Layout:
        """How the axes are dealt out."""
        return Layout(self._core.layout)

    @property
    def block(self) -> tuple[int, int]:
        """The block sizes (mb, nb)."""
        return self._core.block

    @property
    def size(self) -> int:
        """How many elements the whole matrix has."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of the whole matrix, replicas not counted."""
        return self.size * self.dtype.itemsize

    @property
    def local_nbytes(self) -> int:
        """Bytes of this rank's part."""
        return self._core.local_nbytes

    @property
    def local(self) -> npt.NDArray[Any]:
        """This rank's part: an array on the matrix's own memory, never a copy.

        Column-major (F order), but for a transposed view. Element ``[i, j]`` is element
        ``[A.local_rows[i], A.local_cols[j]]`` of the matrix.
        """
        return self._core.local

    @property
    def local_rows(self) -> npt.NDArray[np.int64]:
        """The global row indices of this rank's part, ascending."""
        return self._core.local_rows

    @property
    def local_cols(self) -> npt.NDArray[np.int64]:
        """The global column indices of this rank's part, ascending."""
        return self._core.local_cols

    @property
    def _dealt(self) -> Distribution:
        """How it is dealt out, as the core's object."""
        dealt: Distribution = load_core().distribution(self._core)
        return dealt

    @property
    def descriptor(self) -> tuple[int, ...]:
        """ScaLAPACK's nine integers; the BLACS context is -1 on ranks that are not on it.

        A slice that starts inside a block is described from the start of that block; `origin` says
        where it begins in there.

        Raises
        ------
        LayoutError
            If ScaLAPACK cannot address the matrix: its parts are replicated, or it is a transposed
            view.

        Notes
        -----
        Collective over ``grid.comm`` when first asked for on this grid and kind of layout.
        """
        return tuple(load_core().descriptor(self._core)[0])

    @property
    def origin(self) -> tuple[int, int]:
        """ScaLAPACK's (IA, JA), 1-based; (1, 1) but for slices that start inside a block."""
        origin: tuple[int, int] = load_core().descriptor(self._core)[1]
        return origin

    def __repr__(self) -> str:
        rows, cols = self.shape
        mb, nb = self.block
        return (
            f"DistMatrix({rows}x{cols}, {self.dtype}, {self.layout}, block=({mb}, {nb}), "
            f"grid {self.grid.shape[0]}x{self.grid.shape[1]})"
        )

    def tiles(self) -> list[tuple[int, int, npt.NDArray[Any]]]:
        """This rank's part as contiguous rectangles of the matrix.

        Returns
        -------
        list of (i0, j0, ndarray)
            ``tile[i, j]`` is element ``[i0 + i, j0 + j]`` of the matrix. Views: no copy. As many as
            there are blocks: few for row partitions, one for each element-cyclic row.
        """
        local = self.local
        columns = list(runs_of(self.local_cols))
        return [
            (i0, j0, local[i : i + m, j : j + n])
            for i0, i, m in runs_of(self.local_rows)
            for j0, j, n in columns
        ]

    # Exchange with other libraries ----------------------------------------------------------------

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """The matrix as an array, where this rank has all of it: never a silent slice.

        Raises
        ------
        LayoutError
            Unless the matrix is [STAR,STAR] or lives on this rank alone.
        """
        if not (self._core.on_one_rank and self._core.holds):
            raise LayoutError(
                f"asarray: this rank must have the whole matrix: got {self!r} "
                "(A.numpy() gathers it, A.local is this rank's part)"
            )
        return np.array(self.local, dtype=dtype, copy=copy)

    def __dlpack__(self, **arguments: Any) -> Any:
        """DLPack of this rank's part, without a copy."""
        return self.local.__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The device of this rank's part: the CPU."""
        return self.local.__dlpack_device__()
