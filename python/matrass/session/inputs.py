# SPDX-License-Identifier: BSD-3-Clause
"""What `put` is given: arrays, tables, vectors, blocks of rows; and what they are to become.

Next: ``remote_matrix.py``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.arguments import dtype_of
from matrass.arrays import matrix_of, unmasked
from matrass.control.driver_memory import entry_of
from matrass.errors import DTypeError, InvalidArgument, ShapeError
from matrass.layout import Layout

__all__ = [
    "Wanted",
    "array_of",
    "blocks_of",
    "entries_of",
    "giver_of",
    "is_blocks",
    "is_collection",
    "is_sparse",
    "scalar_of",
]


@dataclass(frozen=True)
class Wanted:
    """What `Session.put` is to make of its matrix."""

    layout: str | Layout
    block: int | tuple[int, int] | None
    name: str | None
    dtype: npt.DTypeLike | None
    max_memory: int | str | None
    progress: Callable[[float], None] | None
    shape: tuple[int, int] | None
    release: bool

    def tell(self, part: float) -> None:
        """Say which part of the rows has arrived, to whom wants to know."""
        if self.progress is not None:
            self.progress(part)


def scalar_of(given: np.dtype[Any], wanted: npt.DTypeLike | None) -> np.dtype[Any]:
    """The scalar that elements become: float64 of integers, else what they are."""
    if wanted is None:
        wanted = given.newbyteorder("=")
        if given.kind in "biu":
            wanted = np.dtype(np.float64)
        elif given == np.float16:
            wanted = np.dtype(np.float32)
    return np.dtype(dtype_of(wanted, "put"))


def array_of(x: Any, dtype: npt.DTypeLike | None) -> tuple[npt.NDArray[Any], np.dtype[Any]]:
    """`x` as a matrix, not yet of the scalar that it is to become; and that scalar.

    Parameters
    ----------
    x : array_like, pandas.DataFrame or pyarrow.Table
        A vector is a matrix of one column.
    """
    given = unmasked(_columns_of(x), "put: x")
    given = given[:, np.newaxis] if given.ndim == 1 else given
    wanted = scalar_of(given.dtype, dtype)
    if given.ndim != 2 or given.dtype != wanted:
        given = matrix_of(given, "put: x", wanted)
    return given, wanted


def _columns_of(x: Any) -> Any:
    """The numbers of a table, by columns; anything else as it is."""
    if hasattr(x, "column_names") and hasattr(x, "column"):  # Arrow's
        names = list(x.column_names)
        parts = [x.column(name).to_numpy() for name in names]
    elif hasattr(x, "iloc") and hasattr(x, "columns"):  # pandas'
        names = [str(name) for name in x.columns]
        parts = [np.asarray(x.iloc[:, k]) for k in range(len(names))]
    else:
        return x
    wrong = [
        name for name, part in zip(names, parts, strict=True) if part.dtype.kind not in "biufc"
    ]
    if wrong:
        raise DTypeError(
            f"put: columns must hold numbers: {', '.join(wrong)} do not (choose others, or convert "
            "them)"
        )
    return np.column_stack(parts) if parts else np.empty((len(x), 0))


def is_sparse(x: Any) -> bool:
    """Whether `x` is a sparse matrix of SciPy's."""
    return hasattr(x, "tocsr") and hasattr(x, "nnz")


def entries_of(
    x: Any, dtype: npt.DTypeLike | None, ranks: int
) -> tuple[npt.NDArray[Any], np.dtype[Any], list[int]]:
    """The entries of a sparse matrix by rows, their scalar, and where those of each rank begin.

    The last bound is their number. Rows are dealt in equal contiguous parts.
    """
    x = x.tocsr()
    scalar = scalar_of(x.dtype, dtype)
    entries = np.empty(x.nnz, entry_of(scalar))
    entries["v"] = x.data[: x.nnz]
    entries["i"] = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    entries["j"] = x.indices[: x.nnz]
    height = -(-x.shape[0] // ranks)
    bounds = [int(x.indptr[min(rank * height, x.shape[0])]) for rank in range(ranks + 1)]
    return entries, scalar, bounds


def is_collection(x: Any) -> bool:
    """Whether `x` is a Dask array or dataframe, without importing Dask."""
    return type(x).__module__.split(".")[0] in ("dask", "dask_expr") and hasattr(
        x, "__dask_graph__"
    )


_GIVERS = {"pyspark": "matrass.spark.transfer", "matrass.spark.sources": "matrass.spark.transfer"}
"""Modules that bring what a package or module has, by its name; each has ``put``."""


def giver_of(x: Any) -> Any:
    """The module that brings `x` to the ranks by itself, if there is one."""
    module = type(x).__module__
    home = _GIVERS.get(module) or _GIVERS.get(module.split(".")[0])
    return None if home is None else importlib.import_module(home)


def is_blocks(x: Any) -> bool:
    """Whether `x` is blocks of rows: a list of matrices, or an iterator."""
    if isinstance(x, list | tuple):
        return bool(x) and all(getattr(block, "ndim", 0) == 2 for block in x)
    return isinstance(x, Iterator)


def blocks_of(
    x: Iterable[Any], shape: tuple[int, int] | None, dtype: npt.DTypeLike | None
) -> tuple[tuple[int, int], np.dtype[Any], Iterator[npt.NDArray[Any]]]:
    """The shape of all blocks together, their scalar, and the blocks, which are looked at once.

    Raises
    ------
    InvalidArgument
        If `x` is an iterator, and no shape is given.
    ShapeError
        While they are read: where blocks do not fit the shape.
    """
    if isinstance(x, list | tuple):
        found = (sum(len(block) for block in x), x[0].shape[1])
        shape = found if shape is None else shape
        dtype = np.result_type(*x) if dtype is None else dtype
    if shape is None:
        raise InvalidArgument("put: shape= must be given with an iterator of row blocks")
    rest = iter(x)
    first = next(rest, np.empty((0, shape[1])))
    scalar = scalar_of(np.asarray(first).dtype, dtype)
    return shape, scalar, _checked(first, rest, shape, scalar)


def _checked(
    first: Any, rest: Iterator[Any], shape: tuple[int, int], scalar: np.dtype[Any]
) -> Iterator[npt.NDArray[Any]]:
    rows = 0
    block: Any = first
    while block is not None:
        array, _ = array_of(block, scalar)
        rows += len(array)
        if array.shape[1] != shape[1] or rows > shape[0]:
            raise ShapeError(
                f"put: row blocks must make up shape {shape}: got {rows} rows of {array.shape[1]}"
            )
        yield array
        block = next(rest, None)
    if rows != shape[0]:
        raise ShapeError(f"put: row blocks must make up shape {shape}: got {rows} rows")
