# SPDX-License-Identifier: BSD-3-Clause
"""What the rank programs of the fault tests share: how the victim dies, and the survivors' clock.

Importing this loads no MPI. Next: `rank` and `matrass_rank`, the programs.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import signal
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

faulthandler.register(signal.SIGUSR1, all_threads=True)
os.environ.pop("LD_PRELOAD", None)

VICTIM = int(os.environ["GUARD_VICTIM"])
POLL = 0.001


@cache
def shim() -> ctypes.PyDLL:
    """The tests' library, once MPI is loaded.

    PyDLL: its calls keep the GIL, so that only a native thread can set the flag meanwhile.
    """
    library = ctypes.PyDLL(os.environ["GUARD_SHIM"])
    library.shim_seconds_since_flag.restype = ctypes.c_double
    library.shim_clock.restype = ctypes.c_double
    return library


def watch() -> None:
    """From now on the flag is set when the world says so."""
    shim().shim_watch(int(os.environ["GUARD_LIFELINE"]))


def seconds_since_flag() -> float:
    """Without those in which this process was ready and not given a core; negative: not set."""
    seconds: float = shim().shim_seconds_since_flag()
    return seconds


def clock() -> float:
    """Seconds, of which those do not count in which this process was not given a core."""
    seconds: float = shim().shim_clock()
    return seconds


def arm(starts: int, polls: int) -> None:
    """The victim dies at the n-th start of an operation, or the n-th poll, from now on."""
    ctypes.CDLL(None).victim_arm(ctypes.c_long(starts), ctypes.c_long(polls))


def starts() -> int:
    """How many operations the victim started since it was armed."""
    return int(ctypes.CDLL(None).victim_count())


def meet(comm: Any) -> None:
    """The victim goes on when every survivor is here: none is left in what came before.

    By files, for a message might be lost with the victim; which looks after MPI meanwhile, for what
    it still has to send.
    """
    meeting = Path(os.environ["GUARD_MEETING"])
    if comm.rank != VICTIM:
        (meeting / str(comm.rank)).touch()
        return
    while len(list(meeting.iterdir())) < comm.size - 1:
        comm.Iprobe()
        time.sleep(POLL)


def scenario() -> dict[str, Any]:
    """What this program was told to do."""
    told: dict[str, Any] = json.loads(sys.argv[1])
    return told


def report(what: dict[str, Any]) -> None:
    """Print what the test reads."""
    print(json.dumps(what), flush=True)
