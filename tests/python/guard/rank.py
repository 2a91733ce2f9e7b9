# SPDX-License-Identifier: BSD-3-Clause
"""One rank of a fault test: `python rank.py '{"kind": ..., ...}'`; prints its report as JSON.

The victim kills itself in the middle of the work. A survivor must get an exception, must find every
later MPI call failing at once, goes on computing, and leaves by the normal way out of Python.
Next: `calls` (mpi4py's calls by name).
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

faulthandler.register(signal.SIGUSR1, all_threads=True)

import numpy as np  # noqa: E402
from mpi4py import MPI  # noqa: E402

os.environ.pop("LD_PRELOAD", None)
COMM = MPI.COMM_WORLD
IS_VICTIM = COMM.rank == int(os.environ["GUARD_VICTIM"])
TEXT_SIZE = 2048
INTERRUPTED = 1  # shim_run's status


def load_shim() -> ctypes.PyDLL:
    """PyDLL: its calls keep the GIL, so that only a native thread can set the flag meanwhile."""
    shim = ctypes.PyDLL(os.environ["GUARD_SHIM"])
    shim.shim_seconds_since_flag.restype = ctypes.c_double
    return shim


SHIM = load_shim()


def run_routine(name: str) -> tuple[int, int, str]:
    info = ctypes.c_int()
    text = ctypes.create_string_buffer(TEXT_SIZE)
    status = SHIM.shim_run(name.encode(), ctypes.byref(info), text, TEXT_SIZE)
    return status, info.value, text.value.decode()


def arm(starts: int, polls: int) -> None:
    """The victim dies at its n-th start of an operation, or its n-th poll, from now on."""
    if IS_VICTIM:
        ctypes.CDLL(None).victim_arm(ctypes.c_long(starts), ctypes.c_long(polls))


def attempt(call: Callable[[], object]) -> dict[str, Any] | None:
    """What is to be reported if `call` raises, else None."""
    try:
        call()
    except MPI.Exception as error:
        seconds = SHIM.shim_seconds_since_flag()
        return {"where": "call", "text": str(error), "seconds": seconds}
    return None


def until_exception(call: Callable[[], object]) -> dict[str, Any]:
    while True:
        if report := attempt(call):
            return report


def routine_scenario(scenario: dict[str, Any]) -> dict[str, Any]:
    """The routine once in full, then again: the victim dies at a fraction of what it starts."""
    SHIM.shim_grid(scenario["n"], scenario["block"])
    name = scenario["routine"]
    arm(0, 0)
    run_routine(name)
    starts = ctypes.CDLL(None).victim_count() if IS_VICTIM else 0
    if report := attempt(COMM.Barrier):  # the victim may be dead before all have left this
        return report
    arm(max(1, round(scenario["fraction"] * starts)), 0)
    status, _, text = run_routine(name)
    if status == INTERRUPTED:
        return {"where": "routine", "text": text, "seconds": SHIM.shim_seconds_since_flag()}
    return until_exception(COMM.Barrier)  # this rank needed nothing more of the victim


def call_scenario(scenario: dict[str, Any]) -> dict[str, Any]:
    import calls

    call = calls.CALLS[scenario["call"]](COMM)
    for _ in range(scenario.get("rounds", 3)):
        call()
    if "polls" not in scenario:
        return {"where": "end"}  # nobody is to die
    if report := attempt(COMM.Barrier):
        return report
    arm(0, scenario["polls"])
    return until_exception(call)


def go_on() -> dict[str, Any]:
    """What a survivor must still be able to do: find MPI closed, and compute."""
    begin = time.monotonic()
    calls = (COMM.Barrier, COMM.Dup, COMM.irecv, lambda: COMM.send(1, 0))
    texts = [report["text"] for call in calls if (report := attempt(call))]
    seconds = time.monotonic() - begin
    x = np.random.default_rng(1).normal(size=(200, 200))
    correct = bool(np.allclose(np.linalg.solve(x, x @ np.ones(200)), 1))
    return {"later": texts, "later_seconds": seconds, "computed": correct}


def main() -> None:
    scenario = json.loads(sys.argv[1])
    SHIM.shim_watch(int(os.environ["GUARD_LIFELINE"]))
    COMM.Barrier()
    report = (routine_scenario if "routine" in scenario else call_scenario)(scenario)
    if report["where"] != "end":
        report |= go_on()
    print(json.dumps(report), flush=True)


main()
