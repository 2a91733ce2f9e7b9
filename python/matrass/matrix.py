# SPDX-License-Identifier: BSD-3-Clause
"""The distributed matrix, with NumPy's manners.

Next: ``indexing.py`` (what ``A[...]`` means), ``create.py`` (ways to make one), ``linalg``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed
from matrass.arguments import Block, bytes_of, dtype_of, how_dealt, number_of, root_of
from matrass.bootstrap.which_mpi import load_core
from matrass.elementwise import part_of_complex
from matrass.errors import DTypeError, InvalidArgument, LayoutError, ShapeError
from matrass.grid import Grid, core_of
from matrass.indexing import is_element, ranges_of
from matrass.layout import Layout
from matrass.mask import DistMask, assign_where
from matrass.operators import Arithmetic
from matrass.plan import RedistributionPlan
from matrass.properties import MatrixProperties
from matrass.reductions import Reductions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matrass import _core

__all__ = ["DistMatrix"]


class DistMatrix(MatrixProperties, Arithmetic, Reductions):
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
    NumPy's operators, ufuncs and reductions work on it, locally where operands are dealt out alike
    (docs/array_api.md); all of them are collective.
    Making one is collective over ``grid.comm``; freeing is local, in any order on any rank.
    A forked child (``os.fork``, multiprocessing's "fork") has its parent's pages, not a copy: what
    it writes into a matrix its parent reads, and it can make none of its own.
    """

    def __init__(
        self,
        grid: Grid,
        shape: tuple[int, int],
        dtype: npt.DTypeLike = np.float64,
        layout: str | Layout = "MC,MR",
        block: Block = 64,
    ) -> None:
        on = core_of(grid, "DistMatrix")
        (extents, name, blocks), scalar = agreed(
            on,
            "DistMatrix",
            lambda: (
                how_dealt("DistMatrix", shape, layout, block),
                dtype_of(dtype, "DistMatrix"),
            ),
        )
        self._core: _core.Matrix = load_core().zeros(on, extents, np.dtype(scalar), name, blocks)
        self._grid = grid

    @classmethod
    def _wrap(cls, core: _core.Matrix, grid: Grid) -> DistMatrix:
        matrix = cls.__new__(cls)
        matrix._core = core
        matrix._grid = grid
        return matrix

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("a DistMatrix is not iterable: each row would be a collective call")

    # Other layouts, other memory ------------------------------------------------------------------

    @overload
    def to(
        self,
        layout: str | Layout,
        block: Block = None,
        grid: Grid | Literal["auto"] | None = None,
        max_memory: int | str | None = None,
        out: DistMatrix | None = None,
        *,
        dtype: npt.DTypeLike | None = None,
        root: int = 0,
        explain: Literal[False] = False,
    ) -> DistMatrix: ...
    @overload
    def to(
        self,
        layout: str | Layout,
        block: Block = None,
        grid: Grid | Literal["auto"] | None = None,
        max_memory: int | str | None = None,
        out: DistMatrix | None = None,
        *,
        dtype: npt.DTypeLike | None = None,
        root: int = 0,
        explain: Literal[True],
    ) -> RedistributionPlan: ...
    def to(
        self,
        layout: str | Layout,
        block: Block = None,
        grid: Grid | Literal["auto"] | None = None,
        max_memory: int | str | None = None,
        out: DistMatrix | None = None,
        *,
        dtype: npt.DTypeLike | None = None,
        root: int = 0,
        explain: bool = False,
    ) -> DistMatrix | RedistributionPlan:
        """The same matrix in another layout, on another grid or of another dtype.

        Parameters
        ----------
        layout : str or Layout
        block : int, (int, int) or None
            See `DistMatrix`.
        grid : Grid or "auto", optional
            Another grid over the same communicator. "auto": ranks are placed on a grid of any shape
            so that the fewest bytes move.
        max_memory : int or str, optional
            Bytes that this call may allocate on each rank, for its result and its buffers, also as
            text ("2 GB"). Messages become shorter to stay within it.
        out : DistMatrix, optional
            Filled and returned: of this layout, with its own block and grid where `block` and
            `grid` are None. A view may be given.
        dtype : dtype, optional
            Of the result: another precision, or complex for real. The narrower of the two moves.
        root : int
            The rank that has the matrix in the layout [CIRC,CIRC]; `out` has its own.
        explain : bool
            Return what would be done on this rank instead of doing it.

        Returns
        -------
        DistMatrix or RedistributionPlan
            Where nothing has to move, a view that shares its elements with this matrix.

        Raises
        ------
        MemoryLimitError
            On every rank, before anything is allocated, if some rank needs more than `max_memory`;
            it says how many bytes are missing.

        Notes
        -----
        Collective over ``grid.comm``. Ranks of one machine copy straight into each other's memory,
        in one pass; others exchange messages, with at most 1 MB of buffers a peer.
        """
        core = load_core()

        def read() -> tuple[Any, ...]:
            if out is not None and not isinstance(out, DistMatrix):
                raise InvalidArgument(f"to: out must be a DistMatrix: got {type(out).__name__}")
            if not (grid is None or isinstance(grid, Grid) or grid == "auto"):
                raise InvalidArgument(
                    f'to: grid must be a Grid or "auto": got {type(grid).__name__} {grid!r}'
                )
            _, name, blocks = how_dealt("to", self.shape, layout, block)
            at = root_of(root, self.grid._core.comm_size, "to") or 0
            scalar = (self if out is None else out).dtype if dtype is None else dtype
            code = core.scalar_code(np.dtype(dtype_of(scalar, "to")))
            most = bytes_of(max_memory, "to: max_memory")
            if out is not None:
                self._require_fitting(out, name, blocks, grid, code)
            on = self.grid if grid is None else grid
            how = f"{on.shape} {on.order}" if isinstance(on, Grid) else "auto"
            return name, blocks, at, code, most, how, out is None, bool(explain)

        name, blocks, at, code, most, *_ = agreed(self.grid._core, "to", read)
        if out is not None:
            if explain:
                return RedistributionPlan._of(core.explain_into(self._core, out._core, most))
            core.copy_into(self._core, out._core, most)
            return out
        target = self.grid if grid is None or grid == "auto" else grid
        if grid == "auto":
            best = core.best_grid(self._core, name, blocks, at)
            target = Grid._wrap(best, self.grid.comm)
        arguments = (self._core, target._core, name, blocks, at, code, most)
        if explain:
            return RedistributionPlan._of(core.explain_to(*arguments))
        return self._wrap(core.to(*arguments), target)

    def _require_fitting(
        self, out: DistMatrix, layout: str, block: Any, grid: Any, code: int
    ) -> None:
        """Raise unless `out` is what `to` was asked to fill."""
        if out.shape != self.shape:
            raise ShapeError(f"to: out must have shape {self.shape}: got {out.shape}")
        if load_core().scalar_code(out.dtype) != code:
            raise DTypeError(f"to: out must have the dtype that is asked for: got {out.dtype}")
        if str(out.layout) != layout or (block is not None and out.block != block):
            raise LayoutError(
                f"to: out must have layout {layout}"
                + (f" in blocks of {block}" if block is not None else "")
                + f": got {out!r}"
            )
        if grid == "auto" or (isinstance(grid, Grid) and out.grid != grid):
            raise InvalidArgument(f"to: out must lie on grid, or grid be None: got {out.grid!r}")

    def astype(self, dtype: npt.DTypeLike, copy: bool = True) -> DistMatrix:
        """A copy of another dtype in the same layout.

        Without `copy`, a matrix that has this dtype already is returned itself, as a view.
        Collective over ``grid.comm``; nothing moves.

        Raises
        ------
        DTypeError
            On every rank, for a real dtype where the matrix is complex.
        """
        core = load_core()
        name, copied = agreed(
            self.grid._core, "astype", lambda: (dtype_of(dtype, "astype"), bool(copy))
        )
        if copied and self.dtype == np.dtype(name):
            return self.copy()
        return self._wrap(core.astype(self._core, core.scalar_code(np.dtype(name))), self.grid)

    def copy(self) -> DistMatrix:
        """A deep copy in the same layout. Collective over ``grid.comm``."""
        return self._wrap(self._core.copy(), self.grid)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> DistMatrix:
        return self.copy()

    def numpy(self, root: int | None = 0) -> npt.NDArray[Any] | None:
        """The whole matrix as a NumPy array.

        Parameters
        ----------
        root : int or None
            The rank that gets it; None: every rank does.

        Returns
        -------
        ndarray or None
            New memory in F order; None on ranks other than `root`.

        Raises
        ------
        MemoryLimitError
            On every rank, if some rank has not the memory for the whole matrix.

        Notes
        -----
        Collective over ``grid.comm``. Ranks of one machine write straight into the array.
        """
        at = agreed(
            self.grid._core, "numpy", lambda: root_of(root, self.grid._core.comm_size, "numpy")
        )
        whole: npt.NDArray[Any] | None = load_core().gather(self._core, at)
        return whole

    # Views and elements ---------------------------------------------------------------------------

    @property
    def T(self) -> DistMatrix:  # noqa: N802
        """The transposed matrix: a view. Nothing moves; ``A.T.local`` is ``A.local.T``."""
        return self._wrap(self._core.transposed(), self.grid)

    @property
    def mT(self) -> DistMatrix:  # noqa: N802
        """The same as `T`, by the name that the array API gives it."""
        return self.T

    @property
    def real(self) -> DistMatrix:
        """The real part: the matrix itself where it is real, else in new memory. Collective."""
        part: DistMatrix = part_of_complex(self, "real")
        return part

    @property
    def imag(self) -> DistMatrix:
        """The imaginary part, in new memory; zeros of a real matrix. Collective."""
        part: DistMatrix = part_of_complex(self, "imag")
        return part

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
        OutOfBoundsError
            Also an IndexError.
        """
        if is_element(key):
            ranges = agreed(self.grid._core, "index", lambda: ranges_of(key, self.shape))
        else:
            ranges = ranges_of(key, self.shape)
        (i0, i1), (j0, j1) = ranges
        view = self._wrap(self._core.slice(i0, i1, j0, j1), self.grid)
        if not is_element(key):
            return view
        whole = view.numpy(root=None)
        assert whole is not None
        return whole[0, 0]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Assign a scalar or a DistMatrix of the same shape. Collective.

        A matrix of another dtype is converted, but no imaginary part is dropped. It may share
        elements with this one: what is read is as it was before. ``A[mask] = value`` assigns a
        scalar where a DistMask is True.
        """
        if isinstance(key, DistMask):
            assign_where(self, key, value)
            return
        ((i0, i1), (j0, j1)), read = agreed(
            self.grid._core,
            "assign",
            lambda: (
                ranges_of(key, self.shape),
                "matrix" if isinstance(value, DistMatrix) else number_of(value, self.dtype),
            ),
        )
        view = self._core.slice(i0, i1, j0, j1)
        if read == "matrix":
            load_core().copy_into(value._core, view)
        else:
            view.local[...] = read

    def norm(self, ord: float | str | None = None) -> float:  # noqa: A002
        """A matrix norm, as `matrass.linalg.norm`."""
        from matrass.linalg import norm

        return norm(self, ord)
