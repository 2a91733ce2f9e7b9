# SPDX-License-Identifier: BSD-3-Clause
"""A rank is killed while matrices move between two hosts: the others lose nothing, or all end.

Next: `moving_rank` of tests/python/guard (what runs on each rank), `endless`.
"""

import itertools
import os
import random
import signal
import sys

import leftovers
import pytest
from two_hosts import HERE, RANKS, TCP
from world import HERE as GUARD_TESTS
from world import World

# Of each path: its environment, and how many ranks' memory each rank has mapped.
PATHS = {
    "message": ({"MATRASS_PATH": "message"}, 1),
    "mixed": ({"MATRASS_PATH": "direct", "MATRASS_RANKS_PER_NODE": "2"}, 2),
}
SEEDS = range(40 if os.environ.get("MATRASS_CAMPAIGN") else 2)
EXCEPTION_WITHIN = 1.0  # seconds after the flag was set
END_WITHIN = 120.0
pytestmark = pytest.mark.time_limit(300)


@pytest.mark.parametrize(("path", "seed"), list(itertools.product(PATHS, SEEDS)))
def test_survivors_keep_what_they_have(hosts, path, seed):
    """Ranks that nobody manages, told of the death by a pipe."""
    environment, mapped = PATHS[path]
    draw = random.Random(f"{path} {seed}")
    victim, delay = draw.randrange(RANKS), draw.uniform(0.05, 0.5)
    before = leftovers.names()
    program = [sys.executable, "-X", "faulthandler", str(GUARD_TESTS / "moving_rank.py")]
    more = environment | TCP | {"MPI4PY_LIBMPI": None}  # matrass itself finds the guard
    outcomes = World(RANKS, victim, {"delay": delay}, program, more, hosts).run()
    assert outcomes[victim].code == -signal.SIGKILL, outcomes[victim].errors
    for rank, outcome in enumerate(outcomes):
        if rank == victim:
            continue
        assert outcome.code == 0, outcome.errors
        assert outcome.report["text"] == f"rank {victim} of {RANKS} was killed"
        assert 0 <= outcome.report["seconds"] < EXCEPTION_WITHIN
        assert outcome.report["unchanged"]
        assert outcome.report["usable"]
    assert [len(outcome.report["files"]) for outcome in outcomes] == [mapped] * RANKS
    assert leftovers.new_names(before) == set()
    assert hosts.ended()


@pytest.mark.parametrize("victim", [0, 3])
def test_mpiexec_ends_the_others(hosts, victim):
    """Ranks that mpiexec manages, on both hosts."""
    program = str(HERE / "endless.py")
    code, lines, output = hosts.mpiexec(
        {"MATRASS_PATH": "message"}, program, str(victim), within=END_WITHIN
    )
    assert code != 0, output
    assert lines == [{"victim": victim}]  # it got so far
    assert hosts.ended()
