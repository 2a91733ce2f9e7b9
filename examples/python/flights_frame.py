# SPDX-License-Identifier: BSD-3-Clause
"""The same matrix of flights, by Dask: a dask.dataframe of the file becomes a dask.array.

Each partition is a run of the file's pieces, read, cleaned and made numbers where a worker has it.
What no partition can know alone (categories, means, deviations, row numbers) are Dask's reductions.

Next: flights_check.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
from flights_data import (
    CONSTANT,
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
    from pathlib import Path

    import dask.array as da

PARTITIONS = 8
USABLE = "usable"
GROUPS = ["on", "by", "from", "to"]


@dataclass(frozen=True, kw_only=True)
class FlightsArray(Description):
    """The description, the matrix, and who flew each of its rows."""

    x: da.Array
    airline: da.Array  # for each row a number: the place in `airlines`
    airlines: list[str]


def load_flights(rows: int | None = None) -> FlightsArray:
    """Read, clean and standardise the flights; `rows` takes so many, spread evenly over the file.

    By the workers of Dask's current client, in whose memory the matrix stays.
    """
    frame = dd.from_map(read_partition, range(PARTITIONS), folder=data_folder()).persist()
    total = len(frame)
    if rows is not None:
        require_rows(rows, total)
        end = frame["flight"].cumsum()  # 1, 2, ...: how many flights there are up to this one
        frame = frame[end * rows // total > (end - 1) * rows // total].persist()
    kept = frame[frame["fate"] == USABLE]
    labels = kept.map_partitions(labels_of)
    fates, lengths, *seen = dask.compute(
        frame["fate"].value_counts(split_out=1),
        kept.map_partitions(len),
        *(labels[word].unique(split_out=1) for word in GROUPS),
    )
    usable, rows_read = int(fates.get(USABLE, 0)), int(fates.sum())
    require_enough(usable, rows_read)
    categories = {word: in_order(each) for word, each in zip(GROUPS, seen, strict=True)}

    numbers = kept.map_partitions(numbers_of, categories)
    names = np.array(list(numbers.columns))
    x = numbers.to_dask_array(lengths=tuple(lengths)).persist()
    mean = x.sum(axis=0).compute() / usable  # a partition may be empty: it has no mean
    deviation = np.sqrt(((x - mean) ** 2).sum(axis=0).compute() / usable)
    varies = deviation > CONSTANT * np.abs(mean)
    if not varies.all():
        x, mean, deviation = x[:, varies], mean[varies], deviation[varies]
    airline = labels["by"].map_partitions(
        codes_of, categories["by"], meta=pd.Series(dtype=np.int64)
    )
    return FlightsArray(
        x=((x - mean) / deviation).persist(),
        airline=airline.to_dask_array(lengths=tuple(lengths)),
        airlines=categories["by"],
        shape=(usable, len(mean)),
        columns=names[varies].tolist(),
        groups={word: len(each) for word, each in categories.items()},
        mean=mean,
        deviation=deviation,
        rows_read=rows_read,
        dropped={reason: int(fates.get(reason, 0)) for reason in why_unusable(frame._meta)},
        constant=names[~varies].tolist(),
    )


def read_partition(number: int, folder: Path) -> pd.DataFrame:
    """Read a run of flights, with the weather and with why each is not usable."""
    table = read_pieces(folder / "flights.csv.zip", number, PARTITIONS).drop(columns="piece")
    table = join_names(table, folder)
    reasons = why_unusable(table)
    fate = np.select(list(reasons.values()), list(reasons), default=USABLE)
    return table.assign(fate=fate, flight=1)


def numbers_of(table: pd.DataFrame, categories: dict[str, list[str]]) -> pd.DataFrame:
    """Every column of the matrix."""
    return pd.DataFrame(numeric_columns(table, categories))


def codes_of(labels: pd.Series[Any], categories: list[str]) -> pd.Series[Any]:
    """The place of each label among the categories."""
    return pd.Series(pd.Index(categories).get_indexer(labels))
