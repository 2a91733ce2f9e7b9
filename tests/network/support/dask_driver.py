# SPDX-License-Identifier: BSD-3-Clause
"""A Dask client on the first of two hosts: a session, a decomposition, a rank that is lost.

Prints what it found as a line of JSON.
"""

import json
import os
import signal
import time

import dask.array as da
import matrass as mt
import numpy as np
from distributed import Client
from two_hosts import ADDRESSES

PORT = 8786


def waits(grid):
    if grid.rank == 1:
        time.sleep(60)
    grid.comm.Barrier()


def main():
    """The client's program, on the first host."""
    found = {}
    with Client(f"tcp://{ADDRESSES[0]}:{PORT}") as client:
        client.wait_for_workers(2, timeout=60)
        x = da.random.default_rng(0).normal(size=(4000, 30), chunks=(500, 30)).persist()
        with mt.dask.Session(client) as s:
            found["hosts"] = sorted({address.split("/")[2].split(":")[0] for address in s.workers})
            found["nodes"] = len({member.node for member in s._controller.members})
            A = s.put(x)
            singular = np.linalg.svd(x.compute())[1][:4]
            found["error"] = float(abs(mt.linalg.truncated_svd(A, 4).S - singular).max())
            found["same"] = bool((A.to_dask() == x).all().compute())
            kept = client.scatter(np.arange(5.0), workers=[next(iter(s.workers))], hash=False)
            call = s.submit(waits)
            time.sleep(0.5)
            start = time.monotonic()
            os.kill(s.ranks[1].pid, signal.SIGKILL)  # the hosts share process numbers
            try:
                call.result(60)
            except mt.RankLostError as error:
                found["lost"] = error.rank
                found["seconds"] = time.monotonic() - start
        found["kept"] = float(kept.result().sum())
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
