# SPDX-License-Identifier: BSD-3-Clause
"""`mt.spark.run`: a barrier stage whose tasks are the ranks."""

from typing import NamedTuple

import matrass as mt
import numpy as np
import pytest
from pyspark.sql import functions as F  # noqa: N812

pytestmark = [pytest.mark.time_limit(240)]
M = 101


@pytest.fixture(scope="module")
def numbers(spark):
    """A text, and three columns of numbers: i, 2 i, 1; in two partitions."""
    return spark.range(0, M, 1, 2).select(
        F.concat(F.lit("row "), "id").alias("name"),
        F.col("id").cast("double").alias("x"),
        (2 * F.col("id")).alias("y"),
        F.lit(1.0).alias("z"),
    )


COLUMNS = ["x", "y", "z"]


def test_a_matrix_becomes_a_column(numbers):
    out = mt.spark.run(numbers, lambda _, a: a * 3.0, COLUMNS)
    assert out.columns == ["name", "x", "y", "z", "result"]
    rows = out.collect()
    assert [row["name"] for row in rows] == [f"row {i}" for i in range(M)]
    assert all(row["result"] == [3.0 * i, 6.0 * i, 3.0] for i, row in enumerate(rows))
    assert len(out.take(3)) == 3  # what a barrier stage itself does not allow
    assert out.where("result[0] = 9").count() == 1


def test_small_values_alone(numbers):
    assert mt.spark.run(numbers, lambda grid, a: (grid.size, a.shape), COLUMNS) == (2, (M, 3))


def test_both_in_a_tuple(numbers):
    def f(_, a):
        u, s, _, _ = mt.linalg.truncated_svd(a, 2)
        return u, s

    out, s = mt.spark.run(numbers, f, COLUMNS)
    x = np.column_stack([np.arange(M), 2 * np.arange(M), np.ones(M)])
    np.testing.assert_allclose(s, np.linalg.svd(x, compute_uv=False)[:2])
    u = np.array([row["result"] for row in out.collect()])
    np.testing.assert_allclose(u.T @ u, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(u.T @ (x @ (x.T @ u)), np.diag(s**2), atol=1e-6)


def test_both_in_a_dict(numbers):
    def f(_, a):
        return {"twice": a * 2.0, "first": a[:, :1], "norm": a.norm()}

    out, values = mt.spark.run(numbers, f, COLUMNS)
    assert out.columns[-2:] == ["twice", "first"]
    row = out.collect()[5]
    assert (row["twice"], row["first"]) == ([10.0, 20.0, 2.0], [5.0])
    assert values.keys() == {"norm"}


class Found(NamedTuple):
    scores: object
    count: int


def test_a_named_tuple_names_its_columns(numbers):
    import cloudpickle

    cloudpickle.register_pickle_by_value(__import__(__name__))
    try:
        out, count = mt.spark.run(numbers, lambda _, a: Found(a, 7), COLUMNS)
    finally:
        cloudpickle.unregister_pickle_by_value(__import__(__name__))
    assert (out.columns[-1], count) == ("scores", 7)


def test_keywords_are_passed_on(numbers):
    out = mt.spark.run(numbers, lambda _, a, by: a * by, COLUMNS, by=10.0)
    assert out.collect()[1]["result"] == [10.0, 20.0, 10.0]


def test_all_columns_by_default(numbers):
    assert mt.spark.run(numbers.drop("name"), lambda _, a: a.shape) == (M, 3)


def test_a_column_of_vectors(spark, numbers):
    from pyspark.ml.feature import VectorAssembler

    frame = VectorAssembler(inputCols=COLUMNS, outputCol="v").transform(numbers)
    out = mt.spark.run(frame, lambda _, a: a.sum(axis=1), ["v"])
    assert out.collect()[2]["result"] == [7.0]
    assert out.schema["v"].dataType.simpleString() == "vector"


@pytest.mark.parametrize("partitions", [1, 2, 3, 10])
def test_partitions(numbers, partitions):
    """More than there are slots are repartitioned; each row keeps its own result."""
    out = mt.spark.run(numbers.repartition(partitions), lambda _, a: a * 3.0, COLUMNS)
    rows = out.collect()
    assert len(rows) == M
    assert all(row["result"][0] == 3 * row["x"] for row in rows)


@pytest.mark.parametrize("kept", ["x < 0", "x < 3", "x = 100"])
def test_empty_partitions(numbers, kept):
    out = mt.spark.run(numbers.where(kept), lambda _, a: a * 3.0, COLUMNS)
    assert all(row["result"][0] == 3 * row["x"] for row in out.collect())
    assert out.count() == numbers.where(kept).count()


def test_processes_are_used_again(numbers):
    import os

    def pids(grid, _):
        return sorted(grid.comm.allgather(os.getpid()))

    first = mt.spark.run(numbers, pids, COLUMNS)
    assert mt.spark.run(numbers, pids, COLUMNS) == first
    assert len(mt.spark.run(numbers.coalesce(1), pids, COLUMNS)) == 1
    assert mt.spark.run(numbers, pids, COLUMNS) == first


@pytest.mark.parametrize("rank", [None, 0, 1])
def test_what_the_function_raises(numbers, rank):
    def f(grid, a):
        if rank is None or grid.rank == rank:
            raise ValueError(f"from {rank}")
        return a.norm()

    with pytest.raises(mt.RoutineError, match=f"run: rank {rank or 0} raised ValueError: from"):
        mt.spark.run(numbers, f, COLUMNS)
    assert mt.spark.run(numbers, lambda _, a: a.shape, COLUMNS) == (M, 3)


@pytest.mark.parametrize(
    ("f", "columns", "error", "message"),
    [
        (lambda _, a: a.T, COLUMNS, mt.ShapeError, f"must have the {M} rows"),
        (lambda _, a: a * 1j, COLUMNS, mt.DTypeError, "no complex"),
        ("no function", COLUMNS, mt.InvalidArgument, "fn must be a function"),
        (lambda _, a: a, ["nothing"], mt.InvalidArgument, "columns must be of the DataFrame"),
        (lambda _, a: a, ["name"], mt.DTypeError, r"name \(string\)"),
    ],
)
def test_what_is_wrong(numbers, f, columns, error, message):
    with pytest.raises(error, match=message):
        mt.spark.run(numbers, f, columns)


def test_nulls_name_their_column(numbers):
    frame = numbers.withColumn("z", F.when(F.col("x") != 50, F.col("z")))
    with pytest.raises(mt.InvalidArgument, match="column 'z' must have no nulls"):
        mt.spark.run(frame, lambda _, a: a, COLUMNS)


def test_a_reading_that_fails(numbers):
    def fail(x):
        raise ValueError("no such number")

    frame = numbers.withColumn("x", F.udf(fail, "double")("x"))
    with pytest.raises(mt.Error, match="no such number"):
        mt.spark.run(frame, lambda _, a: a, COLUMNS)
    assert mt.spark.run(numbers, lambda _, a: a.shape, COLUMNS) == (M, 3)
