# SPDX-License-Identifier: BSD-3-Clause
"""flights_spark.py from end to end, with fewer flights: MLlib and matrass find the same."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import flights_data
import matplotlib.image
import numpy as np
import pytest
from example_runs import NUMBER, numbers_of, run, script

if TYPE_CHECKING:
    from pathlib import Path

    from mpi4py.MPI import Comm

pytest.importorskip("pyspark")

ROWS = 3_000
EXAMPLE = script("flights_spark.py")

pytestmark = [
    pytest.mark.time_limit(300),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs a Java"),
]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the output of one run on two slots."""
    folder = tmp_path_factory.mktemp("spark")
    done = run(*EXAMPLE, f"--rows={ROWS}", "--rank=8", f"--output={folder}")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_both_find_the_same(example: tuple[Path, str]) -> None:
    text = example[1]
    assert "all checks hold" in text
    for label, bound in [
        ("singular values: |S - MLlib's| / s1", 1e-10),
        ("MLlib: max |A.T u - s v| / s1", 1e-9),
        ("matrass: max |A.T u - s v| / s1", 1e-9),
    ]:
        measured, printed = numbers_of(text, label)
        assert printed == bound
        assert 0 < measured <= bound  # some rounding there always is


def test_matrix_is_that_of_the_other_examples(example: tuple[Path, str], alone: Comm) -> None:
    """Its size, and the variance in its first components: those of what one process reads."""
    text = example[1]
    flights = flights_data.load_flights(alone, ROWS)
    m, n = flights.shape
    assert f"{ROWS:,} read, {ROWS - m} left out" in text
    assert f"{m:,} x {n} of float64" in text
    share = 100 * np.linalg.svd(flights.block, compute_uv=False) ** 2 / (m * n)
    rows = re.findall(rf"^ (\d+) +({NUMBER})% ", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 9))
    printed = [float(percent) for _, percent in rows]
    np.testing.assert_allclose(printed, share[:8], rtol=0, atol=0.0501)


def test_seconds_are_side_by_side(example: tuple[Path, str]) -> None:
    parts = [
        numbers_of(example[1], label)
        for label in ("DataFrame -> vectors; ranks' tiles", "left vectors -> Spark", "together")
    ]
    assert all(len(both) == 2 and min(both) >= 0 for both in parts)


def test_partitions_are_adopted(example: tuple[Path, str]) -> None:
    """Each is read in a rank: nothing has moved before the ranks took it."""
    rows = re.findall(rf"^ +\d +put flights((?: +{NUMBER}){{4}})", example[1], re.MULTILINE)
    assert len(rows) == 2
    for chunks, size, adopted, moved in (map(float, row.split()) for row in rows):
        assert chunks > 0
        assert size == adopted > 0
        assert moved == 0


def test_picture_is_drawn(example: tuple[Path, str]) -> None:
    picture = matplotlib.image.imread(example[0] / "flights_spark.png")
    assert min(picture.shape[:2]) > 800
    assert picture[:, :, :3].std() > 0.05


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--rank=0"], 2, "--rank: must be at least 1: got 0"),
        (["--rows=400000"], 1, "--rows must be between 2 and 336776: got 400000"),
    ],
)
def test_wrong_arguments_are_one_message(
    arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    done = run(*EXAMPLE, f"--output={tmp_path}", *arguments)
    assert done.returncode == code, done.stderr
    assert done.stderr.count(message) == 1, done.stderr
    assert "Traceback" not in done.stderr
