# SPDX-License-Identifier: BSD-3-Clause
"""A rank is killed in the middle of a routine or call: the others live, know why, and go on.

The victim kills itself at a fraction of the operations that the routine starts on it, or at one of
the polls of a call. Nobody cleans the world up. 2 to 4 ranks share the machine's cores.
"""

import itertools
import signal

import calls
import pytest
from world import World

ROUTINES = [
    "pdgemm", "pdsyrk", "pdtrsm", "pdtran", "pdgeadd", "pdgesv", "pdgetri", "pdpotrf", "pdgeqrf",
    "pdgels", "pdsyevd", "pdgesvd", "pdgemr2d",
]  # fmt: skip
SIZES = (2, 3, 4)
FRACTIONS = [i / 12 for i in range(13)]
POLLS = (1, 2, 3, 7, 40, 1000)

ROUTINE_DEATHS = list(itertools.product(ROUTINES, SIZES, FRACTIONS))
CALL_DEATHS = list(itertools.product(calls.CALLS, SIZES, POLLS))
TRANSPOSITIONS = {"pdtran", "pdgeadd"}


def certain(routine, size):
    """Fractions at which somebody needs more of the victim: the exception comes by the routine.

    A transposition is one message between two ranks, and of 2 x 2 ranks two keep what they have.
    """
    if routine in TRANSPOSITIONS:
        return [0.0] if size < 4 else []
    return [fraction for fraction in FRACTIONS if fraction <= 0.5]


def moment_of(i, routine, size):
    moments = certain(routine, size)
    return moments[(5 * i + 3) % len(moments)]


# Each routine and call once; sizes and moments go round.
ROUTINE_SAMPLE = [(r, SIZES[i % 3], moment_of(i, r, SIZES[i % 3])) for i, r in enumerate(ROUTINES)]
CALL_SAMPLE = [(c, SIZES[i % 3], POLLS[i % 6]) for i, c in enumerate(calls.CALLS)]
DEATHS = ROUTINE_DEATHS + CALL_DEATHS
SAMPLE = ROUTINE_SAMPLE + CALL_SAMPLE
pytestmark = pytest.mark.time_limit(300)
EXCEPTION_WITHIN = 1.0  # seconds after the flag was set


def scenario(what, moment):
    if what in ROUTINES:
        n = 96 if what in {"pdsyevd", "pdgesvd"} else 192  # these two talk the most
        return {"routine": what, "fraction": moment, "n": n, "block": 16}
    return {"call": what, "polls": moment}


def check_survivor(outcome, reason):
    report = outcome.report
    assert outcome.code == 0, outcome.errors
    assert reason in report["text"], report
    assert 0 <= report["seconds"] < EXCEPTION_WITHIN
    assert len(report["later"]) == 4
    assert all(reason in text for text in report["later"]), report
    assert report["later_seconds"] < EXCEPTION_WITHIN
    assert report["computed"]


def test_survivors_of_a_killed_rank_get_an_exception_and_go_on(death):
    what, size, moment = death
    victim = (len(what) + size) % size  # any rank, also 0
    outcomes = World(size, victim, scenario(what, moment)).run()
    assert outcomes[victim].code == -signal.SIGKILL, outcomes[victim].errors
    for rank, outcome in enumerate(outcomes):
        if rank != victim:
            check_survivor(outcome, f"rank {victim} of {size} was killed")
    if what in ROUTINES and moment in certain(what, size):  # through ScaLAPACK's frames
        assert "routine" in {outcome.report.get("where") for outcome in outcomes}


@pytest.mark.parametrize("size", [2, 4])
def test_a_world_without_a_death_ends_well(size):
    """The worlds of these tests do end by themselves when nobody dies."""
    outcomes = World(size, -1, {"call": "Allreduce", "rounds": 20}).run()
    assert [outcome.code for outcome in outcomes] == [0] * size, outcomes
    assert all(outcome.report["where"] == "end" for outcome in outcomes)
