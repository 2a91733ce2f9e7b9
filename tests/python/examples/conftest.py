# SPDX-License-Identifier: BSD-3-Clause
"""The examples are no package: their folder is put on the path, as Python does for a script."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "python"))


class Alone:
    """A communicator of one rank that needs no MPI."""

    rank = 0
    size = 1

    def allgather(self, value: object) -> list[object]:
        return [value]


@pytest.fixture(scope="session")
def alone() -> Alone:
    return Alone()
