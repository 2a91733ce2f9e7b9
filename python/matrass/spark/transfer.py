# SPDX-License-Identifier: BSD-3-Clause
"""From Spark's partitions to the ranks of any session.

Each task brings its own partition to a rank; the driver hands out tickets, and sees counts alone.
Next: ``giving.py`` (the way back).
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from matrass.arguments import how_dealt
from matrass.control.failures import raised
from matrass.errors import InvalidArgument, ShapeError
from matrass.session.inputs import Wanted
from matrass.session.places import opened
from matrass.session.transfers import Share
from matrass.spark.jobs import job
from matrass.spark.packing import UnpackableError, in_small_batches, packed, unpackable
from matrass.spark.pools import mapped
from matrass.spark.sources import Source, source_of
from matrass.spark.tasks import REPORT, delivering

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from matrass.session.session import Session
    from matrass.wire.delivery import Place

__all__ = ["put"]


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
    with opened(session, "wire.expect") as (name, places):
        reports = _delivered(session, source, places, wanted)
        _raise_first(reports)
        read = time.perf_counter()
        a, parts = _place(session, source, name, reports, wanted)
    end = time.perf_counter()
    wanted.tell(1.0)
    shares = [Share(tiles, size, adopted, 0.0, placed) for tiles, size, adopted, placed in parts]
    told = wanted.name or a.id
    session.transfers.note("put", told, shares, seconds=end - start, send=read - start)
    return a


def _delivered(session: Session, source: Source, places: list[Place], wanted: Wanted) -> list[Any]:
    """The reports of all partitions, in their order."""

    def frame_of(source: Source) -> DataFrame:
        task = delivering(source.kind, source.columns, source.dtype.str, source.block, places)
        return mapped(session, in_small_batches(source.frame), task, REPORT)

    def reports(frame: DataFrame) -> list[Any]:
        spark = source.frame.sparkSession
        return job(session, spark, "put", frame.collect, wanted.progress)

    as_bytes = packed(source)
    if as_bytes is not None:
        frame = frame_of(as_bytes)
        with contextlib.suppress(UnpackableError), unpackable(frame):
            return sorted(reports(frame), key=lambda report: report.part)
    return sorted(reports(frame_of(source)), key=lambda report: report.part)


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
