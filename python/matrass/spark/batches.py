# SPDX-License-Identifier: BSD-3-Clause
"""Arrow record batches as matrices: views where the numbers lie as a matrix.

This runs where a partition is read. Next: ``sources.py`` (which columns of what).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from matrass.errors import DTypeError, InvalidArgument, ShapeError

if TYPE_CHECKING:
    from pyarrow import RecordBatch

__all__ = ["block_tile", "matrix_of", "numbers_of", "rows_of"]


def matrix_of(batch: RecordBatch, columns: Sequence[str], dtype: str) -> npt.NDArray[Any]:
    """The numbers of some columns, with a row for each of the batch's.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
    columns : sequence of str
        Columns of numbers, of arrays or of vectors, which come to stand side by side.
    dtype : str
        Of the result.

    Returns
    -------
    numpy.ndarray, shape (rows, n)
        A view, where all have this dtype and lie at equal distances; else a copy.

    Raises
    ------
    InvalidArgument
        If there are nulls.
    ShapeError
        If arrays have different lengths.
    """
    if len(columns) == 1 and not _is_number(batch.column(columns[0]).type):
        return rows_of(batch.column(columns[0]), columns[0], dtype)
    wide = [not _is_number(batch.column(name).type) for name in columns]
    if any(wide):
        return _side_by_side(batch, columns, wide, dtype)
    parts = [numbers_of(batch.column(name), name) for name in columns]
    together = _as_they_lie(parts, np.dtype(dtype))
    if together is not None:
        return together
    x = np.empty((batch.num_rows, len(parts)), dtype, order="F")
    for k, part in enumerate(parts):
        x[:, k] = part
    return x


def _side_by_side(
    batch: RecordBatch, columns: Sequence[str], wide: Sequence[bool], dtype: str
) -> npt.NDArray[Any]:
    parts = [
        rows_of(batch.column(name), name, dtype) if many else numbers_of(batch.column(name), name)
        for name, many in zip(columns, wide, strict=True)
    ]
    return np.column_stack(parts).astype(dtype, copy=False)


def _is_number(kind: Any) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def numbers_of(column: Any, name: str) -> npt.NDArray[Any]:
    """A column of numbers: a view, but of booleans."""
    if not _is_number(column.type):
        raise DTypeError(f"spark: column {name!r} must hold numbers: got {column.type} (cast it)")
    _require_no_nulls(column, name)
    x: npt.NDArray[Any] = column.to_numpy(zero_copy_only=not pa.types.is_boolean(column.type))
    return x


def rows_of(column: Any, name: str, dtype: str) -> npt.NDArray[Any]:
    """A column of arrays of one length, or of spark.ml's or MLlib's vectors, as a matrix."""
    _require_no_nulls(column, name)
    kind = column.type
    if pa.types.is_struct(kind):
        x = _rows_of_vectors(column, name)
    elif pa.types.is_fixed_size_list(kind):
        x = _flat(column.flatten(), name).reshape(len(column), kind.list_size)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        x = _of_equal_length(column, name)
    else:
        raise DTypeError(
            f"spark: column {name!r} must hold numbers, arrays or vectors of them: got {kind}"
        )
    return x if x.dtype == np.dtype(dtype) else x.astype(dtype)


def block_tile(block: dict[str, Any], place: tuple[int, int]) -> tuple[int, int, Any]:
    """A block of MLlib's BlockMatrix: its place, in elements, and its elements."""
    m, n = block["numRows"], block["numCols"]
    values = np.asarray(block["values"], np.float64)
    if block["type"] == 1:  # dense, by columns
        return *place, values.reshape((m, n), order="C" if block["isTransposed"] else "F")
    ends, minor = np.asarray(block["colPtrs"]), np.asarray(block["rowIndices"])
    major = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    x = np.zeros((m, n), order="F")
    x[(major, minor) if block["isTransposed"] else (minor, major)] = values
    return *place, x


def _require_no_nulls(column: Any, name: str) -> None:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise InvalidArgument(
            f"spark: column {name!r} must have no nulls: row {row} of a batch is one, of "
            f"{column.null_count} (fill or drop them)"
        )


def _flat(values: Any, name: str) -> npt.NDArray[Any]:
    if not _is_number(values.type):
        raise DTypeError(
            f"spark: the arrays of column {name!r} must hold numbers: got {values.type}"
        )
    if values.null_count:
        raise InvalidArgument(f"spark: the arrays of column {name!r} must have no nulls inside")
    x: npt.NDArray[Any] = values.to_numpy(zero_copy_only=not pa.types.is_boolean(values.type))
    return x


def _of_equal_length(column: Any, name: str) -> npt.NDArray[Any]:
    lengths = np.diff(column.offsets.to_numpy())
    width = int(lengths[0]) if len(lengths) else 0
    if (lengths != width).any():
        other = int(lengths[lengths != width][0])
        raise ShapeError(
            f"spark: the arrays of column {name!r} must have one length: got {width} and {other}"
        )
    return _flat(column.flatten(), name).reshape(len(column), width)


def _rows_of_vectors(column: Any, name: str) -> npt.NDArray[Any]:
    """Vectors are structures of (type, size, indices, values); type 0 is sparse, 1 dense."""
    found = {field.name for field in column.type}
    if not {"type", "size", "indices", "values"} <= found:
        raise DTypeError(f"spark: column {name!r} must hold vectors: got {column.type}")
    parts = dict(zip([field.name for field in column.type], column.flatten(), strict=True))
    kinds = parts["type"].to_numpy(zero_copy_only=False)
    if (kinds == 1).all():
        return _of_equal_length(parts["values"], name)
    sizes = parts["size"].fill_null(-1).to_numpy(zero_copy_only=False)
    lengths = np.diff(parts["values"].offsets.to_numpy())
    widths = np.where(kinds == 0, sizes, lengths)
    width = int(widths[0])
    if (widths != width).any():
        other = int(widths[widths != width][0])
        raise ShapeError(
            f"spark: the vectors of column {name!r} must have one size: got {width} and {other}"
        )
    x = np.zeros((len(column), width))
    values = parts["values"].flatten().to_numpy()
    rows = np.repeat(np.arange(len(column)), lengths)
    dense = kinds[rows] == 1
    x[kinds == 1] = values[dense].reshape(-1, width)
    x[rows[~dense], parts["indices"].flatten().to_numpy()] = values[~dense]
    return x


def _as_they_lie(parts: list[npt.NDArray[Any]], dtype: np.dtype[Any]) -> npt.NDArray[Any] | None:
    """Columns at equal distances in memory, as one matrix without a copy."""
    if any(x.dtype != dtype or not x.flags.aligned for x in parts) or not parts[0].size:
        return None
    if len(parts) == 1:
        return parts[0][:, np.newaxis]
    places = np.array([x.__array_interface__["data"][0] for x in parts])
    steps = np.diff(places)
    step = int(steps[0])
    if (steps != step).any() or step < parts[0].nbytes or step % dtype.itemsize:
        return None
    return np.asarray(_Columns(parts, step))


class _Columns:
    """Says to NumPy where columns lie, and holds them as long as anybody reads them."""

    def __init__(self, parts: list[npt.NDArray[Any]], step: int) -> None:
        self._parts = parts
        first = parts[0]
        self.__array_interface__ = {
            "version": 3,
            "data": (first.__array_interface__["data"][0], True),
            "shape": (len(first), len(parts)),
            "strides": (first.itemsize, step),
            "typestr": first.dtype.str,
        }
