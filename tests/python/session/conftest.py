# SPDX-License-Identifier: BSD-3-Clause
"""Sessions that tests share, and what must be the same after each."""

from pathlib import Path

import matrass as mt
import pytest
from processes import abandoned_segments, children, eventually


@pytest.fixture(scope="module")
def session():
    """Three ranks: uneven shares."""
    with mt.Session(ranks=3) as s:
        yield s


@pytest.fixture
def nothing_left():
    """No process, thread, descriptor or shared memory stays behind."""

    def state():
        return (
            children(),
            len(list(Path("/proc/self/fd").iterdir())),
            abandoned_segments(),
        )

    before = state()
    yield
    assert eventually(lambda: children() <= before[0]), children() - before[0]
    assert eventually(lambda: state()[1] <= before[1]), "descriptors stay open"
    assert eventually(lambda: state()[2] <= before[2]), state()[2] - before[2]
