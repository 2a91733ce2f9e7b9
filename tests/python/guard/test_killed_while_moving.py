# SPDX-License-Identifier: BSD-3-Clause
"""A rank is killed while ranks copy in each other's memory: the others lose nothing of their own.

On each path of a redistribution, at any moment. What all had in memory is gone with the last one.
Next: `moving_rank` (what runs on each rank).
"""

import itertools
import random
import signal
import sys

import leftovers
import pytest
from world import HERE, World

SIZE = 3
# Of each path: its environment, and how many ranks' memory each rank has mapped.
PATHS = {
    "push": ({"MATRASS_PATH": "push"}, [3, 3, 3]),
    "pull": ({"MATRASS_PATH": "pull"}, [3, 3, 3]),
    "message": ({"MATRASS_PATH": "message"}, [1, 1, 1]),
    "mixed": ({"MATRASS_PATH": "direct", "MATRASS_RANKS_PER_NODE": "2"}, [2, 2, 1]),
}
DEATHS = list(itertools.product(PATHS, range(40)))
SAMPLE = list(itertools.product(PATHS, range(1)))
WITHIN = 1.0  # seconds after the flag was set
pytestmark = pytest.mark.time_limit(300)


def check_survivor(outcome, reason):
    assert outcome.code == 0, outcome.errors
    report = outcome.report
    assert report["text"] == reason
    assert 0 <= report["seconds"] < WITHIN
    assert report["unchanged"]
    assert report["usable"]


def test_survivors_keep_what_they_have_and_nothing_is_left_behind(death):
    path, seed = death
    environment, mapped = PATHS[path]
    draw = random.Random(f"{path} {seed}")
    victim, delay = seed % SIZE, draw.uniform(0.02, 0.2)
    before = leftovers.names()
    program = [sys.executable, "-X", "faulthandler", str(HERE / "moving_rank.py")]
    # matrass itself finds the guard.
    world = World(SIZE, victim, {"delay": delay}, program, environment | {"MPI4PY_LIBMPI": None})
    outcomes = world.run()
    assert outcomes[victim].code == -signal.SIGKILL, outcomes[victim].errors
    for rank, outcome in enumerate(outcomes):
        if rank != victim:
            check_survivor(outcome, f"rank {victim} of {SIZE} was killed")
    files = [outcome.report["files"] for outcome in outcomes]
    assert [len(of_rank) for of_rank in files] == mapped
    ours = {file for of_rank in files for file in of_rank}
    assert len(ours) == SIZE
    assert not {path for inode, path in leftovers.mapped() if inode in ours and "matrass" in path}
    assert leftovers.new_names(before) == set()
