# SPDX-License-Identifier: BSD-3-Clause
"""Executors that are processes of their own: local-cluster, and Spark standalone."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyspark")
from spark_standalone import command, environment, said

ADDRESS = "127.0.0.1"
JOB = Path(__file__).with_name("cluster_job.py")
SECONDS = 240  # for one that hangs, not for a slow machine
pytestmark = [
    pytest.mark.time_limit(600),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs a Java"),
]


def found_on(master, *options):
    """What the job says, run as a user would run it."""
    done = subprocess.run(
        [sys.executable, str(JOB), master, *options],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env=environment(ADDRESS),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(found):
    assert found["executors"] == 2
    assert found["daemons"] == 2  # the ranks are on both
    assert found["same"]
    assert found["adopted"] == 1.0  # each partition was read in a rank
    assert found["values"] <= 1e-10  # as truncated_svd's residuals are, times s1 < 100, squared
    assert found["partitions"] == 6  # of five wanted: as many for each rank
    assert found["numbers"]
    assert found["product"] <= 1e-7  # residuals are below 1e-10 * s1
    assert found["again"]


def test_local_cluster():
    """One of its executors is killed in the end; Spark starts another one."""
    found = found_on("local-cluster[2,1,1024]", "--kill")
    check(found)
    kind, message, seconds = found["lost"]
    assert kind in ("RankLostError", "SessionClosedError")
    assert "rank 1" in message
    assert seconds < 10
    assert found["after"]


@pytest.fixture
def standalone(tmp_path):
    """The address of a master with two worker processes, one core each."""
    with contextlib.ExitStack() as stack:
        master = stack.enter_context(
            started(tmp_path / "master.log", "master.Master", "--port", "0")
        )
        address = said(master, r"Starting Spark master at (spark://\S+)")
        for number in (1, 2):
            options = ["--cores", "1", "--memory", "1200m"]
            options += ["--work-dir", str(tmp_path / f"work{number}"), address]
            log = tmp_path / f"worker{number}.log"
            worker = stack.enter_context(started(log, "worker.Worker", *options))
            said(worker, r"(Successfully registered) with master")
        yield address


@contextlib.contextmanager
def started(log, name, *options):
    """A process of Spark's; what it says is in the file."""
    with log.open("w") as out:
        process = subprocess.Popen(
            command(name, ADDRESS, *options),
            stdout=out,
            stderr=out,
            env=environment(ADDRESS),
            start_new_session=True,
        )
    try:
        yield log
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_standalone(standalone):
    check(found_on(standalone))
