# SPDX-License-Identifier: BSD-3-Clause
"""The truncated SVD of a DataFrame, scores back as a DataFrame: by MLlib, and by matrass.

Both begin with the same cached frame of one column of arrays, and end with the left vectors in a
cached, counted frame. Next: ``algebra.py``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import matrass as mt
import numpy as np
from matrass.spark.sources import source_of
from setting import cached, released


@dataclass
class Run:
    """Seconds of the transfer to where it is computed, of computing, and of the way back."""

    seconds: dict[str, float] = field(default_factory=dict)
    s: Any = None
    passes: int = 0
    """How often MLlib has multiplied the matrix and its transpose with a vector."""

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


def by_matrass(session: Any, frame: Any, k: int) -> Run:
    """Put, decompose, back."""
    run = Run()
    spark = frame.sparkSession
    with run.phase("transfer"):
        a = session.put(frame)
    with run.phase("compute"):
        found = mt.linalg.truncated_svd(a, k)
    with run.phase("fetch"):
        scores = found.U.to_spark(spark)  # in Spark's storage
        assert scores.count() == a.shape[0]
    run.s = found.S
    return run


def by_mllib(frame: Any, k: int) -> Run:
    """Rows become the JVM's vectors without passing through Python, and are kept there."""
    from pyspark.ml.functions import array_to_vector
    from pyspark.mllib.linalg.distributed import RowMatrix
    from pyspark.mllib.util import MLUtils

    run = Run()
    context = frame.sparkSession.sparkContext
    with run.phase("transfer"):
        vectors = frame.select(array_to_vector("x").alias("x"))
        a = RowMatrix(MLUtils.convertVectorColumnsFromML(vectors, "x"))
        rows = rows_in_jvm(a).cache()
        m = rows.count()
    context.setJobGroup("svd", "computeSVD")
    with run.phase("compute"):
        found = a.computeSVD(k, computeU=True)
        u = rows_in_jvm(found.U).cache()  # it is made when it is first used
        u.count()
    context.setLocalProperty("spark.jobGroup.id", None)
    with run.phase("fetch"):
        scores = cached(source_of(found.U, None, None).frame)
        assert scores.count() == m
    run.s = found.s.toArray()
    run.passes = products(context, "svd")
    released(scores)
    for each in (u, rows):
        each.unpersist(True)
    return run


def rows_in_jvm(matrix: Any) -> Any:
    """The RDD of a distributed matrix of MLlib's: that of Python would copy its rows to Python."""
    return matrix._java_matrix_wrapper._java_model.rows()


def products(context: Any, group: str) -> int:
    """How many jobs of a group were products: MLlib sums them up in a tree."""
    tracker = context.statusTracker()
    count = 0
    for number in tracker.getJobIdsForGroup(group):
        stages = (tracker.getStageInfo(each) for each in tracker.getJobInfo(number).stageIds)
        count += any(stage is not None and "treeAggregate" in stage.name for stage in stages)
    return count


def error_of(run: Run, exact: Any) -> float:
    """Of the singular values, in units of the largest."""
    return float(np.abs(run.s - exact[: len(run.s)]).max() / exact[0])
