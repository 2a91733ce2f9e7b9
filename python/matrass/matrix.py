# SPDX-License-Identifier: BSD-3-Clause
"""The distributed matrix, with NumPy's manners.

Next: ``indexing.py`` (what ``A[...]`` means), ``create.py`` (ways to make one), ``linalg.py``.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument, LayoutError, ShapeError
from matrass.grid import Grid
from matrass.indexing import ranges_of, runs_of
from matrass.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matrass import _core

__all__ = ["Block", "DistMatrix"]

Block = int | tuple[int, int] | None
"""A block size: one number for both axes, (mb, nb), or None for the layout's default."""


def block_of(block: Block) -> tuple[int, int] | None:
    """Read a block argument as (mb, nb) or None."""
    if block is None:
        return None
    pair = (block, block) if isinstance(block, (int, np.integer)) else tuple(block)
    if len(pair) != 2 or not all(isinstance(b, (int, np.integer)) for b in pair):
        raise InvalidArgument(f"block: must be an int, (mb, nb) or None: got {block!r}")
    return int(pair[0]), int(pair[1])


def shape_of(shape: Any) -> tuple[int, int]:
    """Read a shape argument as (rows, columns)."""
    try:
        rows, cols = (operator.index(extent) for extent in shape)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"shape: must be (rows, columns): got {shape!r}") from error
    return rows, cols


def agreed_arguments(
    routine: str, grid: Grid, shape: Any, layout: str | Layout, block: Block
) -> tuple[tuple[int, int], str, tuple[int, int] | None]:
    """Read the arguments that say how a matrix is dealt out; raises on every rank. Collective."""
    read = load_core().together(
        grid._core, lambda: (shape_of(shape), str(Layout(layout)), block_of(block)), routine
    )
    return cast(tuple[tuple[int, int], str, tuple[int, int] | None], read)


