# SPDX-License-Identifier: BSD-3-Clause
"""Python workers that die, tasks that raise, jobs that are cancelled: one clear error each."""

import contextlib
import os
import re
import signal
import threading
import time
from pathlib import Path

import matrass as mt
import numpy as np
import pytest
from matrass.spark import pools
from processes import abandoned_segments, eventually
from pyspark.sql import functions as F  # noqa: N812

pytestmark = [pytest.mark.time_limit(240)]
WITHIN = 10.0
REPEATS = 20 if "MATRASS_CAMPAIGN" in os.environ else 2
SIGNALS = [signal.SIGKILL, signal.SIGSEGV]


@pytest.fixture(autouse=True)
def no_segments_left():
    before = abandoned_segments()
    yield
    assert eventually(lambda: abandoned_segments() <= before, 10)


@pytest.fixture
def numbers(spark):
    """0, 1, 2, ... in three partitions, as one column."""
    return spark.range(0, 300, 1, 3).select(F.col("id").cast("double").alias("x"))


def slowly(spark, seconds=0.05, started=None):
    """The same, each row of which takes its time to make."""

    def wait(k):
        if started is not None:
            started.touch()
        time.sleep(seconds)
        return float(k)

    return spark.range(0, 400, 1, 4).select(F.udf(wait, "double")("id").alias("x"))


def waits(grid):
    grid.comm.Barrier()
    if grid.rank != 1:
        grid.comm.Barrier()
    time.sleep(60)


def killed_later(pid, seconds, number):
    thread = threading.Timer(seconds, os.kill, (pid, number))
    thread.start()
    return thread


def works(s, numbers):
    a = s.put(numbers)
    np.testing.assert_array_equal(a.to_numpy()[:, 0], np.arange(300.0))


@pytest.mark.parametrize("phase", ["idle", "collective", "push"])
@pytest.mark.parametrize("repeat", range(REPEATS))
def test_a_worker_is_killed(spark, numbers, phase, repeat):
    number = SIGNALS[repeat % 2]
    with mt.spark.Session(spark, ranks=2) as s:
        victim = s.ranks[1].pid
        a = s.put(numbers)
        start = time.monotonic()
        if phase == "idle":
            os.kill(victim, number)
            assert eventually(lambda: s.closed, WITHIN)
            with pytest.raises((mt.RankLostError, mt.SessionClosedError), match="rank 1"):
                a.norm()
        elif phase == "collective":
            f = s.submit(waits)
            killed_later(victim, 0.1 + 0.02 * repeat, number)
            with pytest.raises(mt.RankLostError, match="rank 1") as caught:
                f.result(60)
            assert caught.value.pid == victim
        else:
            killed_later(victim, 0.6 + 0.1 * (repeat % 10), number)
            with pytest.raises(mt.RankLostError, match="rank 1"):
                s.put(slowly(spark))
        assert time.monotonic() - start < WITHIN
        works(s, numbers)
        assert victim not in {r.pid for r in s.ranks}
        with pytest.raises(mt.Error):
            a.norm()


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_a_worker_is_killed_in_bootstrap(spark, numbers, repeat, monkeypatch):
    """As soon as it is there, or while it is in MPI_Init."""
    monkeypatch.setattr(pools, "_free", {})  # else processes are used again that are there
    ended = threading.Event()
    killed = []

    def kill():
        patience = time.monotonic() + 120
        while not ended.is_set() and time.monotonic() < patience:
            found = workers_of_pools() - before
            if found:
                time.sleep(0.05 * (repeat % 20))
                killed.append(found.pop())
                os.kill(killed[0], SIGNALS[repeat % 2])
                return
            time.sleep(0.002)

    def told():
        """All that an error says; nothing where Spark had put another process in the place."""
        try:
            with mt.spark.Session(spark, ranks=2) as s:
                assert eventually(lambda: bool(killed), WITHIN)
                if killed[0] not in {r.pid for r in s.ranks}:
                    works(s, numbers)
                    return None
                # It was in its world before it was killed.
                assert eventually(lambda: s.closed, WITHIN)
                s.call("noop")
                return ""
        except (mt.RankLostError, mt.MPIError) as error:
            return "\n".join([str(error), *getattr(error, "__notes__", ())])

    before = workers_of_pools()
    threading.Thread(target=kill, daemon=True).start()
    try:
        words = told()
    finally:
        ended.set()
    assert words is None or "rank" in words
    assert killed
    with mt.spark.Session(spark, ranks=2) as s:
        works(s, numbers)


