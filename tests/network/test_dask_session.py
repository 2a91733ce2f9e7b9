# SPDX-License-Identifier: BSD-3-Clause
"""Dask workers on two hosts become ranks of one world; one is lost, and the other lives on.

Next: `dask_driver`, the program of the Dask client.
"""

import json
import os
import subprocess
import sys

import pytest
from two_hosts import ADDRESSES, HERE, TCP

pytest.importorskip("distributed")
pytestmark = pytest.mark.time_limit(180)
PORT = 8786


def test_workers_on_two_hosts(hosts):
    environment = os.environ | TCP
    started = []

    def start(host, *words, **more):
        command = [*hosts.on_host_of(2 * host), sys.executable, "-m", "dask", *words]
        started.append(
            subprocess.Popen(
                command,
                env=environment | more,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
            )
        )

    scheduler = f"tcp://{ADDRESSES[0]}:{PORT}"
    try:
        start(0, "scheduler", "--host", ADDRESSES[0], "--port", str(PORT), "--no-dashboard")
        for host, address in enumerate(ADDRESSES):
            options = ("--host", address, "--nthreads", "1", "--no-dashboard", "--name", str(host))
            start(host, "worker", scheduler, *options, MATRASS_NODE=str(host),
                  MATRASS_RANKS_PER_NODE="1")  # fmt: skip
        run = subprocess.run(
            [*hosts.on_host_of(0), sys.executable, str(HERE / "dask_driver.py")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    finally:
        hosts.end_processes()  # Dask's own, and their children
        for process in started:
            process.wait(30)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["hosts"] == list(ADDRESSES)
    assert found["nodes"] == 2
    assert found["error"] < 1e-8
    assert found["same"]
    assert found["lost"] == 1
    assert found["seconds"] < 5
    assert found["kept"] == 10
