# SPDX-License-Identifier: BSD-3-Clause
"""Making distributed sparse matrices from triplets and of SciPy's.

Next: ``linalg/__init__.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed, together
from matrass.arguments import dtype_of, how_dealt, index_of, root_of
from matrass.arrays import SCALARS, one_dtype, readable, unmasked
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument, ShapeError
from matrass.grid import Grid, core_of
from matrass.sparse import SparseMatrix, scipy_sparse

__all__ = ["from_coo", "from_scipy"]

_Triplets = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[Any]]


def from_coo(
    grid: Grid,
    i: npt.ArrayLike,
    j: npt.ArrayLike,
    v: npt.ArrayLike,
    shape: tuple[int, int],
    *,
    dtype: npt.DTypeLike | None = None,
    block: int | None = None,
) -> SparseMatrix:
    """A sparse matrix from (row, column, value) triplets that lie on any ranks.

    Parameters
    ----------
    grid : Grid
    i, j : array_like of integers, shape (count,)
        Global rows and columns of this rank's triplets; maybe none.
    v : array_like, shape (count,)
        Their values; those of equal (i, j) are added up.
    shape : (int, int)
        Of the whole matrix.
    dtype : dtype, optional
        Of the matrix; `v` is converted by NumPy's rule "same_kind". None: that of `v`, one for all
        ranks that have triplets.
    block : int, optional
        Rows are dealt in turn in blocks of so many. None: contiguous parts of equal size.

    Returns
    -------
    SparseMatrix

    Raises
    ------
    InvalidArgument, ShapeError, DTypeError
        On every rank: an index outside of `shape` (OutOfBoundsError, which names the first),
        indices that are no integers, lists of different lengths.

    Notes
    -----
    Collective over ``grid.comm``. Each triplet is sent once, in messages of at most 1 MiB. Equal
    ones are added in the order of ranks, on a rank in the given order: a list that is dealt to more
    ranks in its order gives the same bits.
    """
    on = core_of(grid, "from_coo")
    extents, rows_in_block, scalar = agreed(
        on, "from_coo", lambda: _coo_arguments("from_coo", shape, block, dtype)
    )
    wanted = None if scalar is None else np.dtype(scalar)
    mine = together(on, "from_coo", lambda: _triplets("from_coo", i, j, v, wanted))
    return _from_triplets(grid, mine, (extents, rows_in_block), wanted, "from_coo")


def from_scipy(
    grid: Grid,
    x: Any,
    root: int | None = 0,
    *,
    dtype: npt.DTypeLike | None = None,
    block: int | None = None,
) -> SparseMatrix:
    """A sparse matrix from one of SciPy's.

    Parameters
    ----------
    grid : Grid
    x : scipy.sparse matrix or array, or None
        Looked at on rank `root` only. Where `root` is None each rank gives rows of its own (None:
        no rows), which are stacked in the order of ranks.
    root : int or None
    dtype, block
        See `from_coo`.

    Returns
    -------
    SparseMatrix

    Raises
    ------
    InvalidArgument, ShapeError, DTypeError
        On every rank.

    Notes
    -----
    Collective over ``grid.comm``; needs SciPy (the extra ``matrass[sparse]``) on ranks that give
    something.
    """
    on, core = core_of(grid, "from_scipy"), load_core()
    at, (_, rows_in_block, scalar) = agreed(
        on,
        "from_scipy",
        lambda: (
            root_of(root, on.comm_size, "from_scipy"),
            _coo_arguments("from_scipy", (0, 0), block, dtype),
        ),
    )
    wanted = None if scalar is None else np.dtype(scalar)

    def read() -> Any:
        if at not in (None, grid.rank) or (at is None and x is None):
            return None
        if not scipy_sparse("from_scipy").issparse(x) or x.ndim != 2:
            raise InvalidArgument(
                f"from_scipy: x must be a two-dimensional sparse matrix: got {type(x).__name__}"
            )
        return x.tocoo()

    coo = together(on, "from_scipy", read)
    header = [] if coo is None else [*coo.shape, core.scalar_code(coo.dtype)]
    headers = core.gather_codes(on, header)
    given = [header for header in headers if header]
    if len({header[1] for header in given}) != 1:
        shown = ", ".join(f"{columns}" for _, columns, _ in given) or "no matrix"
        raise ShapeError(
            f"from_scipy: all ranks must give rows of one number of columns: got {shown}"
        )
    extents = sum(header[0] for header in given), given[0][1]
    if wanted is None:
        wanted = _dtype_of_all([header[2] for header in given])
    first = sum(header[0] for header in headers[: grid.rank] if header)

    def triplets() -> _Triplets:
        if coo is None:
            return _triplets("from_scipy", [], [], [], wanted)
        rows = coo.row.astype(np.int64) + first
        return _triplets("from_scipy", rows, coo.col, coo.data, wanted)

    mine = together(on, "from_scipy", triplets)
    return _from_triplets(grid, mine, (extents, rows_in_block), wanted, "from_scipy")


def _coo_arguments(
    routine: str, shape: Any, block: Any, dtype: Any
) -> tuple[tuple[int, int], int | None, str | None]:
    """What all ranks give alike: the shape, rows in a block, the scalar."""
    extents = how_dealt(routine, shape, "VC,STAR", None)[0]
    rows_in_block = None if block is None else index_of(block, f"{routine}: block")
    return extents, rows_in_block, None if dtype is None else dtype_of(dtype, routine)


def _dtype_of_all(codes: list[int]) -> np.dtype[Any]:
    """The scalar that all given matrices have, with entries or without."""
    if len(set(codes)) != 1 or codes[0] < 0:
        shown = ", ".join("another" if code < 0 else str(SCALARS[code]) for code in codes)
        raise DTypeError(
            "from_scipy: x must be float32, float64, complex64 or complex128, the same on every "
            f"rank: got {shown} (pass dtype=)"
        )
    return SCALARS[codes[0]]


def _indices(routine: str, given: Any, name: str) -> npt.NDArray[np.int64]:
    """Integers as C++ takes them."""
    array = unmasked(given, f"{routine}: {name}")
    if array.ndim != 1:
        raise ShapeError(f"{routine}: {name} must have 1 dimension: got shape {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise InvalidArgument(f"{routine}: {name} must be integers: got {array.dtype}")
    if array.dtype == np.uint64 and array.size and array.max() >= 2**63:
        at = int(np.argmax(array >= 2**63))
        raise InvalidArgument(
            f"{routine}: {name} must fit 64-bit integers: got {array[at]} in triplet {at}"
        )
    return np.ascontiguousarray(array, np.int64)


def _triplets(routine: str, i: Any, j: Any, v: Any, wanted: np.dtype[Any] | None) -> _Triplets:
    """This rank's triplets as C++ takes them."""
    rows, columns = _indices(routine, i, "i"), _indices(routine, j, "j")
    values = unmasked(v, f"{routine}: v")
    if values.ndim != 1 or not len(rows) == len(columns) == len(values):
        raise ShapeError(
            f"{routine}: i, j and v must have one length: got shapes {rows.shape}, "
            f"{columns.shape}, {values.shape}"
        )
    if values.size == 0:
        return rows, columns, np.empty(0, wanted)
    if wanted is not None:
        if not np.can_cast(values.dtype, wanted, "same_kind"):
            raise DTypeError(f"{routine}: v must convert to {wanted}: got {values.dtype}")
        values = values.astype(wanted, copy=False)
    elif values.dtype.newbyteorder("=") not in SCALARS:
        raise DTypeError(
            f"{routine}: v must be float32, float64, complex64 or complex128: got {values.dtype} "
            "(pass dtype=)"
        )
    return rows, columns, np.ascontiguousarray(readable(values))


def _from_triplets(
    grid: Grid,
    mine: _Triplets,
    dealt: tuple[tuple[int, int], int | None],
    wanted: np.dtype[Any] | None,
    routine: str,
) -> SparseMatrix:
    on, core = grid._core, load_core()
    if wanted is None:
        values = mine[2]
        codes = core.gather_codes(on, [core.scalar_code(values.dtype)] if values.size else [])
        code, *_ = one_dtype(codes, routine, "values")
        mine = (*mine[:2], values.astype(SCALARS[code], copy=False))
    else:
        code = core.scalar_code(wanted)
    return SparseMatrix._wrap(core.sparse_from_triplets(on, *mine, dealt[0], code, dealt[1]), grid)
