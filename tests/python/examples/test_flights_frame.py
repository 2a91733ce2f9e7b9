# SPDX-License-Identifier: BSD-3-Clause
"""The matrix of flights by Dask: the same as without it, whatever the partitions hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dask
import flights_data
import flights_frame
import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mpi4py.MPI import Comm

pytestmark = pytest.mark.time_limit(180)


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    """No cluster: what is computed is the same."""
    with dask.config.set(scheduler="threads"):
        yield


@pytest.mark.parametrize("rows", [None, 20_000, 500, 12])  # 12: a partition without a usable flight
def test_matrix_is_that_of_one_reader(rows: int | None, alone: Comm) -> None:
    """Sums in another order differ in the last digits; the longest value is sqrt(m) deviations."""
    mine, exact = flights_frame.load_flights(rows), flights_data.load_flights(alone, rows)
    for name in ("shape", "columns", "groups", "rows_read", "dropped", "constant"):
        assert getattr(mine, name) == getattr(exact, name), name
    m = exact.shape[0]
    rounding = 10 * np.sqrt(m) * np.finfo(float).eps
    np.testing.assert_allclose(mine.mean, exact.mean, rtol=rounding, atol=rounding)
    np.testing.assert_allclose(mine.deviation, exact.deviation, rtol=rounding)
    assert mine.x.shape == exact.shape
    assert len(mine.x.chunks[0]) == flights_frame.PARTITIONS
    block = mine.x.compute()
    assert np.abs(block - exact.block).max() <= rounding * np.sqrt(m)
    names = np.array(mine.airlines)[mine.airline.compute()]
    for name in mine.airlines:
        j = mine.columns.index(f"by {name}")
        assert np.array_equal(names == name, block[:, j] > 0)


def test_rows_are_those_of_the_file(alone: Comm) -> None:
    """In the file's order: departure delays as pandas has them, which reads it as a whole."""
    mine = flights_frame.load_flights()
    whole = pd.read_csv(flights_data.data_folder() / "flights.csv.zip")
    weather = pd.read_csv(flights_data.data_folder() / "weather.csv").dropna(
        subset=list(flights_data.WEATHER)
    )
    kept = whole[whole["air_time"].notna()].merge(
        weather[["origin", "time_hour"]], on=["origin", "time_hour"]
    )
    j = mine.columns.index("departure delay")
    found = mine.x[:, j].compute() * mine.deviation[j] + mine.mean[j]
    np.testing.assert_allclose(found, kept["dep_delay"], atol=1e-9)


@pytest.mark.parametrize("rows", [-5, 0, 1, 336_777])
def test_a_number_of_rows_that_cannot_be_is_an_error(rows: int) -> None:
    with pytest.raises(flights_data.DataError, match=rf"between 2 and 336776: got {rows}"):
        flights_frame.load_flights(rows)


def test_too_few_usable_rows_are_an_error() -> None:
    with pytest.raises(flights_data.DataError, match="1 of 2 flights are usable"):
        flights_frame.load_flights(2)


def test_constant_columns_are_left_out(monkeypatch: pytest.MonkeyPatch, alone: Comm) -> None:
    """As of a day on which it is always Tuesday."""
    numeric = flights_frame.numeric_columns

    def flat(table: pd.DataFrame, categories: dict[str, list[str]]) -> dict[str, np.ndarray]:
        columns = numeric(table, categories)
        return columns | {"winter": np.full(len(table), 0.1), "air time": np.zeros(len(table))}

    monkeypatch.setattr(flights_frame, "numeric_columns", flat)
    some = flights_frame.load_flights(2_000)
    assert some.constant == ["air time", "winter"]
    assert not set(some.constant) & set(some.columns)
    assert some.x.shape == some.shape == (len(some.airline), len(some.columns))
    assert np.abs(some.x.std(axis=0).compute() - 1).max() < 1e-12