def workers_of_pools():
    """Python workers of matrass's pools: children of a daemon of Spark's that has the variable."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if b"MATRASS_POOL=" not in (entry / "environ").read_bytes():
                continue
            if b"pyspark.daemon" not in (entry / "cmdline").read_bytes():
                continue
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if b"pyspark.daemon" in Path(f"/proc/{parent}/cmdline").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def test_put_is_repeated_on_fresh_ranks(spark, numbers):
    with mt.spark.Session(spark, ranks=2, retry=1) as s:
        victim = s.ranks[0].pid
        killed_later(victim, 0.5, signal.SIGKILL)
        a = s.put(slowly(spark, 0.01))
        assert victim not in {r.pid for r in s.ranks}
        np.testing.assert_array_equal(a.to_numpy()[:, 0], np.arange(400.0))


def test_survivors_go_on_as_python_workers(spark, numbers):
    """They leave the session; their pool is used no more."""
    s = mt.spark.Session(spark, ranks=2)
    survivor = s.ranks[0].pid
    os.kill(s.ranks[1].pid, signal.SIGKILL)
    assert eventually(lambda: s.closed, WITHIN)
    assert Path(f"/proc/{survivor}").exists()
    with mt.spark.Session(spark, ranks=2) as other:
        assert survivor not in {r.pid for r in other.ranks}
        works(other, numbers)
    s.close()


def test_a_task_that_raises(spark, numbers):
    def fail(k):
        if k == 250:
            raise ValueError("no such number")
        return float(k)

    bad = spark.range(0, 300, 1, 3).select(F.udf(fail, "double")("id").alias("x"))
    with mt.spark.Session(spark, ranks=2) as s:
        a = s.put(numbers)
        start = time.monotonic()
        with pytest.raises(mt.Error, match="ValueError: no such number") as caught:
            s.put(bad)
        assert time.monotonic() - start < WITHIN
        assert "\n" not in str(caught.value)
        assert a.norm() > 0  # no rank is lost for it
        works(s, numbers)


def test_a_job_is_cancelled(spark, numbers, tmp_path):
    started = tmp_path / "started"
    with mt.spark.Session(spark, ranks=2) as s:
        with cancelled_once(spark, started.exists), pytest.raises(mt.CancelledError, match="put"):
            s.put(slowly(spark, started=started))
        works(s, numbers)


def test_a_task_that_does_not_end_when_it_is_cancelled(spark, numbers, tmp_path, monkeypatch):
    """Spark kills its Python worker after 2 to 4 s, which is a rank: that is waited for.

    The JVM sleeps, so nobody looks whether the task should end.
    """
    monkeypatch.setattr(pools, "_free", {})  # else there may be workers that are no ranks
    sleep = "reflect('java.lang.Thread', 'sleep', 8000L)"
    started = tmp_path / "started"

    def begin(k):
        started.touch()
        return float(k)

    frame = spark.range(0, 2, 1, 2).select(F.udf(begin, "double")("id").alias("x"))
    frame = frame.selectExpr(f"if({sleep} = '', 0.0D, x) as x")

    with mt.spark.Session(spark, ranks=2) as s:
        start = time.monotonic()
        with (
            cancelled_once(spark, started.exists),
            pytest.raises(mt.CancelledError, match="put") as caught,
        ):
            s.put(frame)
        assert time.monotonic() - start < WITHIN
        assert s.closed
        assert re.search(r"with it .* rank \d .* is gone", caught.value.__notes__[-1])
        works(s, numbers)


@contextlib.contextmanager
def cancelled_once(spark, started):
    """The jobs that begin within, when `started` says so."""
    context = spark.sparkContext

    def cancel():
        assert eventually(started, 60)
        time.sleep(0.5)
        context.cancelJobGroup("mine")

    context.setJobGroup("mine", "a put")
    threading.Thread(target=cancel, daemon=True).start()
    try:
        yield
    finally:
        context._jsc.clearJobGroup()


def test_run_when_a_rank_dies(spark, numbers):
    def dies(grid, a):
        if grid.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        grid.comm.Barrier()

    start = time.monotonic()
    with pytest.raises(mt.RankLostError, match="rank 1"):
        mt.spark.run(numbers.coalesce(2), dies)
    assert time.monotonic() - start < 2 * WITHIN
    assert mt.spark.run(numbers.coalesce(2), lambda _, a: a.shape) == (300, 1)
