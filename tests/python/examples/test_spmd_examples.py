# SPDX-License-Identifier: BSD-3-Clause
"""The examples that every rank runs: flights.py and the short ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import flights_data
import numpy as np
import pytest
from example_runs import mpirun, numbers_of, script

if TYPE_CHECKING:
    from pathlib import Path

    from mpi4py.MPI import Comm

ROWS = 20_000
FLIGHTS = script("flights.py")

pytestmark = pytest.mark.time_limit(300)


@pytest.mark.parametrize("ranks", [1, 3])
def test_flights(ranks: int, alone: Comm, tmp_path: Path) -> None:
    """The table, and a file that holds what was read, to the last bit on any number of ranks."""
    done = mpirun(ranks, *FLIGHTS, f"--rows={ROWS}", f"--output={tmp_path}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    assert "19,331 x 141 of float64" in done.stdout
    assert "all checks hold" in done.stdout
    assert done.stdout.count("Principal components") == 1  # rank 0 speaks for all
    for step in ("read: each rank its own rows", "put: row blocks -> [VC,STAR]"):
        assert len(numbers_of(done.stdout, step)) == 1
    assert (tmp_path / "flights.png").exists()
    flights = flights_data.load_flights(alone, ROWS)
    matrix = np.load(tmp_path / "flights.npy")
    assert np.array_equal(matrix, flights.block)
    spectrum = np.loadtxt(tmp_path / "flights_spectrum.txt")
    exact = np.linalg.svd(matrix, compute_uv=False)[:20]
    assert np.abs(spectrum[:, 0] - exact).max() <= 1e-10 * exact[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rank=0"], "--rank: must be at least 1: got 0"),
        (["--rank=1000", "--rows=500"], "--rank must be at most "),
        (["--rows=400000"], "--rows must be between 2 and 336776: got 400000"),
        ([f"--output={__file__}"], "--output: "),
    ],
)
def test_wrong_arguments_are_one_message(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    where = [] if any("--output" in a for a in arguments) else [f"--output={tmp_path}"]
    done = mpirun(2, *FLIGHTS, *where, *arguments)
    assert done.returncode != 0
    assert done.stderr.count(message) == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_hello_matrix() -> None:
    """Rank 2 with sqrt(m n) / 2 = 1000 twice; tol is 1e-10, and 9 digits are printed."""
    done = mpirun(2, *script("hello_matrix.py"))
    assert done.returncode == 0, done.stdout + done.stderr
    printed = re.findall(r"^singular values: \[(.*?)\]", done.stdout, re.MULTILINE)
    assert len(printed) == 1, done.stdout
    values = [float(word) for word in printed[0].split()]
    np.testing.assert_allclose(values, [1000, 1000, 0], rtol=0, atol=1e-5)
    for rank in (0, 1):
        assert done.stdout.count(f"rank {rank} holds ") == 1


def test_kernel_ridge() -> None:
    """Other numbers of ranks change the last digits of LSQR; clusters are the same."""
    found = []
    for ranks in (1, 3):
        done = mpirun(ranks, *script("kernel_ridge.py"))
        assert done.returncode == 0, done.stdout + done.stderr
        kernel, pixels = re.findall(r"(\d+\.\d)%", done.stdout)[:2]
        assert float(kernel) > 97
        assert float(kernel) > float(pixels) + 4
        clusters = re.findall(r"^k-means: .*$", done.stdout, re.MULTILINE)
        assert len(clusters) == 1, done.stdout  # one rank prints
        found += clusters
    assert found[0] == found[1]
