# SPDX-License-Identifier: BSD-3-Clause
"""The command line that flights.py, flights_dask.py and flights_spark.py have in common.

Next: flights_data.py, which reads the flights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from flights_data import DataError


def parser(prog: str, description: str, *, matrix: bool = True) -> argparse.ArgumentParser:
    """Say which arguments there are; `matrix` tells whether the matrix is written to a file."""
    found = argparse.ArgumentParser(prog=prog, description=description)
    found.add_argument("--rows", type=int, help="use so many flights, spread over the year")
    found.add_argument("--rank", type=positive, default=20, help="components wanted (default: 20)")
    found.add_argument(
        "--output",
        type=Path,
        default=Path("build/demo"),
        help="folder for the picture and the matrix (default: build/demo)",
    )
    found.add_argument("--no-picture", dest="picture", action="store_false")
    if matrix:
        found.add_argument(
            "--no-matrix",
            dest="matrix",
            action="store_false",
            help="write no file for the C++ example",
        )
    return found


def require_rank(rank: int, shape: tuple[int, int]) -> None:
    """Raise unless a matrix of that shape has so many components."""
    if rank > min(shape):
        raise DataError(f"--rank must be at most {min(shape)}, as A is {shape}: got {rank}")


def positive(text: str) -> int:
    """Read a number that is at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1: got {number}")
    return number


positive.__name__ = "int"  # as argparse names a type in its messages
