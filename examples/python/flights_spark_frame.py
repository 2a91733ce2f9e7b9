# SPDX-License-Identifier: BSD-3-Clause
"""The same matrix of flights, by Spark: a DataFrame of numbers, every column standardised.

Each partition is a run of the file's pieces, read, cleaned and made numbers by a Python worker.
What no partition can know alone (categories, means, deviations) are Spark's aggregations.

Next: flights_spark_picture.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import flights_data
import numpy as np
import pandas as pd
import pyarrow as pa
from flights_data import (
    CONSTANT,
    PIECES,
    Description,
    data_folder,
    in_order,
    join_names,
    labels_of,
    numeric_columns,
    read_pieces,
    require_enough,
    require_rows,
    why_unusable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

PARTITIONS = 8
USABLE = "usable"
GROUPS = ["on", "by", "from", "to"]


@dataclass(frozen=True, kw_only=True)
class FlightsFrame(Description):
    """The description, and the matrix: a cached DataFrame of float64 columns."""

    frame: DataFrame


@dataclass(frozen=True)
class Chosen:
    """Which flights of the file are used: `rows` of all, spread evenly, or every one."""

    folder: Path
    starts: list[int]  # of each partition, and the end of the last one
    rows: int | None

    def read(self, part: int) -> pd.DataFrame:
        """One partition's, with the weather and with why each is not usable."""
        table = read_pieces(self.folder / "flights.csv.zip", part, PARTITIONS)
        if self.rows is not None:
            number = self.starts[part] + np.arange(len(table))
            total = self.starts[-1]
            table = table[(number + 1) * self.rows // total > number * self.rows // total]
        return with_fate(table, self.folder)


def load_flights(spark: SparkSession, rows: int | None = None) -> FlightsFrame:
    """Read, clean and standardise the flights; `rows` takes so many, spread evenly over the file.

    By the Python workers of Spark, in whose executors' storage the matrix stays.
    """
    for module in (flights_data.__file__, __file__):  # executors have the packages, not these
        spark.sparkContext.addPyFile(str(Path(module).resolve()))
    folder = data_folder()
    chosen = Chosen(folder, starts_of(spark, folder) if rows else [], rows)
    if rows is not None:
        require_rows(rows, chosen.starts[-1])

    def labels(part: int) -> pd.DataFrame:
        table = chosen.read(part)
        return labels_of(table).assign(fate=table["fate"])

    schema = ", ".join(f"`{word}` string" for word in [*GROUPS, "fate"])
    seen = by_partitions(spark, labels, schema).cache()
    fates = {row["fate"]: row["count"] for row in seen.groupBy("fate").count().collect()}
    usable, rows_read = fates.get(USABLE, 0), sum(fates.values())
    require_enough(usable, rows_read)
    kept = seen.where(seen["fate"] == USABLE)
    categories = {
        word: in_order(row[0] for row in kept.select(word).distinct().collect()) for word in GROUPS
    }
    seen.unpersist()

    def numbers(part: int) -> pd.DataFrame:
        return numbers_of(chosen.read(part), categories)

    sample = with_fate(read_pieces(folder / "flights.csv.zip", 0, PIECES), folder)
    names = np.array(list(numbers_of(sample, categories)))  # what the columns are called
    schema = ", ".join(f"`{name}` double" for name in names)
    frame = by_partitions(spark, numbers, schema).cache()
    mean, deviation = moments_of(frame)
    varies = deviation > CONSTANT * np.abs(mean)
    standard = standardised(frame, names[varies], mean[varies], deviation[varies])
    frame.unpersist()
    return FlightsFrame(
        frame=standard,
        shape=(usable, int(varies.sum())),
        columns=names[varies].tolist(),
        groups={word: len(each) for word, each in categories.items()},
        mean=mean[varies],
        deviation=deviation[varies],
        rows_read=rows_read,
        dropped={reason: fates.get(reason, 0) for reason in why_unusable(sample)},
        constant=names[~varies].tolist(),
    )


def with_fate(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Add the weather, and why each flight is not usable."""
    table = join_names(table, folder)
    reasons = why_unusable(table)
    return table.assign(fate=np.select(list(reasons.values()), list(reasons), default=USABLE))


def numbers_of(table: pd.DataFrame, categories: dict[str, list[str]]) -> pd.DataFrame:
    """Every column of the matrix, of the flights that are usable."""
    return pd.DataFrame(numeric_columns(table[table["fate"] == USABLE], categories))


def by_partitions(
    spark: SparkSession, make: Callable[[int], pd.DataFrame], schema: str
) -> DataFrame:
    """Have a Python worker make each partition."""

    def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for part in batch.column(0).to_pylist():
                yield pa.RecordBatch.from_pandas(make(part), preserve_index=False)

    return spark.range(0, PARTITIONS, 1, PARTITIONS).mapInArrow(task, schema)


def starts_of(spark: SparkSession, folder: Path) -> list[int]:
    """The number of each partition's first flight, and of all."""

    def length(part: int) -> pd.DataFrame:
        table = read_pieces(folder / "flights.csv.zip", part, PARTITIONS)
        return pd.DataFrame({"part": [part], "flights": [len(table)]})

    lengths = by_partitions(spark, length, "part long, flights long").collect()
    return np.cumsum([0, *(row.flights for row in sorted(lengths))]).tolist()


def moments_of(frame: DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of every column."""
    from pyspark.sql.functions import avg, stddev_pop

    names = [f"`{name}`" for name in frame.columns]
    (row,) = frame.agg(*(avg(name) for name in names), *(stddev_pop(name) for name in names)).take(
        1
    )
    mean, deviation = np.split(np.array(row, np.float64), 2)
    return mean, deviation


def standardised(
    frame: DataFrame,
    names: NDArray[np.str_],
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> DataFrame:
    """Give every column mean 0 and deviation 1."""
    from pyspark.sql.functions import col

    columns = [
        ((col(f"`{name}`") - float(m)) / float(d)).alias(name)
        for name, m, d in zip(names.tolist(), mean, deviation, strict=True)
    ]
    result = frame.select(*columns).cache()
    result.count()
    return result
