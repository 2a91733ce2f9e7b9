# SPDX-License-Identifier: BSD-3-Clause
"""A Spark driver on the first of two hosts, with an executor on each.

Prints what it found as a line of JSON.
"""

import faulthandler
import json
import sys
import time

import matrass as mt
import numpy as np
from pyspark.sql import SparkSession
from two_hosts import ADDRESSES

M, N, PARTS = 3_000, 8, 6
SECONDS = 150


def exact():
    return np.add.outer(np.arange(float(M)), float(M) * np.arange(N))


def main():
    """The driver's program."""
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    builder = SparkSession.builder.master(sys.argv[1]).config("spark.driver.host", ADDRESSES[0])
    for name, value in {
        "executor.memory": "1g",
        "executor.cores": "1",
        "ui.enabled": "false",
    }.items():
        builder = builder.config(f"spark.{name}", value)
    spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    executors = spark.sparkContext._jsc.sc().getExecutorMemoryStatus
    while executors().size() < 3:  # the driver is one of them
        time.sleep(0.1)
    frame = spark.range(0, M, 1, PARTS).selectExpr(*(f"id + {j * M}.0D as x{j}" for j in range(N)))
    print(json.dumps(resident(spark, frame) | elsewhere(frame)), flush=True)
    spark.stop()


def resident(spark, frame):
    """The executors' Python workers are the ranks."""
    found = {}
    with mt.spark.Session(spark, ranks=2, timeout=60) as s:
        found["nodes"] = len({member.node for member in s._controller.members})
        a = s.put(frame)
        found["adopted"] = sum(line.adopted for line in s.transfers) / exact().nbytes
        found["same"] = bool(np.array_equal(a.to_numpy(), exact()))
        rows = np.array([row["vector"].toArray() for row in sorted(a.to_spark(spark).collect())])
        found["back"] = bool(np.array_equal(rows, exact()))
        found["norm"] = bool(np.isclose(a.norm(), np.linalg.norm(exact()), rtol=1e-12))
    return found


def elsewhere(frame):
    """The ranks are the driver's, on the first host."""
    try:
        with mt.Session(ranks=2) as s:
            s.put(frame)
    except mt.MPIError as error:
        unreachable = str(error)
    with mt.Session(ranks=2, host=ADDRESSES[0]) as s:
        a = s.put(frame)
        return {
            "unreachable": unreachable,
            "received": bool(np.array_equal(a.to_numpy(), exact())),
            "connections": s._on_each("wire.connections")[1],
            "fetched": a.to_spark(frame.sparkSession).count(),
        }


if __name__ == "__main__":
    main()
