# SPDX-License-Identifier: BSD-3-Clause
"""The example of iterative methods from end to end: what it prints, on one rank and on three."""

from __future__ import annotations

import re

import pytest
from test_demo import mpirun, script

pytestmark = pytest.mark.time_limit(300)


def test_kernel_ridge() -> None:
    """Other numbers of ranks change the last digits of LSQR; clusters are the same."""
    found = []
    for ranks in (1, 3):
        run = mpirun(ranks, *script("kernel_ridge.py"))
        assert run.returncode == 0, run.stdout + run.stderr
        kernel, pixels = re.findall(r"(\d+\.\d)%", run.stdout)[:2]
        assert float(kernel) > 97
        assert float(kernel) > float(pixels) + 4
        clusters = re.findall(r"^k-means: .*$", run.stdout, re.MULTILINE)
        assert len(clusters) == 1, run.stdout  # one rank prints
        found += clusters
    assert found[0] == found[1]
