# SPDX-License-Identifier: BSD-3-Clause
"""Ranks on two hosts that only a network joins; time limits with stacks."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))
sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "support"))
sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "guard"))

from two_hosts import TwoHosts, why_not

pytest_plugins = ("spmd.plugin",)


@pytest.fixture(scope="session")
def hosts():
    if reason := why_not():
        pytest.skip(reason)
    with TwoHosts() as made:
        yield made
