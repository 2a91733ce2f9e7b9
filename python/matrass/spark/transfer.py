# SPDX-License-Identifier: BSD-3-Clause
"""Between Spark's partitions and the ranks of any session.

Each task brings its own partition to a rank, or fetches its own rows; the driver hands out tickets,
and sees counts alone. Next: ``session.py``.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from matrass.arguments import choice_of, how_dealt, index_of
from matrass.control.failures import raised
from matrass.errors import DTypeError, InvalidArgument, ShapeError
from matrass.session.inputs import Wanted
from matrass.session.transfers import Share
from matrass.spark.jobs import job
from matrass.spark.pools import pool_of, require_classic
from matrass.spark.sources import Source, source_of
from matrass.spark.tasks import REPORT, delivering, fetching

if TYPE_CHECKING:
    from matrass.session.remote_matrix import RemoteMatrix
    from matrass.session.session import Session

__all__ = ["put", "to_spark"]

_BATCH_BYTES = 4 << 20
_ROW_BYTES_MAX = 1 << 31


def put(
    session: Session,
    x: Any,
    wanted: Wanted,
) -> Any:
    """Bring a DataFrame or a distributed matrix of MLlib to the ranks.

    Returns
    -------
    RemoteMatrix, or RemoteSparse of a CoordinateMatrix

    Raises
    ------
    DTypeError, ShapeError, InvalidArgument
        If it does not hold numbers, has nulls, rows of different lengths, or row numbers with gaps
        or duplicates.

    Notes
    -----
    Partitions that are read in a rank's own process are taken where Arrow has them; others are sent
    straight to a rank. A DataFrame without an order has the order in which Spark reads it.
    """
    source = source_of(x, None, wanted.dtype)
    start = time.perf_counter()
    name, ticket = secrets.token_hex(8), secrets.token_urlsafe(24)
    _, given = session._on_each("wire.expect", name, ticket)
    places = [(rank, *place, name, ticket) for rank, place in enumerate(given)]
    try:
        deliver = partial(_deliver, session, source, places)
        reports = job(session, source.frame.sparkSession, "put", deliver, wanted.progress)
        _raise_first(reports)
        read = time.perf_counter()
        a, parts = _place(session, source, name, reports, wanted)
    except BaseException:
        with contextlib.suppress(Exception):
            session._start("wire.drop", (name,), {})
        raise
    end = time.perf_counter()
    wanted.tell(1.0)
    shares = [Share(tiles, size, adopted, 0.0, placed) for tiles, size, adopted, placed in parts]
    told = wanted.name or a.id
    session.transfers.note("put", told, shares, seconds=end - start, send=read - start)
    return a


def _deliver(session: Session, source: Source, places: list[tuple[Any, ...]]) -> list[Any]:
    task = delivering(source.kind, source.columns, source.dtype.str, source.block, places)
    pool = pool_of(session)
    if pool is None:
        done = source.frame.mapInArrow(task, REPORT)
    else:
        done = pool.map(source.frame, task, REPORT)
    return sorted(done.collect(), key=lambda report: report.part)


def _raise_first(reports: list[Any]) -> None:
    for report in reports:
        if report.error:
            error = raised(json.loads(report.error), "put", report.rank, of_user=False)
            error.__notes__ = [f"in partition {report.part}:\n{error.__notes__[0]}"]
            raise error


def _place(
    session: Session,
    source: Source,
    name: str,
    reports: list[Any],
    wanted: Wanted,
) -> tuple[Any, list[Any]]:
    shape = _shape_of(source, reports)
    parts: list[list[tuple[int, int, int]]] = [[] for _ in session.ranks]
    first = 0
    for report in reports:
        parts[report.rank].append((report.part, report.attempt, first))
        first += report.rows
    if source.kind == "coo":
        return session._on_each("wire.coo", name, parts, shape, source.dtype)
    _, layout, block = how_dealt("put", shape, wanted.layout, wanted.block)
    if wanted.max_memory is not None:  # it holds for the step from rows to another layout
        layout, block = "[VC,STAR]", None
    a, told = session._on_each("wire.place", name, parts, shape, source.dtype, layout, block)
    return session._dealt(a, wanted), told


def _shape_of(source: Source, reports: list[Any]) -> tuple[int, int]:
    if source.kind in ("coo", "blocks"):
        assert source.shape is not None
        return source.shape
    widths = {report.columns: report.part for report in reports if report.columns >= 0}
    if len(widths) > 1:
        told = " and ".join(f"{width} in partition {part}" for width, part in widths.items())
        raise ShapeError(f"put: rows must have one length: got {told}")
    rows = sum(report.rows for report in reports)
    width = next(iter(widths), source.shape[1] if source.shape else len(source.columns))
    if source.kind == "indexed":
        assert source.shape is not None
        if source.shape[0] != rows:
            raise InvalidArgument(
                f"put: row indices must have no gaps and no duplicates: got {rows} rows for "
                f"indices from 0 to {source.shape[0] - 1}"
            )
    return rows, width


def to_spark(
    a: RemoteMatrix,
    spark: Any,
    form: Literal["dataframe", "indexedrow", "block"] = "dataframe",
    partitions: int | None = None,
) -> Any:
    """A matrix as a DataFrame of (index, vector), an IndexedRowMatrix or a BlockMatrix.

    Parameters
    ----------
    a : RemoteMatrix
    spark : pyspark.sql.SparkSession
    form : {"dataframe", "indexedrow", "block"}
    partitions : int, optional
        At least one for each rank that has rows; by default as many as there are ranks.

    Notes
    -----
    The rows are in Spark's storage when this returns, and nothing of the session is needed any
    more; the driver sees none of them.
    """
    spark = require_classic(spark, "to_spark")
    choice_of(form, ("dataframe", "indexedrow", "block"), "to_spark: form")
    if a.dtype.kind == "c":
        raise DTypeError("to_spark: numbers must be real: Spark has no complex ones")
    if a.shape[1] * 8 >= _ROW_BYTES_MAX:
        raise InvalidArgument(f"to_spark: a row must have fewer than 2**28 numbers: {a.shape[1]}")
    frame = _fetched(a, spark, partitions)
    if form == "dataframe":
        return frame
    from pyspark.mllib.linalg.distributed import IndexedRowMatrix
    from pyspark.mllib.util import MLUtils

    vectors: Any = MLUtils.convertVectorColumnsFromML(frame, "vector")
    rows = IndexedRowMatrix(vectors, *a.shape)
    return rows if form == "indexedrow" else rows.toBlockMatrix()


def _fetched(a: RemoteMatrix, spark: Any, partitions: int | None) -> Any:
    from pyspark.ml.linalg import VectorUDT
    from pyspark.sql.types import LongType, StructField, StructType

    session = a.session
    start = time.perf_counter()
    rows = a if a.is_by_rows else a.to("VC,STAR")
    placed = time.perf_counter()
    name, ticket = secrets.token_hex(8), secrets.token_urlsafe(24)
    _, given = session._on_each("wire.give", name, ticket, rows)
    places = [(rank, *place, name, ticket) for rank, place in enumerate(given)]
    parts = [(places[rank], begin, end) for rank, begin, end in _shares(a, partitions)]
    step = max(1, _BATCH_BYTES // max(1, 8 * a.shape[1]))
    schema = StructType(
        [StructField("index", LongType(), False), StructField("vector", VectorUDT(), False)]
    )
    task = fetching(parts, step)
    pool = pool_of(session)

    def action() -> Any:
        numbers = spark.range(0, len(parts), 1, max(1, len(parts)))
        frame = (
            numbers.mapInArrow(task, schema) if pool is None else pool.map(numbers, task, schema)
        )
        return frame.localCheckpoint(eager=True)

    try:
        frame = job(session, spark, "to_spark", action)
    finally:
        with contextlib.suppress(Exception):
            session._start("wire.drop", (name,), {})
    _note(a, parts, places, start, placed)
    return frame


def _shares(a: RemoteMatrix, partitions: int | None) -> list[tuple[int, int, int]]:
    """For each partition the rank that has its rows, the first of them, and the next after them."""
    ranks, m = len(a.session.ranks), a.shape[0]
    wanted = ranks if partitions is None else index_of(partitions, "to_spark: partitions")
    if wanted < 1:
        raise InvalidArgument(f"to_spark: partitions must be positive: got {wanted}")
    height = max(1, -(-m // ranks))
    each = max(1, -(-wanted // ranks))
    shares = []
    for rank in range(ranks):
        begin, end = min(rank * height, m), min((rank + 1) * height, m)
        step = max(1, -(-(end - begin) // each))
        shares += [(rank, i, min(i + step, end)) for i in range(begin, end, step)]
    return shares


def _note(
    a: RemoteMatrix,
    parts: list[tuple[tuple[Any, ...], int, int]],
    places: list[tuple[Any, ...]],
    start: float,
    placed: float,
) -> None:
    end = time.perf_counter()
    width = a.shape[1] * a.dtype.itemsize
    shares = []
    for place in places:
        own = [last - first for held, first, last in parts if held is place]
        shares.append(Share(len(own), sum(own) * width, 0, 0.0, placed - start))
    a.session.transfers.note(
        "to_spark", a.name or a.id, shares, seconds=end - start, send=end - placed
    )
