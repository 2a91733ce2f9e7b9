# SPDX-License-Identifier: BSD-3-Clause
"""Makes the fault tests' own modules importable; says what is missing when nothing was built."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

CAMPAIGN = bool(os.environ.get("MATRASS_CAMPAIGN"))


@pytest.fixture(autouse=True)
def built():
    from world import GUARD, TOOLS

    for path in (GUARD, TOOLS / "libguard_shim.so", TOOLS / "libguard_victim.so"):
        assert path.exists(), f"{path} is missing: ./run build makes it"


def pytest_generate_tests(metafunc):
    """`death`: all of a module's `DEATHS`, or the `SAMPLE` of them without MATRASS_CAMPAIGN."""
    if "death" in metafunc.fixturenames:
        deaths = metafunc.module.DEATHS if CAMPAIGN else metafunc.module.SAMPLE
        metafunc.parametrize("death", deaths, ids=[" ".join(map(str, d)) for d in deaths])
