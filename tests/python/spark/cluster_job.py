# SPDX-License-Identifier: BSD-3-Clause
"""A Spark driver of its own, for test_clusters.py: put, SVD, to_spark; prints what it found.

cluster_job.py MASTER [--kill]
"""

import faulthandler
import json
import os
import signal
import sys
import time
from pathlib import Path

import matrass as mt
import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

M, N, PARTS, K = 3_000, 40, 6, 5
SECONDS = 200  # in which it must end, waiting for executors included


def rows_of(part):
    return np.random.default_rng(part).standard_normal((M // PARTS, N))


def make(batches):
    for batch in batches:
        for part in batch.column(0).to_pylist():
            x = rows_of(part)
            ends = pa.array(np.arange(0, x.size + 1, N, dtype=np.int32))
            column = pa.ListArray.from_arrays(ends, pa.array(x.reshape(-1)))
            yield pa.RecordBatch.from_arrays([column], ["x"])


def daemon_of(_):
    """Each executor has one, from which its Python workers are forked."""
    return os.getppid()


def executors_of(spark):
    """How many executors have come, beside the driver."""
    return spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1


def killed(spark, frame, x):
    """An executor's JVM is killed, with what runs there: one error, and the next put works."""
    with mt.spark.Session(spark, ranks=2, timeout=120) as s:
        a = s.put(frame)
        os.kill(parent_of(parent_of(s.ranks[1].pid)), signal.SIGKILL)
        start = time.monotonic()
        while time.monotonic() - start < 30:
            try:
                a.norm()
            except mt.Error as error:
                lost = [type(error).__name__, str(error), time.monotonic() - start]
                break
            time.sleep(0.02)
        return {"lost": lost, "after": bool(np.array_equal(s.put(frame).to_numpy(), x))}


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def main():
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    builder = SparkSession.builder.master(sys.argv[1]).config("spark.ui.enabled", "false")
    builder = builder.config("spark.executor.memory", "1g").config("spark.executor.cores", "1")
    spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    while executors_of(spark) < 2:
        time.sleep(0.1)
    frame = spark.range(0, PARTS, 1, PARTS).mapInArrow(make, "x array<double>").cache()
    frame.count()
    x = np.vstack([rows_of(part) for part in range(PARTS)])
    found = {"executors": executors_of(spark)}
    with mt.spark.Session(spark, ranks=2) as s:
        found["daemons"] = len(set(s.run(daemon_of)))
        a = s.put(frame)
        found["same"] = bool(np.array_equal(a.to_numpy(), x))
        found["adopted"] = sum(line.adopted for line in s.transfers) / x.nbytes
        svd = mt.linalg.truncated_svd(a, K)
        found["values"] = float(np.abs(svd.S - np.linalg.svd(x, compute_uv=False)[:K]).max())
        back = svd.U.to_spark(spark, partitions=5)
        found["partitions"] = back.rdd.getNumPartitions()
        rows = sorted(back.collect())
    u = np.array([row["vector"].toArray() for row in rows])
    found["numbers"] = [row["index"] for row in rows] == list(range(M))
    found["product"] = float(np.abs(x @ (x.T @ u / svd.S) - u * svd.S).max())
    with mt.spark.Session(spark, ranks=2) as s:  # again, on the same workers
        found["again"] = bool(np.array_equal(s.put(frame).to_numpy(), x))
    if sys.argv[2:] == ["--kill"]:
        found |= killed(spark, frame, x)
    spark.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
