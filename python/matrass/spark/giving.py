# SPDX-License-Identifier: BSD-3-Clause
"""What Spark's tasks fetch from ranks: rows, which they yield as vectors or as blocks.

Next: ``back.py`` (the driver).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from matrass.wire.delivery import Place, fetch

if TYPE_CHECKING:
    import numpy.typing as npt
    from pyarrow import RecordBatch

__all__ = ["Piece", "blocks", "vectors"]

Piece = tuple[Place, int, int]
"""Rows of a rank: its place, the first of them, and the next after them."""
Task = Callable[[Iterator["RecordBatch"]], Iterator["RecordBatch"]]


def vectors(parts: Sequence[Sequence[Piece]], rows_of_batch: int) -> Task:
    """A task that yields the rows of the part of its number, with their indices."""

    def task(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for place, begin, end in parts[number]:
                    for at in range(begin, end, rows_of_batch):
                        last = min(at + rows_of_batch, end)
                        columns = [pa.array(np.arange(at, last)), _vectors(_rows(place, at, last))]
                        yield pa.RecordBatch.from_arrays(columns, ["index", "vector"])

    return task


def blocks(parts: Sequence[Sequence[Piece]], width: int) -> Task:
    """A task that yields the row of blocks of its number, of so many columns each."""

    def task(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                rows = np.concatenate([_rows(*piece) for piece in parts[number]])
                for k, j in enumerate(range(0, rows.shape[1], width)):
                    columns = [_place(number, k), _block(rows[:, j : j + width])]
                    yield pa.RecordBatch.from_arrays(columns, ["place", "block"])

    return task


def _rows(place: Place, begin: int, end: int) -> npt.NDArray[Any]:
    return np.ascontiguousarray(fetch(place, (begin, end)), np.float64)


def _list(x: npt.NDArray[Any], ends: npt.NDArray[Any]) -> Any:
    return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), pa.array(x.reshape(-1)))


def _vectors(x: npt.NDArray[Any]) -> Any:
    """Rows as dense vectors of spark.ml: an Arrow structure around the numbers, without a copy."""
    count, width = x.shape
    return pa.StructArray.from_arrays(
        [
            pa.array(np.ones(count, np.int8)),
            pa.nulls(count, pa.int32()),
            pa.nulls(count, pa.list_(pa.int32())),
            _list(x, np.arange(count + 1) * width),
        ],
        ["type", "size", "indices", "values"],
    )


def _place(i: int, j: int) -> Any:
    numbers = [pa.array([k], pa.int64()) for k in (i, j)]
    return pa.StructArray.from_arrays(numbers, ["_1", "_2"])


def _block(x: npt.NDArray[Any]) -> Any:
    """A dense matrix of MLlib, by rows."""
    parts = {
        "type": pa.array([1], pa.int8()),
        "numRows": pa.array([x.shape[0]], pa.int32()),
        "numCols": pa.array([x.shape[1]], pa.int32()),
        "colPtrs": pa.nulls(1, pa.list_(pa.int32())),
        "rowIndices": pa.nulls(1, pa.list_(pa.int32())),
        "values": _list(np.ascontiguousarray(x), np.array([0, x.size])),
        "isTransposed": pa.array([True]),
    }
    return pa.StructArray.from_arrays(list(parts.values()), list(parts))
