# SPDX-License-Identifier: BSD-3-Clause
"""Cases of getting there and back: opening sessions, put, and many partitions.

Next: ``growth.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import matrass as mt
import pyarrow as pa
from lines import median
from matrass.spark.packing import in_small_batches
from setting import RANKS, known_rows, released, scaled, spark_session, tell

LARGE = (100_000, 1_000)
SMALL = (25_000, 1_000)
PARTITIONS = (1, 4, 16, 64, 256)
MANY = 64


def open_session(scale: float, repeats: int) -> None:
    """From nothing to ranks, beside a barrier stage that does nothing; and SPMD in one stage."""

    def alone(batches: Iterator[Any]) -> Iterator[Any]:
        yield from batches

    def size(grid: Any, a: Any) -> int:
        return int(grid.size)

    with spark_session() as spark:
        numbers = spark.range(0, RANKS, 1, RANKS)
        numbers.collect()
        barrier = numbers.mapInArrow(alone, "id long", barrier=True)
        first = {
            "barrier_stage": in_ms(barrier.collect),
            "session": in_ms(lambda: mt.spark.Session(spark).close()),
            "run": in_ms(lambda: mt.spark.run(numbers, size)),
        }
        later = {
            "barrier_stage": median(repeats, barrier.collect),
            "session": median(repeats, lambda: mt.spark.Session(spark).close()),
            "run": median(repeats, lambda: mt.spark.run(numbers, size)),
        }
    tell("open_session", first_ms=first, later_ms=later)


def in_ms(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return round(1e3 * (time.perf_counter() - start), 2)


def put(scale: float, repeats: int) -> None:
    """A cached frame of arrays to the ranks, against a task that only looks at its batches."""
    shape = scaled(LARGE, scale)
    size = shape[0] * shape[1] * 8
    with spark_session() as spark:
        frame = known_rows(spark, shape)
        with mt.spark.Session(spark) as s:
            mine = median(repeats, lambda: s.put(frame))
            lines = s.transfers[-RANKS:]
        limit = median(repeats, lambda: look(frame))
        in_batches = in_small_batches(frame)
        limit_of_batches = median(repeats, lambda: look(in_batches))
    tell(
        "put",
        shape=shape,
        bytes=size,
        matrass_ms=mine,
        map_in_arrow_ms=limit,
        map_in_arrow_small_batches_ms=limit_of_batches,
        matrass_gb_per_s=round(size / mine / 1e6, 3),
        map_in_arrow_gb_per_s=round(size / limit / 1e6, 3),
        adopted=sum(line.adopted for line in lines) / size,
        place_ms=round(1e3 * max(line.place for line in lines), 1),
        of_limit=round(limit / mine, 3),
        at_least=0.8,
    )


def look(frame: Any) -> None:
    """The limit that Spark sets: all rows come to Python, which makes NumPy views of them."""

    def views(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            x = batch.column(0).flatten().to_numpy().reshape(batch.num_rows, -1)
            yield pa.RecordBatch.from_pydict({"rows": [len(x)]})

    seen = frame.mapInArrow(views, "rows long").collect()
    assert sum(each.rows for each in seen) == frame.count()


def partitions(scale: float, repeats: int) -> None:
    """The same matrix in more and more partitions, there and back."""
    shape = scaled(SMALL, scale)
    with spark_session() as spark:
        for each in PARTITIONS:
            parts = each * RANKS
            times = repeats if each < MANY else max(1, repeats // 2)
            frame = known_rows(spark, shape, parts)
            with mt.spark.Session(spark) as s:
                there = median(times, lambda frame=frame: s.put(frame))
                a = s.put(frame)
                back = median(times, lambda a=a, parts=parts: a.to_spark(spark, partitions=parts))
            limit = median(times, lambda frame=frame: look(frame))
            released(frame)
            tell(
                "partitions",
                shape=shape,
                bytes=shape[0] * shape[1] * 8,
                partitions_a_rank=each,
                put_ms=there,
                map_in_arrow_ms=limit,
                to_spark_ms=back,
            )
