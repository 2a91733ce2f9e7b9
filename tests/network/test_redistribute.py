# SPDX-License-Identifier: BSD-3-Clause
"""Redistributions between two hosts over TCP: every element is right, and came over the cable.

Next: `moving` (what runs on each rank).
"""

import os

import pytest
from two_hosts import HERE

pytestmark = pytest.mark.time_limit(300)
WITHIN = 240.0
EXTENT, CASES = ("all", 2 * 14 + 3 + 3) if os.environ.get("MATRASS_CAMPAIGN") else ("sample", 6)
SMALL = 1 << 20  # bytes of everything else that ranks say to each other meanwhile

# Of each run: its environment, and whether the ranks of the two hosts then know that these are two.
RUNS = {
    "messages only": ({"MATRASS_PATH": "message"}, True),
    "direct on a host, messages between": (
        {"MATRASS_PATH": "direct", "MATRASS_RANKS_PER_NODE": "2"},
        True,
    ),
    "hosts that number their own processes": ({"MATRASS_TEST_OWN_PIDS": "1"}, True),
    # One kernel and one numbering of processes: they find each other's memory, and use it.
    "hosts that share memory": ({"MATRASS_PATH": "direct"}, False),
}


@pytest.mark.parametrize("run", RUNS)
def test_what_has_to_cross_crosses_the_cable(hosts, run):
    environment, over_cable = RUNS[run]
    code, lines, output = hosts.mpiexec(environment, str(HERE / "moving.py"), EXTENT, within=WITHIN)
    assert code == 0, output
    assert hosts.ended()
    assert len(lines) == CASES, output
    for line in lines:
        assert line["sound"], line
        for sent, must in zip(line["sent"], line["must"], strict=True):
            assert sent >= must if over_cable else sent < SMALL, line
    assert sum(sum(line["must"]) for line in lines) > 1e8
