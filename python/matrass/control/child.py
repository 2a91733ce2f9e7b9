# SPDX-License-Identifier: BSD-3-Clause
"""``python -m matrass.control.child``: a process that is a rank of one session, and nothing else.

Its contact comes by standard input, so that the token is in no list of processes.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

_PR_SET_PDEATHSIG = 1


def start(contact: dict[str, Any], parent: int | None, stdout: int | None = None) -> int:
    """Start such a process, which ends with its session, and with `parent` where one is named."""
    child = subprocess.Popen(
        [sys.executable, "-m", "matrass.control.child"],
        stdin=subprocess.PIPE,
        stdout=stdout,
        start_new_session=True,
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(contact | {"own": True, "parent": parent}).encode())
    child.stdin.close()
    threading.Thread(target=child.wait, daemon=True).start()  # no zombie
    return child.pid


def main() -> int:
    """Serve the session until it ends."""
    told = json.loads(sys.stdin.read())
    parent = told.pop("parent")
    if parent is not None:
        # The lifeline ends a rank whose driver is gone; this ends one that is stopped, too.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            return 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
    from matrass.control.agent import Agent, Contact

    Agent(Contact.of_words(told)).serve()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # MPI's end would wait for the others
