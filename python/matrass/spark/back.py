# SPDX-License-Identifier: BSD-3-Clause
"""From the ranks of any session to Spark: each task fetches its own rows.

Next: ``hosts.py`` (ranks in Python workers).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from matrass.arguments import choice_of, index_of
from matrass.errors import DTypeError, InvalidArgument
from matrass.session.places import opened, rows_of_ranks
from matrass.session.transfers import Share
from matrass.spark.giving import Piece, blocks, vectors
from matrass.spark.jobs import job
from matrass.spark.pools import mapped, require_classic

if TYPE_CHECKING:
    from matrass.session.remote_matrix import RemoteMatrix
    from matrass.wire.delivery import Place

__all__ = ["to_spark"]

_BATCH_BYTES = 4 << 20
_ROW_BYTES_MAX = 1 << 31
_BLOCK = 1024
"""Rows and columns of a block, as MLlib's own ``toBlockMatrix`` has them."""

Span = tuple[int, int]
"""A partition's first row, and the next after its last."""


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
        Blocks have 1,024 rows and columns; each row of blocks is a partition.
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
    m, n = a.shape
    spans = _spans(a, partitions)
    if form == "block":
        spans = [(i, min(i + _BLOCK, m)) for i in range(0, m, _BLOCK)]
        return _block_matrix(_fetched(a, spark, spans, lambda p: blocks(p, _BLOCK), _blocks()), a)
    step = max(1, _BATCH_BYTES // max(1, 8 * n))
    frame = _fetched(a, spark, spans, lambda p: vectors(p, step), _vectors())
    if form == "dataframe":
        return frame
    from pyspark.mllib.linalg.distributed import IndexedRowMatrix
    from pyspark.mllib.util import MLUtils

    rows: Any = MLUtils.convertVectorColumnsFromML(frame, "vector")
    return IndexedRowMatrix(rows, *a.shape)


def _vectors() -> Any:
    from pyspark.ml.linalg import VectorUDT
    from pyspark.sql.types import LongType, StructField, StructType

    return StructType(
        [StructField("index", LongType(), False), StructField("vector", VectorUDT(), False)]
    )


def _blocks() -> Any:
    from pyspark.mllib.linalg import MatrixUDT
    from pyspark.sql.types import LongType, StructField, StructType

    place = StructType([StructField(name, LongType(), False) for name in ("_1", "_2")])
    return StructType(
        [StructField("place", place, False), StructField("block", MatrixUDT(), False)]
    )


def _block_matrix(frame: Any, a: RemoteMatrix) -> Any:
    from pyspark.mllib.common import callMLlibFunc
    from pyspark.mllib.linalg.distributed import BlockMatrix

    made = callMLlibFunc("createBlockMatrix", frame, _BLOCK, _BLOCK, *a.shape)
    return BlockMatrix(made, _BLOCK, _BLOCK)


def _fetched(
    a: RemoteMatrix,
    spark: Any,
    spans: list[Span],
    task_of: Callable[[list[list[Piece]]], Any],
    schema: Any,
) -> Any:
    """A DataFrame of what tasks fetch, one for each span of rows; in Spark's storage."""
    session = a.session
    start = time.perf_counter()
    rows = a if a.is_by_rows else a.to("VC,STAR")
    placed = time.perf_counter()
    with opened(session, "wire.give", rows) as (_, places):
        parts = [_pieces(span, places, a.shape[0]) for span in spans]

        def action() -> Any:
            numbers = spark.range(0, len(parts), 1, max(1, len(parts)))
            frame = mapped(session, numbers, task_of(parts), schema)
            return frame.localCheckpoint(eager=True)

        frame = job(session, spark, "to_spark", action)
    end = time.perf_counter()
    width = a.shape[1] * a.dtype.itemsize
    pieces = [piece for part in parts for piece in part]
    shares = []
    for place in places:
        own = [last - first for held, first, last in pieces if held is place]
        shares.append(Share(len(own), sum(own) * width, 0, 0.0, placed - start))
    session.transfers.note(
        "to_spark", a.name or a.id, shares, seconds=end - start, send=end - placed
    )
    return frame


def _spans(a: RemoteMatrix, partitions: int | None) -> list[Span]:
    """The rows of each partition: of one rank alone."""
    ranks, m = len(a.session.ranks), a.shape[0]
    wanted = ranks if partitions is None else index_of(partitions, "to_spark: partitions")
    if wanted < 1:
        raise InvalidArgument(f"to_spark: partitions must be positive: got {wanted}")
    each = max(1, -(-wanted // ranks))
    spans = []
    for begin, end in rows_of_ranks(ranks, m):
        step = max(1, -(-(end - begin) // each))
        spans += [(i, min(i + step, end)) for i in range(begin, end, step)]
    return spans


def _pieces(span: Span, places: list[Place], m: int) -> list[Piece]:
    """Which rank has which of these rows, in [VC,STAR]."""
    owned = rows_of_ranks(len(places), m)
    cuts = [(max(span[0], first), min(span[1], last)) for first, last in owned]
    return [
        (place, begin, end) for place, (begin, end) in zip(places, cuts, strict=True) if begin < end
    ]
