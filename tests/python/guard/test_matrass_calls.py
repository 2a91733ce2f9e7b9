# SPDX-License-Identifier: BSD-3-Clause
"""A rank is killed inside one of matrass's own calls: the others get RankLostError and go on.

The victim kills itself at a fraction of the operations that the call starts on it. Nobody cleans
the world up. Next: `matrass_rank` (what runs on each rank).
"""

import ast
import itertools
import signal
import sys

import pytest
from world import HERE, World


def routines():
    """The names in support/routines.py, which loads MPI: so it is read."""
    source = HERE.parent / "support" / "routines.py"
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "OPERANDS":
            keys = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
            return [key for key in dict.fromkeys(keys) if key not in {"right", "left"}]
    raise AssertionError(source)


CALLS = [
    "to", "product_on_new_grid", "tsqr", "from_tiles", "from_global", "from_function", "numpy",
    "DistMatrix", "element", "assign", "copy", "from_dense", "to_dense", "sparse product",
    "sparse svd", "sum", "add", "random", *routines(),
]  # fmt: skip
SIZES = (2, 3, 4)
FRACTIONS = [i / 8 for i in range(9)]

DEATHS = list(itertools.product(CALLS, SIZES, FRACTIONS))
# Every third call once; sizes and moments go round.
SAMPLE = [(call, SIZES[i % 3], FRACTIONS[(5 * i + 3) % 9]) for i, call in enumerate(CALLS[::3])]
LATER = {*CALLS, "Grid", "Grid of another communicator", "from_local"}
WITHIN = 1.0  # seconds after the flag was set
pytestmark = pytest.mark.time_limit(300)


def run(size, victim, scenario):
    """The outcome of each rank; matrass itself finds the guard."""
    program = [sys.executable, "-X", "faulthandler", str(HERE / "matrass_rank.py")]
    return World(size, victim, scenario, program=program, environment={"MPI4PY_LIBMPI": None}).run()


def check_survivor(outcome, reason):
    report = outcome.report
    assert outcome.code == 0, outcome.errors
    assert report["text"] == reason
    assert 0 <= report["seconds"] < WITHIN
    assert report["later"] == dict.fromkeys(LATER, reason)
    assert report["later_seconds"] < WITHIN
    assert report["unchanged"]
    assert report["computed"]


def test_survivors_get_rank_lost_error_and_go_on(death):
    call, size, fraction = death
    victim = (len(call) + size) % size  # any rank, also 0
    outcomes = run(size, victim, {"call": call, "fraction": fraction})
    assert outcomes[victim].code == -signal.SIGKILL, outcomes[victim].errors
    for rank, outcome in enumerate(outcomes):
        if rank != victim:
            check_survivor(outcome, f"rank {victim} of {size} was killed")
    if fraction == 0:  # the victim died before it gave anything to anybody
        assert "call" in {outcome.report.get("where") for outcome in outcomes}


@pytest.mark.parametrize("size", [2, 3])
def test_a_survivor_that_does_not_catch_it_ends_with_its_traceback(size):
    """It does not wait for anybody at exit: MPI_Finalize does nothing in a dead world."""
    scenario = {"call": "norm", "fraction": 0, "uncaught": True}
    for outcome in run(size, 0, scenario)[1:]:
        assert outcome.code == 1
        assert outcome.errors.strip().endswith(f"RankLostError: rank 0 of {size} was killed")


def test_scalapack_goes_through_the_guard():
    """More blocks are more messages of ScaLAPACK's; matrass's own are as many for any shape."""
    for outcome in run(2, -1, {"call": "count"}):
        assert outcome.code == 0, outcome.errors
        few, many = outcome.report["counts"]
        assert few > 0
        assert many > few, outcome.report