class DistMatrix:
    """A matrix of zeros, dealt out over a process grid.

    Parameters
    ----------
    grid : Grid
    shape : (int, int)
        Rows and columns of the whole matrix.
    dtype : dtype
        float32, float64, complex64 or complex128.
    layout : str or Layout
        One of the 14 layouts, such as "MC,MR" or "VC,STAR".
    block : int, (int, int) or None
        Sizes of the blocks in which rows and columns are dealt. None: 64 where both axes are dealt,
        contiguous parts where one is. 1: Elemental's element-cyclic.

    Raises
    ------
    InvalidArgument, ShapeError, LayoutError, DTypeError
        On every rank, before anything is allocated.
    MemoryLimitError
        On every rank, if some rank has not the memory for its part.

    See Also
    --------
    from_function, from_local, from_tiles, from_global

    Notes
    -----
    A handle: ``A.to()`` where nothing moves, slices and ``A.T`` share their elements with `A`.
    Making one is collective over ``grid.comm``; freeing is local, in any order on any rank.
    """

    __array_ufunc__ = None  # np.add(A, x) must not take A for a sequence
    __hash__ = None  # type: ignore[assignment]
    ndim = 2

    def __init__(
        self,
        grid: Grid,
        shape: tuple[int, int],
        dtype: npt.DTypeLike = np.float64,
        layout: str | Layout = "MC,MR",
        block: Block = 64,
    ) -> None:
        extents, name, blocks = agreed_arguments("DistMatrix", grid, shape, layout, block)
        self._core: _core.Matrix = load_core().zeros(
            grid._core, extents, np.dtype(dtype), name, blocks
        )
        self._grid = grid

    @classmethod
    def _wrap(cls, core: _core.Matrix, grid: Grid) -> DistMatrix:
        matrix = cls.__new__(cls)
        matrix._core = core
        matrix._grid = grid
        return matrix

    # What it is -------------------------------------------------------------------------------

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

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("a DistMatrix is not iterable: each row would be a collective call")

    # Other layouts, other memory ------------------------------------------------------------------

    def to(
        self, layout: str | Layout, block: Block = None, grid: Grid | None = None, *, root: int = 0
    ) -> DistMatrix:
        """The same matrix in another layout.

        Parameters
        ----------
        layout : str or Layout
        block : int, (int, int) or None
            See `DistMatrix`.
        grid : Grid, optional
            Another grid over the same communicator.
        root : int
            The rank that has the matrix in the layout [CIRC,CIRC].

        Returns
        -------
        DistMatrix
            Where nothing has to move, a view that shares its elements with this matrix.

        Notes
        -----
        Collective over ``grid.comm``. Each element that changes its rank is packed, sent and
        unpacked once; work memory is bounded (4 MB a peer).
        """
        target = self.grid if grid is None else grid
        _, name, blocks = agreed_arguments("to", self.grid, self.shape, layout, block)
        core = load_core().to(self._core, target._core, name, blocks, root)
        return self._wrap(core, target)

    def copy(self) -> DistMatrix:
        """A deep copy in the same layout. Collective over ``grid.comm``."""
        return self._wrap(self._core.copy(), self.grid)

    def numpy(self, root: int | None = 0) -> npt.NDArray[Any] | None:
        """The whole matrix as a NumPy array.

        Parameters
        ----------
        root : int or None
            The rank that gets it; None: every rank does.

        Returns
        -------
        ndarray or None
            F order; None on ranks other than `root`.

        Notes
        -----
        Collective over ``grid.comm``.
        """
        core = load_core()
        wanted = root is None or root == self.grid.rank
        whole = core.together(
            self.grid._core,
            lambda: np.empty(self.shape, self.dtype, order="F") if wanted else None,
            "numpy",
        )
        core.to_global(self._core, whole, root)
        return whole  # type: ignore[no-any-return]

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

    # Views and elements ---------------------------------------------------------------------------

    @property
    def T(self) -> DistMatrix:  # noqa: N802
        """The transposed matrix: a view. Nothing moves; ``A.T.local`` is ``A.local.T``."""
        return self._wrap(self._core.transposed(), self.grid)

    @property
    def H(self) -> DistMatrix:  # noqa: N802
        """The conjugate transpose: a view where the matrix is real, else of a conjugated copy."""
        return self._wrap(self._core.conjugated().transposed(), self.grid)

    def __getitem__(self, key: Any) -> Any:
        """A view on rows and columns, or one element.

        ``A[i0:i1, j0:j1]``, ``A[i0:i1]``, ``A[:, k]`` and ``A[i, :]`` are views that share their
        elements with `A`; they stay two-dimensional (``A[:, k]`` has shape (m, 1)). ``A[i, j]`` is
        the element, on every rank (collective).

        Raises
        ------
        InvalidArgument
            For steps other than 1, masks and index arrays.
        """
        (i0, i1), (j0, j1), element = ranges_of(key, self.shape)
        view = self._wrap(self._core.slice(i0, i1, j0, j1), self.grid)
        if not element:
            return view
        whole = view.numpy(root=None)
        assert whole is not None
        return whole[0, 0]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Assign a scalar or a DistMatrix of the same shape and dtype. Collective for a matrix."""
        (i0, i1), (j0, j1), _ = ranges_of(key, self.shape)
        view = self._core.slice(i0, i1, j0, j1)
        if isinstance(value, DistMatrix):
            load_core().copy_into(value._core, view)
        elif np.ndim(value) == 0:
            view.local[...] = value
        else:
            raise InvalidArgument(
                f"assign: value must be a scalar or a DistMatrix: got {type(value).__name__} "
                "(mt.from_global makes a DistMatrix of an array)"
            )

    # Arithmetic -----------------------------------------------------------------------------------

    def __matmul__(self, other: object) -> DistMatrix:
        if not isinstance(other, DistMatrix):
            return NotImplemented
        from matrass.linalg import matmul

        return matmul(self, other)

    def norm(self, ord: float | str | None = None) -> float:  # noqa: A002
        """A matrix norm, as `matrass.linalg.norm`."""
        from matrass.linalg import norm

        return norm(self, ord)

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
