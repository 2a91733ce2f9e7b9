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
RETURNED, INTERRUPTED, ABORTED = range(3)


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


def die_after(fraction: float, work: Callable[[], object]) -> None:
    """Run `work` once in full; arm the victim to die at that fraction of what it started."""
    arm(0, 0)
    work()
    if IS_VICTIM:
        starts = ctypes.CDLL(None).victim_count()
    COMM.Barrier()
    if IS_VICTIM:
        arm(max(1, round(fraction * starts)), 0)


def routine_scenario(scenario: dict[str, Any]) -> dict[str, Any]:
    SHIM.shim_grid(scenario["n"], scenario["block"])
    name = scenario["routine"]
    die_after(scenario["fraction"], lambda: run_routine(name))
    status, _, text = run_routine(name)
    report = {"where": "routine", "text": text, "seconds": SHIM.shim_seconds_since_flag()}
    if status != INTERRUPTED:  # this rank needed nothing more of the victim
        report = wait_for_exception(COMM.Barrier)
    return report


def call_scenario(scenario: dict[str, Any]) -> dict[str, Any]:
    import calls

    call = calls.CALLS[scenario["call"]](COMM)

    for _ in range(3):
        call()
    arm(0, scenario["polls"])
    return wait_for_exception(call)


def wait_for_exception(call: Callable[[], object]) -> dict[str, Any]:
    """Repeat `call` until it raises."""
    while True:
        try:
            call()
        except MPI.Exception as error:
            seconds = SHIM.shim_seconds_since_flag()
            return {"where": "call", "text": str(error), "seconds": seconds}


def go_on() -> dict[str, Any]:
    """What a survivor must still be able to do: find MPI closed, and compute."""
    begin = time.monotonic()
    texts = []
    for call in (COMM.Barrier, lambda: COMM.send(1, 0), lambda: COMM.Dup(), lambda: COMM.irecv()):
        try:
            call()
        except MPI.Exception as error:
            texts.append(str(error))
    seconds = time.monotonic() - begin
    x = np.random.default_rng(1).normal(size=(200, 200))
    correct = bool(np.allclose(np.linalg.solve(x, x @ np.ones(200)), 1))
    return {"later": texts, "later_seconds": seconds, "computed": correct}


def main() -> None:
    scenario = json.loads(sys.argv[1])
    SHIM.shim_watch(int(os.environ["GUARD_LIFELINE"]))
    COMM.Barrier()
    report = (routine_scenario if "routine" in scenario else call_scenario)(scenario)
    print(json.dumps(report | go_on()), flush=True)


main()
