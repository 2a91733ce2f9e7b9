# SPDX-License-Identifier: BSD-3-Clause
"""One barrier stage: each task is a rank, and its partition a tile of the matrix.

The task reads its batches and waits; the rank's MPI thread makes the matrix, calls the user's
function, and keeps the partition's own rows of the results. Where there are any, tasks of a stage
without a barrier (what depends on one can hardly be used) yield them, each with its batch. Next:
``run.py`` (the driver).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from matrass.agreement import together
from matrass.bootstrap import world as worlds
from matrass.control.routines import routine
from matrass.control.tiles import assembled, given_rows
from matrass.errors import DTypeError, MPIError, ShapeError
from matrass.spark.hosts import host
from matrass.spark.tasks import Reader, drain
from matrass.wire.delivery import Place, fetch, own_process
from matrass.wire.port import Served, served
from matrass.wire.routines import place_of
from matrass.wire.stage import Tile

if TYPE_CHECKING:
    import numpy.typing as npt
    from pyarrow import RecordBatch

    from matrass.control.agent import Desk
    from matrass.matrix import DistMatrix

__all__ = ["READ", "RESULTS", "emitting", "spmd"]

READ = "part long, rows long"
"""The schema of what `spmd` yields."""
RESULTS = "_matrass"
"""The column that `emitting` appends: in each row an array of arrays, one for each matrix."""


class _Part:
    """A task's partition, and what comes of it."""

    def __init__(self) -> None:
        self.batches: list[RecordBatch] = []
        self.tiles: list[Tile] = []
        self.width = -1
        self.error: BaseException | None = None
        self.read = threading.Event()
        self.counts: list[int] = []
        """Of the rows in each rank's partition."""
        self.matrix: DistMatrix | None = None
        self.found: Any = None
        """What the user's function has returned."""
        self.results: list[npt.NDArray[Any]] = []
        self.done = threading.Event()

    @property
    def rows(self) -> int:
        return sum(batch.num_rows for batch in self.batches)

    def with_results(self) -> list[RecordBatch]:
        """The batches, with the column of their rows' results."""
        total = sum(x.shape[1] for x in self.results)
        starts = np.cumsum([0, *(x.shape[1] for x in self.results)])[:-1]
        at, found = 0, []
        for batch in self.batches:
            count = batch.num_rows
            rows = np.hstack([x[at : at + count] for x in self.results])
            at += count
            inner = (np.arange(count)[:, np.newaxis] * total + starts).reshape(-1)
            ends = pa.array(np.append(inner, count * total).astype(np.int32))
            numbers = pa.array(np.ascontiguousarray(rows, np.float64).reshape(-1))
            arrays = pa.ListArray.from_arrays(ends, numbers)
            outer = pa.array(np.arange(count + 1, dtype=np.int32) * len(self.results))
            column = pa.ListArray.from_arrays(outer, arrays)
            names = [*batch.schema.names, RESULTS]
            found.append(pa.RecordBatch.from_arrays([*batch.columns, column], names))
        return found

    def fill(self, batches: Iterator[RecordBatch], reader: Reader) -> None:
        """Read the partition; what it finds wrong is raised by all ranks later.

        What `batches` itself raises is for Spark, which knows why it gives no more.
        """
        for batch in batches:
            self.batches.append(batch)
            try:
                self.tiles += reader.tiles([batch])
            except Exception as error:
                self.error = error
                drain(batches)
        self.width = reader.width
        self.read.set()


_parts: dict[str, _Part] = {}
"""Of this process's tasks, by their sessions."""


