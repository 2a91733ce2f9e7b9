# SPDX-License-Identifier: BSD-3-Clause
"""`matrass run` leaves no rank behind when it is ended, wherever the ranks are."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

SCRIPT = """
import os, pathlib, signal, sys, time
import matrass as mt

grid = mt.Grid()
A = mt.from_function(grid, (100, 100), lambda i, j: i + j)
folder = pathlib.Path(sys.argv[1])
(folder / f"{{os.getpid()}}.part").touch()
(folder / f"{{os.getpid()}}.part").rename(folder / f"{{os.getpid()}}.rank")
if grid.rank == 0:
    time.sleep(1000)  # the other rank waits for this one
{work}
"""
WORKS = {
    "barrier": "grid.comm.Barrier()",
    "split": "grid.comm.Split()",
    "matmul": "A @ A",
    "gather": "A.numpy(root=None)",
    "long message": "grid.comm.Send(bytearray(1 << 24), 0)",
}


def alive(pid):
    """Whether the process runs; one that only waits for its parent does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def wait_for(condition, seconds):
    """Whether the condition holds within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def ended_by(number, work, folder, before=""):
    """Send a signal to `matrass run -n 2` once a rank waits for the other; the ranks left alive."""
    script = folder / "wait.py"
    script.write_text(before + SCRIPT.format(work=work))
    run = subprocess.Popen(
        [sys.executable, "-m", "matrass", "run", "-n", "2", script, folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    ranks = []
    try:
        assert wait_for(lambda: run.poll() or len([*folder.glob("*.rank")]) == 2, 60)
        ranks = [int(path.stem) for path in folder.glob("*.rank")]
        assert len(ranks) == 2, run.communicate()[0]
        time.sleep(0.3)  # rank 1 is in the call by now
        assert all(map(alive, ranks))
        run.send_signal(number)
        wait_for(lambda: not any(map(alive, ranks)), 10)
        return [rank for rank in ranks if alive(rank)]
    finally:
        for rank in ranks:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rank, signal.SIGKILL)
        run.kill()
        run.communicate()


@pytest.mark.time_limit(100)
@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_sigterm_ends_the_ranks(tmp_path, work):
    assert ended_by(signal.SIGTERM, work, tmp_path) == []


@pytest.mark.time_limit(100)
@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGKILL"])
def test_other_ends(tmp_path, name):
    """A closed terminal, Ctrl-C, and what nobody can catch."""
    assert ended_by(signal.Signals[name], WORKS["barrier"], tmp_path) == []


@pytest.mark.time_limit(100)
def test_ranks_that_ignore_sigterm(tmp_path):
    """The launcher waits for such ranks; whoever then kills it, as batch systems do, ends them."""
    ignore = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    assert ended_by(signal.SIGKILL, WORKS["barrier"], tmp_path, ignore) == []


def test_a_script_that_is_not_there():
    command = [sys.executable, "-m", "matrass", "run", "-n", "3", "no/such.py"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    assert run.stderr == "matrass: error: run: script must be a file: got no/such.py\n"


def test_the_version():
    command = [sys.executable, "-m", "matrass", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout.strip() == version("matrass")
