# SPDX-License-Identifier: BSD-3-Clause
"""Arrow record batches as matrices: views where the numbers lie as a matrix.

This runs where a partition is read. Next: ``sources.py`` (which columns of what).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from matrass.errors import DTypeError, InvalidArgument, ShapeError

if TYPE_CHECKING:
    from pyarrow import RecordBatch

__all__ = ["PACKED", "block_tile", "matrix_of", "numbers_of", "opened", "rows_of"]

PACKED = "_matrass_packed"
"""The name of a column whose bytes are the numbers of all columns, side by side."""


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
    if batch.schema.names == [PACKED]:
        return _of_bytes(batch.column(0), columns, np.dtype(dtype))
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
    """A column of arrays of one length, or of spark.ml's or MLlib's vectors, as a matrix.

    Bytes are arrays of `dtype`, as Spark has them in its rows.
    """
    _require_no_nulls(column, name)
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _of_bytes(column, [name], np.dtype(dtype))
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


def opened(column: Any) -> Iterator[dict[str, Any]]:
    """The parts of each structure in a column; lists as arrays, without a copy."""
    parts = dict(zip([field.name for field in column.type], column.flatten(), strict=True))
    for row in range(len(column)):
        yield {name: _opened(part[row]) for name, part in parts.items()}


def _opened(value: Any) -> Any:
    whole = getattr(value, "values", None)
    return whole.to_numpy(zero_copy_only=False) if whole is not None else value.as_py()


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
        raise _nulls_inside(name)
    x: npt.NDArray[Any] = values.to_numpy(zero_copy_only=not pa.types.is_boolean(values.type))
    return x


def _nulls_inside(name: str) -> InvalidArgument:
    return InvalidArgument(f"spark: the arrays of column {name!r} must have no nulls inside")


def _of_equal_length(column: Any, name: str) -> npt.NDArray[Any]:
    lengths = np.diff(column.offsets.to_numpy())
    _require_one(lengths, "length", "arrays", name)
    width = int(lengths[0]) if len(lengths) else 0
    return _flat(column.flatten(), name).reshape(len(column), width)


def _require_one(widths: npt.NDArray[Any], word: str, what: str, name: str) -> None:
    if len(widths) and (widths != widths[0]).any():
        first, other = int(widths[0]), int(widths[widths != widths[0]][0])
        raise ShapeError(
            f"spark: the {what} of column {name!r} must have one {word}: got {first} and {other}"
        )


def _of_bytes(column: Any, names: Sequence[str], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Arrays of one length as Spark's rows have them: a view.

    Each is, in words of 8 bytes: the count; a bit for each null; the elements. None is an empty
    one.
    """
    starts, data = _pieces(column)
    counts = _counts(starts, data)
    width = int(counts[0]) if len(counts) else 0
    _require_one(counts, "length", "arrays", names[0])
    if width == 0:
        return np.empty((len(column), 0), dtype)
    begin = 8 + 8 * -(-width // 64)
    rows = data[starts[0] : starts[-1]].reshape(len(column), -1)
    if rows.shape[1] != begin + 8 * -(-width * dtype.itemsize // 8):
        raise DTypeError(
            f"spark: column {names[0]!r} is not {width} numbers of {dtype} in each row"
        )
    nulls = rows[:, 8:begin]
    if nulls.any():
        row = int(np.flatnonzero(nulls.any(axis=1))[0])
        which = int(np.flatnonzero(np.unpackbits(nulls[row], bitorder="little"))[0])
        if len(names) == 1:
            raise _nulls_inside(names[0])
        raise InvalidArgument(
            f"spark: column {names[which]!r} must have no nulls: row {row} of a batch is one "
            "(fill or drop them)"
        )
    x: npt.NDArray[Any] = rows[:, begin : begin + width * dtype.itemsize].view(dtype)
    return x


def _pieces(column: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Where each piece of a column of bytes starts, with the end of the last; and all bytes."""
    kind = np.int64 if pa.types.is_large_binary(column.type) else np.int32
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, kind)[column.offset : column.offset + len(column) + 1]
    return starts, np.frombuffer(data if data is not None else b"", np.uint8)


def _counts(starts: npt.NDArray[Any], data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """How many elements each array has."""
    counts = np.zeros(len(starts) - 1, np.int64)
    some = np.diff(starts) > 0
    counts[some] = data[: len(data) // 8 * 8].view(np.int64)[starts[:-1][some] // 8]
    return counts


def _rows_of_vectors(column: Any, name: str) -> npt.NDArray[Any]:
    """Vectors are structures of (type, size, indices, values); type 0 is sparse, 1 dense."""
    found = {field.name for field in column.type}
    if not {"type", "size", "indices", "values"} <= found:
        raise DTypeError(f"spark: column {name!r} must hold vectors: got {column.type}")
    parts = dict(zip([field.name for field in column.type], column.flatten(), strict=True))
    kinds = parts["type"].to_numpy(zero_copy_only=False)
    if (kinds == 1).all():
        return rows_of(parts["values"], name, "<f8")
    values, lengths = _joined(parts["values"], np.dtype(np.float64))
    sizes = parts["size"].fill_null(-1).to_numpy(zero_copy_only=False)
    widths = np.where(kinds == 0, sizes, lengths)
    _require_one(widths, "size", "vectors", name)
    x = np.zeros((len(column), int(widths[0])))
    rows = np.repeat(np.arange(len(column)), lengths)
    dense = kinds[rows] == 1
    x[kinds == 1] = values[dense].reshape(-1, int(widths[0]))
    x[rows[~dense], _joined(parts["indices"], np.dtype(np.int32))[0]] = values[~dense]
    return x


def _joined(column: Any, dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The elements of all arrays of a column, and how many each has; null is none."""
    if pa.types.is_list(column.type):
        return column.flatten().to_numpy(), np.diff(column.offsets.to_numpy())
    starts, data = _pieces(column)
    counts = _counts(starts, data)
    begins = starts[:-1] + 8 + 8 * -(-counts // 64)
    first = np.repeat(begins // dtype.itemsize - np.cumsum(counts) + counts, counts)
    return data[: len(data) // 8 * 8].view(dtype)[first + np.arange(counts.sum())], counts


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
