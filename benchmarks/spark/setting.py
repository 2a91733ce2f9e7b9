# SPDX-License-Identifier: BSD-3-Clause
"""A Spark of two slots on this machine, and the DataFrames that the cases begin with.

Next: ``svd.py``.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lines import tell as tell_of
from svd_matrix import rows_of_matrix, share_of

HERE = Path(__file__).resolve().parent
RANKS = 2
SPECTRUM = "power_law"
PARTS = 4 * RANKS
BATCH_BYTES = 8 << 20

tell = partial(tell_of, "spark", RANKS)


def prepare(memory: str, *, java_blas: bool = False) -> None:
    """What must be set before the first context is made: its JVM and its workers inherit it.

    Parameters
    ----------
    memory : str
        The heap of the one JVM that is driver and executor, as Spark writes it: "8g".
    java_blas : bool
        Whether MLlib is to find no BLAS of the system's, as on a machine that has none.
    """
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    before = os.environ.get("PYTHONPATH")
    here = [str(HERE), str(HERE.parent / "support")]  # Python workers read these modules, too
    os.environ["PYTHONPATH"] = os.pathsep.join(here + ([before] if before else []))
    arguments = ["--driver-memory", memory]
    if java_blas:
        hidden = (f"-Ddev.ludovic.netlib.{each}.nativeLib=none" for each in ("blas", "lapack"))
        arguments += ["--driver-java-options", f"'{' '.join(hidden)}'"]
    os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join([*arguments, "pyspark-shell"])


@contextlib.contextmanager
def spark_session(**options: Any) -> Iterator[Any]:
    """``local[2]``, quiet; Python workers are its own."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{RANKS}]")
    quiet = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
    for name, value in (quiet | options).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    try:
        yield spark
    finally:
        spark.stop()


def scaled(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """A matrix of fewer rows, but not fewer than columns."""
    return max(shape[1], int(scale * shape[0])), shape[1]


def known_rows(spark: Any, shape: tuple[int, int], parts: int = PARTS) -> Any:
    """A matrix of known singular values: a cached DataFrame of one column, array<double>."""

    def make(batches: Iterator[Any]) -> Iterator[Any]:
        m, n = shape
        step = max(1, BATCH_BYTES // (8 * n))
        for part in (part for batch in batches for part in batch.column(0).to_pylist()):
            rows = share_of(part, parts, m)
            for begin in range(rows.start, rows.stop, step):
                mine = slice(begin, min(begin + step, rows.stop))
                x = rows_of_matrix(shape, mine, SPECTRUM)
                ends = pa.array(np.arange(0, x.size + 1, n, dtype=np.int32))
                column = pa.ListArray.from_arrays(ends, pa.array(x.reshape(-1)))
                yield pa.RecordBatch.from_arrays([column], ["x"])

    return cached(spark.range(0, parts, 1, parts).mapInArrow(make, "x array<double>"))


def cached(frame: Any) -> Any:
    """The same frame, in the storage of Spark's executors."""
    frame = frame.cache()
    frame.count()
    return frame


def released(frame: Any) -> None:
    """Out of the storage, now: the next run begins as the first did."""
    frame.unpersist(blocking=True)


def blas_of(spark: Any) -> str:
    """The BLAS that MLlib has found: a native one (by JNI), or Java's."""
    from py4j.protocol import Py4JError

    netlib: Any = spark.sparkContext._jvm.dev.ludovic.netlib.blas
    try:
        found = netlib.NativeBLAS.getInstance()
    except Py4JError:
        found = netlib.JavaBLAS.getInstance()
    return str(found.getClass().getSimpleName())
