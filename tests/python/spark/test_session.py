# SPDX-License-Identifier: BSD-3-Clause
"""Resident ranks: opened, used again, kept alive, refused where they cannot be."""

import os
import subprocess
import sys
import time
from pathlib import Path

import matrass as mt
import numpy as np
import pytest
from matrass.spark import keeper
from processes import eventually

pytestmark = [pytest.mark.time_limit(240)]


def pids(s):
    return {rank.pid for rank in s.ranks}


def test_a_later_session_uses_the_processes_again(spark):
    with mt.spark.Session(spark, ranks=2) as s:
        first = pids(s)
        a = s.put(np.eye(4))
    with pytest.raises(mt.Error, match="closed"):
        a.norm()
    with mt.spark.Session(spark, ranks=2) as s:
        assert pids(s) == first
        assert s.put(np.eye(4)).norm() == 2


def test_two_sessions_at_once(spark):
    with mt.spark.Session(spark, ranks=2) as s, mt.spark.Session(spark, ranks=1) as t:
        assert not pids(s) & pids(t)
        a, b = s.put(np.eye(4)), t.put(np.eye(9))
        assert (a.norm(), b.norm()) == (2, 3)
        with pytest.raises(mt.InvalidArgument, match="one session"):
            a @ b


def test_all_slots_by_default(spark):
    with mt.spark.Session(spark) as s:
        assert len(s.ranks) == 2
        assert all(rank.pid != os.getpid() for rank in s.ranks)


def test_everything_that_sessions_do(spark):
    with mt.spark.Session(spark, ranks=2) as s:
        x = np.random.default_rng(0).random((30, 4))
        a = s.put(x, name="x")
        assert s.matrix("x") is a
        np.testing.assert_allclose((a.T @ a).to_numpy(), x.T @ x)
        q, r = mt.linalg.qr(a)
        np.testing.assert_allclose((q @ r).to_numpy(), x, atol=1e-12)
        assert s.run(lambda grid, b: (grid.rank, b.shape), a) == [(0, (30, 4)), (1, (30, 4))]
        f = s.submit(mt.linalg.truncated_svd, a, 2)
        np.testing.assert_allclose(f.result(60).S, np.linalg.svd(x, compute_uv=False)[:2])
        import scipy.sparse

        b = scipy.sparse.random(50, 8, 0.2, random_state=0)
        np.testing.assert_allclose(s.put(b).to_dense().to_numpy(), b.toarray())
        big = np.arange(3e5).reshape(1000, 300)
        np.testing.assert_array_equal(s.put(big).to_numpy(), big)


def test_children_of_python_workers(spark):
    """They outlive Spark's workers, and end with the session."""
    with mt.spark.Session(spark, ranks=2, isolation="process") as s:
        children = pids(s)
        assert s.put(np.eye(4)).norm() == 2
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 10)


def test_workers_that_end_with_their_tasks(spark):
    conf = spark.sparkContext._conf
    conf.set("spark.python.worker.reuse", "false")
    try:
        with pytest.warns(UserWarning, match="do not outlive their tasks"):
            s = mt.spark.Session(spark, ranks=2)
    finally:
        conf.set("spark.python.worker.reuse", "true")
    with s:
        assert s.put(np.eye(4)).norm() == 2


@pytest.mark.parametrize("ranks", [0, -1, 3, 100])
def test_more_ranks_than_slots(spark, ranks):
    with pytest.raises(mt.InvalidArgument, match="ranks must be from 1 to 2"):
        mt.spark.Session(spark, ranks=ranks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"isolation": "container"}, "isolation"),
        ({"retry": -1}, "retry"),
        ({"ranks": "two"}, "ranks"),
    ],
)
def test_arguments_are_checked(spark, options, message):
    with pytest.raises(mt.Error, match=message):
        mt.spark.Session(spark, **options)


def test_something_else_than_spark():
    with pytest.raises(mt.InvalidArgument, match="classic SparkSession"):
        mt.spark.Session("local[2]")


def test_executors_that_come_and_go_are_refused(spark):
    conf = spark.sparkContext._conf
    conf.set("spark.dynamicAllocation.enabled", "true")
    frame = spark.range(3).selectExpr("id * 1.0D as x")
    try:
        with pytest.raises(mt.InvalidArgument, match="dynamicAllocation"):
            mt.spark.Session(spark, ranks=1)
        with pytest.raises(mt.InvalidArgument, match="dynamicAllocation"):
            mt.spark.run(frame, lambda _, a: a)
    finally:
        conf.set("spark.dynamicAllocation.enabled", "false")


def test_ranks_are_shown_to_be_in_use(spark, monkeypatch):
    """A small job, again and again, on the ranks' own daemon."""
    monkeypatch.setattr(keeper, "PULSE_SECONDS", 0.2)
    seen = []
    beat = keeper.Keeper._beat

    def watched(self):
        beat(self)
        seen.append((self._pool.name, set(self._daemons)))

    def daemons_of(s):
        return [found for pool, found in seen if pool == s.pool.name]

    monkeypatch.setattr(keeper.Keeper, "_beat", watched)
    with mt.spark.Session(spark, ranks=2) as s:
        parents = {int(_parent(pid)) for pid in pids(s)}
        assert eventually(lambda: len(daemons_of(s)) >= 3, 120)
        assert {daemon for _, daemon in daemons_of(s)[-1]} == parents
    count = len(daemons_of(s))
    time.sleep(1)
    assert len(daemons_of(s)) <= count + 1


def _parent(pid):
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1]


@pytest.mark.skipif("MATRASS_CAMPAIGN" not in os.environ, reason="minutes of waiting: campaign")
@pytest.mark.parametrize("seconds", [70, 130])
@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_idle_ranks_stay(spark, seconds, isolation):
    """Spark ends Python workers that are idle for 60 s."""
    with mt.spark.Session(spark, ranks=2, isolation=isolation) as s:
        a, before = s.put(np.eye(4)), pids(s)
        time.sleep(seconds)
        assert a.norm() == 2
        assert pids(s) == before


STOPPED = """
import matrass as mt, numpy as np
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
s = mt.spark.Session(spark, ranks=2)
a = s.put(np.eye(4))
frame = spark.range(3).selectExpr("id * 1.0D as x")
spark.stop()
for what in (
    lambda: [a.norm() for _ in range(1000)],
    lambda: s.put(np.eye(4)),
    lambda: mt.spark.Session(spark),
    lambda: mt.spark.run(frame, lambda _, a: a),
):
    try:
        what()
    except mt.Error as error:
        print(type(error).__name__, error)
"""


def test_the_context_is_stopped(tmp_path):
    """Each call is one named error; the process ends."""
    done = subprocess.run(
        [sys.executable, "-c", STOPPED],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYSPARK_PYTHON": sys.executable},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 4, done.stdout + done.stderr
    assert lines[0].split()[0] in ("RankLostError", "SessionClosedError")
    assert all("SessionClosedError" in line and "stopped" in line for line in lines[1:])
