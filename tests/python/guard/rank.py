# SPDX-License-Identifier: BSD-3-Clause
"""One rank of a fault test: `python rank.py '{"kind": ..., ...}'`; prints its report as JSON.

The victim kills itself in the middle of the work. A survivor must get an exception, must find every
later MPI call failing at once, goes on computing, and leaves by the normal way out of Python.
Next: `calls` (mpi4py's calls by name), `matrass_rank` (the same for matrass's calls).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import survivor
from mpi4py import MPI

COMM = MPI.COMM_WORLD
IS_VICTIM = COMM.rank == survivor.VICTIM
TEXT_SIZE = 2048
INTERRUPTED = 1  # shim_run's status


def run_routine(name: str) -> tuple[int, int, str]:
    info = ctypes.c_int()
    text = ctypes.create_string_buffer(TEXT_SIZE)
    status = survivor.shim().shim_run(name.encode(), ctypes.byref(info), text, TEXT_SIZE)
    return status, info.value, text.value.decode()


def arm(starts: int, polls: int) -> None:
    if IS_VICTIM:
        survivor.arm(starts, polls)


def attempt(call: Callable[[], object]) -> dict[str, Any] | None:
    """What is to be reported if `call` raises, else None."""
    try:
        call()
    except MPI.Exception as error:
        seconds = survivor.seconds_since_flag()
        return {"where": "call", "text": str(error), "seconds": seconds}
    return None


def until_exception(call: Callable[[], object]) -> dict[str, Any]:
    while True:
        if report := attempt(call):
            return report


def routine_scenario(scenario: dict[str, Any]) -> dict[str, Any]:
    """The routine once in full, then again: the victim dies at a fraction of what it starts."""
    survivor.shim().shim_grid(scenario["n"], scenario["block"])
    name = scenario["routine"]
    arm(0, 0)
    run_routine(name)
    starts = survivor.starts() if IS_VICTIM else 0
    COMM.Barrier()
    survivor.meet(COMM)
    arm(max(1, round(scenario["fraction"] * starts)), 0)
    status, _, text = run_routine(name)
    if status == INTERRUPTED:
        return {"where": "routine", "text": text, "seconds": survivor.seconds_since_flag()}
    return until_exception(COMM.Barrier)  # this rank needed nothing more of the victim


def call_scenario(scenario: dict[str, Any]) -> dict[str, Any]:
    import calls

    call = calls.CALLS[scenario["call"]](COMM)
    for _ in range(scenario.get("rounds", 3)):
        call()
    if "polls" not in scenario:
        return {"where": "end"}  # nobody is to die
    COMM.Barrier()
    survivor.meet(COMM)
    arm(0, scenario["polls"])
    return until_exception(call)


def go_on() -> dict[str, Any]:
    """What a survivor must still be able to do: find MPI closed, and compute."""
    begin = survivor.clock()
    calls = (COMM.Barrier, COMM.Dup, COMM.irecv, lambda: COMM.send(1, 0))
    texts = [report["text"] for call in calls if (report := attempt(call))]
    seconds = survivor.clock() - begin
    x = np.random.default_rng(1).normal(size=(200, 200))
    correct = bool(np.allclose(np.linalg.solve(x, x @ np.ones(200)), 1))
    return {"later": texts, "later_seconds": seconds, "computed": correct}


def main() -> None:
    scenario = survivor.scenario()
    survivor.watch()
    COMM.Barrier()
    report = (routine_scenario if "routine" in scenario else call_scenario)(scenario)
    if report["where"] != "end":
        report |= go_on()
    survivor.report(report)


main()