def spmd(
    contact: dict[str, Any], columns: Sequence[str], dtype: str
) -> Callable[[Iterator[RecordBatch]], Iterator[RecordBatch]]:
    """A task of a barrier stage that is a rank as long as it lasts."""

    def task(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        yield from _be_rank(batches, contact, columns, dtype)  # shipped by its name, not its value

    return task


def _be_rank(
    batches: Iterator[RecordBatch], contact: dict[str, Any], columns: Sequence[str], dtype: str
) -> Iterator[RecordBatch]:
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None
    session = contact["session"]
    part = _parts[session] = _Part()
    ended = threading.Event()
    host(contact | {"member": f"rank-{context.partitionId()}"}, ended.set)
    try:
        part.fill(batches, Reader("rows", columns, dtype, (0, 0)))
        while not part.done.wait(0.05):
            if ended.is_set() and not part.done.is_set():
                raise MPIError("run: the session has ended; its driver says why")
    except BaseException:
        _parts.pop(session, None)
        raise
    row = {"part": [context.partitionId()], "rows": [part.rows]}
    yield pa.RecordBatch.from_pydict(row)


def emitting(
    places: list[Place],
) -> Callable[[Iterator[RecordBatch]], Iterator[RecordBatch]]:
    """A task that yields what the rank of its number has kept."""

    def task(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                place = places[number]
                yield from _kept_here(place) or _unpacked(fetch(place, None))

    return task


def _kept_here(place: Place) -> list[RecordBatch]:
    part = _parts.get(place.name)
    return [] if part is None or place.process != own_process() else part.with_results()


def _packed(part: _Part) -> npt.NDArray[Any]:
    """Batches as bytes, in Arrow's stream format."""
    sink = pa.BufferOutputStream()
    batches = part.with_results()
    if batches:
        with pa.ipc.new_stream(sink, batches[0].schema) as stream:
            for batch in batches:
                stream.write_batch(batch)
    return np.frombuffer(sink.getvalue(), np.uint8)[:, np.newaxis]


def _unpacked(packed: npt.NDArray[Any]) -> Iterator[RecordBatch]:
    if packed.size:
        yield from pa.ipc.open_stream(pa.py_buffer(packed))


@routine("spark.read")
def _read(desk: Desk, dtype: np.dtype[Any], width: int) -> None:
    """Make a matrix of all partitions, once they are read."""
    part = _parts.get(desk.contact.session)
    if part is None:
        raise MPIError("run: its task must live: it has failed; Spark says why")
    desk.at_end.append(lambda: _parts.pop(desk.contact.session, None))
    while not part.read.wait(0.05):
        if worlds.end_of_world():
            raise MPIError("run: a rank was lost while partitions were read")
    grid = desk.on

    def raise_error() -> None:
        if part.error is not None:
            raise part.error

    together(grid._core, "run", raise_error)
    told: list[tuple[int, int]] = grid.comm.allgather((part.rows, part.width))
    part.counts = [rows for rows, _ in told]
    widths = sorted({found for _, found in told if found >= 0})

    def require_one_width() -> None:
        if len(widths) > 1:
            raise ShapeError(f"run: rows must have one length: got {widths[0]} and {widths[1]}")

    together(grid._core, "run", require_one_width)
    first = sum(part.counts[: grid.rank])
    tiles = [(first + tile.at[0], 0, tile.arrays[0]) for tile in part.tiles]
    part.tiles = []
    shape = (sum(part.counts), widths[0] if widths else width)
    part.matrix = assembled(desk, tiles, shape, dtype, ("VC,STAR", None))


@routine("spark.call")
def _call(desk: Desk, f: Callable[..., Any], kwargs: dict[str, Any]) -> None:
    """Call ``f(grid, a)``."""
    part = _parts[desk.contact.session]
    part.found = f(desk.on, part.matrix, **kwargs)


@routine("spark.results")
def _results(desk: Desk) -> Any:
    """Keep each partition's rows of the matrices; returns their names, and the other values."""
    part = _parts[desk.contact.session]
    found, matrix = part.found, part.matrix
    part.found = part.matrix = None
    names, matrices, values = together(desk.on._core, "run", lambda: _sorted(found, matrix))
    part.results = [given_rows(desk, x, part.counts) for x in matrices]
    part.done.set()
    return names, values


@routine("spark.keep")
def _keep(desk: Desk, session: str, ticket: str) -> Any:
    """Give out the partition with its results; returns where."""
    part = _parts[session]
    served[session] = Served(ticket, lambda: _packed(part), 0)
    desk.at_end.append(lambda: served.pop(session, None))
    return None, place_of(desk)


def _sorted(found: Any, a: DistMatrix | None) -> tuple[list[str], list[DistMatrix], Any]:
    """The matrices among what a function returned, by name, and everything else."""
    from matrass.matrix import DistMatrix

    assert a is not None
    named: dict[str, Any]
    values: Any
    if isinstance(found, DistMatrix):
        named, values = {"result": found}, None
    elif isinstance(found, dict):
        named = {str(k): x for k, x in found.items() if isinstance(x, DistMatrix)}
        values = {k: x for k, x in found.items() if not isinstance(x, DistMatrix)} or None
    elif isinstance(found, tuple | list):
        fields = getattr(found, "_fields", None) or [f"result_{k}" for k in range(len(found))]
        pairs = list(zip(fields, found, strict=True))
        named = {name: x for name, x in pairs if isinstance(x, DistMatrix)}
        others = [x for _, x in pairs if not isinstance(x, DistMatrix)]
        values = others[0] if len(others) == 1 else (tuple(others) or None)
        if not named:
            values = found
        if len(named) == 1 and not hasattr(found, "_fields"):
            named = {"result": next(iter(named.values()))}
    else:
        named, values = {}, found
    for name, x in named.items():
        if x.shape[0] != a.shape[0]:
            raise ShapeError(
                f"run: a matrix that fn returns must have the {a.shape[0]} rows of the DataFrame: "
                f"{name} is {x.shape[0]} x {x.shape[1]} (return a small one as {name}.numpy(None))"
            )
        if x.dtype.kind == "c":
            raise DTypeError(f"run: Spark has no complex numbers: {name} is {x.dtype}")
    return list(named), list(named.values()), values
