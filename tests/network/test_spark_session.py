# SPDX-License-Identifier: BSD-3-Clause
"""Spark on two hosts: its Python workers become ranks of one world, or bring tiles to others.

Next: `spark_driver`, the program of the driver.
"""

import json
import shutil
import subprocess
import sys

import pytest
from two_hosts import ADDRESSES, HERE, TCP

pytest.importorskip("pyspark")
import spark_standalone
from spark_standalone import said

pytestmark = [
    pytest.mark.time_limit(400),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs a Java"),
]


def environment(host):
    """Of what runs on this host."""
    node = {"MATRASS_NODE": str(host), "MATRASS_RANKS_PER_NODE": "1"}
    return spark_standalone.environment(ADDRESSES[host]) | TCP | node


@pytest.fixture
def standalone(hosts, tmp_path):
    """The address of a master on the first host, with a worker of one core on each."""
    started = []

    def start(host, name, *options):
        """The file of what a process of Spark's says."""
        log = tmp_path / f"{name}{host}.log"
        command = spark_standalone.command(name, ADDRESSES[host], *options)
        with log.open("w") as out:
            started.append(
                subprocess.Popen(
                    [*hosts.on_host_of(2 * host), *command],
                    stdout=out,
                    stderr=out,
                    env=environment(host),
                )
            )
        return log

    try:
        master = said(start(0, "master.Master", "--port", "0"), r"Spark master at (spark://\S+)")
        for host in range(2):
            work = str(tmp_path / f"work{host}")
            options = ("--cores", "1", "--memory", "1200m", "--work-dir", work, master)
            said(start(host, "worker.Worker", *options), r"(registered) with master")
        yield master
    finally:
        hosts.end_processes()  # Spark's own, and their children
        for process in started:
            process.wait(30)


def test_executors_on_two_hosts(hosts, standalone):
    command = [*hosts.on_host_of(0), sys.executable, str(HERE / "spark_driver.py"), standalone]
    run = subprocess.run(
        command, env=environment(0), capture_output=True, text=True, timeout=180, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["nodes"] == 2
    assert found["adopted"] == 1.0  # each partition was read in a rank
    assert found["same"]
    assert found["back"]
    assert found["norm"]
    assert "own machine only: mt.Session(host=...)" in found["unreachable"]
    assert found["received"]
    assert all(count <= 2 for count in found["connections"])  # one of each Python worker
    assert sum(found["connections"]) >= 2
    assert found["fetched"] == 3_000
