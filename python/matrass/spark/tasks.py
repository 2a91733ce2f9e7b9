# SPDX-License-Identifier: BSD-3-Clause
"""What Spark's tasks bring to ranks: partitions, which they read as Arrow batches.

Next: ``pace.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from matrass.control import failures
from matrass.errors import Error, ShapeError
from matrass.spark.batches import block_tile, matrix_of, numbers_of, opened, rows_of
from matrass.wire.delivery import Place, deliver
from matrass.wire.stage import Tile

if TYPE_CHECKING:
    from pyarrow import RecordBatch

Task = Callable[[Iterator["RecordBatch"]], Iterator["RecordBatch"]]

__all__ = ["REPORT", "Reader", "delivering", "drain", "renamed"]

REPORT = (
    "part long, attempt long, rank long, rows long, columns long, last long, tiles long, "
    "bytes long, error string"
)
"""The schema of what `delivering` yields: one row for each partition."""


class Reader:
    """Makes tiles of batches, and counts what it has seen.

    Parameters
    ----------
    kind, columns, dtype, block
        See `Source`.

    Attributes
    ----------
    rows : int
        So far.
    width : int
        The length of each row; -1 before the first.
    last : int
        The largest row number; -1 where rows have none.
    """

    def __init__(self, kind: str, columns: Sequence[str], dtype: str, block: tuple[int, int]):
        self.kind, self.columns, self.dtype, self.block = kind, columns, dtype, block
        self.rows, self.width, self.last = 0, -1, -1

    def tiles(self, batches: Iterable[RecordBatch]) -> Iterator[Tile]:
        """The tiles of more batches."""
        for batch in batches:
            if batch.num_rows:
                yield from getattr(self, f"_{self.kind}")(batch)
                self.rows += batch.num_rows

    def _of_width(self, x: Any) -> Any:
        if self.width not in (-1, x.shape[1]):
            raise ShapeError(f"put: rows must have one length: got {self.width} and {x.shape[1]}")
        self.width = x.shape[1]
        return x

    def _rows(self, batch: RecordBatch) -> Iterator[Tile]:
        x = self._of_width(matrix_of(batch, self.columns, self.dtype))
        yield Tile("rows", (self.rows, 0), (x,))

    def _indexed(self, batch: RecordBatch) -> Iterator[Tile]:
        numbers = numbers_of(batch.column("index"), "index")
        self.last = max(self.last, int(numbers.max()))
        x = self._of_width(rows_of(batch.column("vector"), "vector", self.dtype))
        yield Tile("indexed", (0, 0), (numbers, x))

    def _coo(self, batch: RecordBatch) -> Iterator[Tile]:
        i, j, v = (numbers_of(batch.column(name), name) for name in ("i", "j", "value"))
        yield Tile("coo", (0, 0), (i, j, v.astype(self.dtype, copy=False)))

    def _blocks(self, batch: RecordBatch) -> Iterator[Tile]:
        blocks = opened(batch.column("block"))
        for place, block in zip(batch.column("place").to_pylist(), blocks, strict=True):
            at = place["_1"] * self.block[0], place["_2"] * self.block[1]
            i0, j0, x = block_tile(block, at)
            yield Tile("rectangle", (i0, j0), (x.astype(self.dtype, copy=False),))


def delivering(
    kind: str,
    columns: Sequence[str],
    dtype: str,
    block: tuple[int, int],
    places: list[Place],
) -> Task:
    """A task that brings its partition to a rank, and reports where it is."""

    def task(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        part, attempt = context.partitionId(), context.taskAttemptId()
        reader = Reader(kind, columns, dtype, block)
        rank, count, size, error = 0, 0, 0, None
        try:
            rank, count, size = deliver(places, part, attempt, reader.tiles(batches))
        except Error as problem:  # Spark would wrap it, and try again
            error = json.dumps(failures.describe(problem))
            drain(batches)
        report = [part, attempt, rank, reader.rows, reader.width, reader.last, count, size]
        names = REPORT.replace(",", "").split()[::2]
        values = {name: [value] for name, value in zip(names, [*report, error], strict=True)}
        yield pa.RecordBatch.from_pydict(values, _SCHEMA)

    return task


_SCHEMA = pa.schema(
    [
        (name, pa.string() if kind == "string" else pa.int64())
        for name, kind in (each.split() for each in REPORT.split(", "))
    ]
)


def renamed(task: Task, names: Sequence[str]) -> Task:
    """The same task, for batches whose columns have other names."""

    def run(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        yield from task(batch.rename_columns(list(names)) for batch in batches)

    return run


def drain(batches: Iterator[RecordBatch]) -> None:
    """Read to the end: Spark ends a Python worker that has left something unread."""
    for _ in batches:
        pass
