# SPDX-License-Identifier: BSD-3-Clause
"""Ranks that die, stop or never end: one named error in time, nothing left, and a new session."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import matrass as mt
import numpy as np
import pytest
from matrass.control import controller
from processes import eventually

CAMPAIGN = "MATRASS_CAMPAIGN" in os.environ
REPEATS = 25 if CAMPAIGN else 3
WITHIN = 5.0  # a deadline, with slack for a loaded machine
pytestmark = [pytest.mark.time_limit(120), pytest.mark.usefixtures("nothing_left")]


def waits(grid):
    grid.comm.Barrier()
    if grid.rank != 1:
        grid.comm.Barrier()
    import time

    time.sleep(60)


def again_and_again(f, *args):
    while True:
        f(*args)


def kill_later(pid, number, after=0.2):
    timer = threading.Timer(after, os.kill, (pid, number))
    timer.start()
    return timer


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
@pytest.mark.parametrize("repeat", range(REPEATS))
def test_killed_in_a_collective(number, repeat):
    with mt.Session(ranks=3) as s:
        victim = s.ranks[1]
        f = s.submit(waits)
        time.sleep(0.1 + 0.02 * (repeat % 5))
        os.kill(victim.pid, number)
        start = time.monotonic()
        with pytest.raises(mt.RankLostError) as caught:
            f.result(60)
        assert time.monotonic() - start < WITHIN
        error = caught.value
        assert (error.rank, error.pid, error.signal) == (1, victim.pid, number)
        assert f"rank 1 (process {victim.pid}" in str(error)
        assert signal.Signals(number).name in str(error)
        with pytest.raises((mt.SessionClosedError, mt.RankLostError)):
            s.run(lambda grid: 0)
    with mt.Session(ranks=1) as t:
        assert t.run(lambda grid: 1) == [1]


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_killed_while_idle(repeat):
    with mt.Session(ranks=2) as s:
        A = s.put(np.eye(3))
        os.kill(s.ranks[repeat % 2].pid, signal.SIGKILL)
        start = time.monotonic()
        with pytest.raises(mt.RankLostError, match=f"rank {repeat % 2} .*SIGKILL"):
            again_and_again(A.sum)
        assert time.monotonic() - start < WITHIN


@pytest.mark.parametrize("end", ["os._exit(7)", "sys.exit(7)"])
def test_a_routine_that_ends_its_process(end):
    def leave(grid):
        import os  # noqa: F401
        import sys  # noqa: F401

        if grid.rank == 0:
            exec(end)
        grid.comm.Barrier()

    with mt.Session(ranks=2) as s, pytest.raises((mt.RankLostError, mt.RoutineError)) as caught:
        s.run(leave)
    if "_exit" in end:
        assert caught.value.exit_code == 7
    else:  # an exception like any other
        assert "SystemExit" in str(caught.value)
    assert caught.value.rank == 0


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_killed_during_put(repeat):
    x = np.ones((20_000, 500))
    with mt.Session(ranks=2) as s:
        timer = kill_later(s.ranks[1].pid, signal.SIGKILL, 0.05 + 0.03 * (repeat % 5))
        with pytest.raises(mt.RankLostError, match="rank 1"):
            again_and_again(s.put, x)
        timer.join()
    np.testing.assert_array_equal(x, 1)


def test_put_is_repeated_on_fresh_ranks():
    x = np.ones((6, 2))
    with mt.Session(ranks=2, retry=1) as s:
        A = s.put(x, name="A")
        for given, shape in ((x, None), ([x[:3], x[3:]], None), (iter([x[:3], x[3:]]), (6, 2))):
            os.kill(s.ranks[1].pid, signal.SIGKILL)
            assert eventually(lambda: s.closed)
            B = s.put(given, shape=shape)
            assert B.sum() == 12
        with pytest.raises(mt.InvalidArgument, match="from before a renewal"):
            A.sum()
        with pytest.raises(mt.InvalidArgument, match="no matrix is named"):
            s.matrix("A")
        A.free()
        del A
        assert B.sum() == 12  # it may have the name that A had


def test_an_iterator_is_not_repeated():
    def blocks():
        yield np.ones((3, 2))
        os.kill(s.ranks[1].pid, signal.SIGKILL)
        yield np.ones((3, 2))
        assert eventually(lambda: s.closed)
        yield np.ones((3, 2))

    with mt.Session(ranks=2, retry=3) as s:
        with pytest.raises(mt.RankLostError, match="rank 1") as caught:
            s.put(blocks(), shape=(9, 2))
        assert any("iterator gives its blocks once" in note for note in caught.value.__notes__)
        assert s.put(np.ones((3, 2))).sum() == 6
    with pytest.raises(mt.InvalidArgument, match="retry must not be negative"):
        mt.Session(ranks=1, retry=-1)


def test_killed_in_bootstrap(monkeypatch):
    """Some time between the start and the first command."""
    from matrass.session import local

    start = local._start
    for after in np.linspace(0.02, 0.6, 12 if CAMPAIGN else 4):

        async def start_and_kill(controller, count, memory, after=after):
            children = await start(controller, count, memory)
            kill_later(children[1].pid, signal.SIGKILL, after)
            return children

        monkeypatch.setattr(local, "_start", start_and_kill)
        begin = time.monotonic()
        with pytest.raises(mt.RankLostError, match="rank 1"), mt.Session(ranks=3) as s:
            again_and_again(s.run, lambda grid: 0)
        assert time.monotonic() - begin < after + WITHIN


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_killed_as_it_shares_memory(monkeypatch, repeat):
    """What MPI has in /dev/shm at that moment has no process that would remove it."""
    from matrass.session import local

    start = local._start

    def shares(child):
        with contextlib.suppress(OSError):
            return "/dev/shm/ucx_" in Path(f"/proc/{child.pid}/maps").read_text()
        return False

    def hunt(child):
        if eventually(lambda: shares(child), 30):
            time.sleep(0.001 * (repeat % 5))
            child.kill()

    async def start_and_hunt(controller, count, memory):
        children = await start(controller, count, memory)
        threading.Thread(target=hunt, args=(children[1],)).start()
        return children

    monkeypatch.setattr(local, "_start", start_and_hunt)
    with pytest.raises(mt.RankLostError, match="rank 1"), mt.Session(ranks=3) as s:
        again_and_again(s.run, lambda grid: 0)


def test_stopped_rank(monkeypatch):
    monkeypatch.setattr(controller, "STALLED_SECONDS", 2.0)
    with mt.Session(ranks=2) as s:
        assert s.run(lambda grid: 0) == [0, 0]
        os.kill(s.ranks[1].pid, signal.SIGSTOP)
        with pytest.raises(mt.RankStalledError, match="rank 1"):
            s.run(lambda grid: grid.comm.Barrier())
        os.kill(s.ranks[1].pid, signal.SIGCONT)
        assert s.run(lambda grid: 1) == [1, 1]  # it only took longer
        os.kill(s.ranks[1].pid, signal.SIGSTOP)
    # Closing the session ends it.


def test_busy_is_not_stalled(monkeypatch):
    """A rank that computes with Python's lock held for long."""
    monkeypatch.setattr(controller, "STALLED_SECONDS", 2.0)

    def busy(grid):
        import re

        start = time.monotonic()
        while time.monotonic() - start < 4:
            re.match(r"(a+)+$", "a" * 24 + "b")
        return 1

    with mt.Session(ranks=1) as s:
        assert s.run(busy) == [1]


def test_late_is_not_stalled(monkeypatch):
    """A member that comes long after the session began to wait has not been asked before."""
    from matrass.control import reception
    from matrass.session import local

    monkeypatch.setattr(controller, "STALLED_SECONDS", 2.0)
    monkeypatch.setattr(reception, "PING_SECONDS", 0.02)  # many while the ranks are in MPI_Init
    start = local._start

    async def start_late(*given):
        await asyncio.sleep(3)
        return await start(*given)

    monkeypatch.setattr(local, "_start", start_late)
    with mt.Session(ranks=2) as s:
        assert s.run(lambda grid: grid.rank) == [0, 1]


def test_cancelled_by_force():
    with mt.Session(ranks=2) as s:
        f = s.submit(waits)
        time.sleep(0.2)
        start = time.monotonic()
        f.cancel(grace=0.3)
        with pytest.raises(mt.CancelledError, match="by force"):
            f.result()
        assert time.monotonic() - start < WITHIN
        f.cancel()  # once more does nothing
