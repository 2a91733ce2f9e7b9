# SPDX-License-Identifier: BSD-3-Clause
"""Rows that come as the bytes of Spark's own rows: when, and that it changes nothing."""

import matrass as mt
import numpy as np
import pandas as pd
import pytest
from matrass.spark.packing import in_small_batches, packed
from matrass.spark.sources import source_of
from pyspark.ml.linalg import SparseVector, Vectors, VectorUDT
from pyspark.mllib.linalg import DenseMatrix, Matrices
from pyspark.mllib.linalg.distributed import BlockMatrix
from pyspark.sql import functions as sql
from pyspark.sql.types import StructField, StructType

pytestmark = pytest.mark.time_limit(180)  # the first test waits for Spark and its Python workers

A = np.arange(70 * 130.0).reshape(70, 130)


@pytest.fixture(scope="module")
def session(spark):
    with mt.spark.Session(spark, ranks=2) as found:
        yield found


def arrays(spark, a, kind="double"):
    rows = [(row.tolist(),) for row in a]
    return spark.createDataFrame(spark.sparkContext.parallelize(rows, 3), f"x array<{kind}>")


def vectors(spark, rows):
    schema = StructType([StructField("x", VectorUDT())])
    return spark.createDataFrame(spark.sparkContext.parallelize([(x,) for x in rows], 3), schema)


def is_packed(frame, columns=None):
    made = packed(source_of(frame, columns, None))
    return made is not None and "binary" in made.frame.schema.simpleString()


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 128, 130])
@pytest.mark.parametrize("kind", ["double", "float"])
def test_arrays(spark, session, kind, n):
    frame = arrays(spark, A[:, :n], kind)
    assert is_packed(frame)
    np.testing.assert_array_equal(session.put(frame).to_numpy(), A[:, :n])


def test_arrays_of_expressions_of_a_cache_and_of_files(spark, session, tmp_path):
    made = spark.range(0, 50, 1, 3).selectExpr("array(id, 2D * id, 1) as x")
    expected = np.stack([[i, 2.0 * i, 1] for i in range(50)])
    made.write.parquet(str(tmp_path / "x"))
    read = spark.read.parquet(str(tmp_path / "x"))
    for frame in (made, made.cache(), read, made.union(read).limit(50)):
        assert is_packed(frame)
        found = session.put(frame).to_numpy()
        np.testing.assert_array_equal(np.sort(found, axis=0), expected)


@pytest.mark.parametrize("n", [5, 100])
def test_columns_of_numbers(spark, session, n):
    frame = spark.range(0, 40, 1, 3).select(
        *(
            sql.expr(f"cast(id + {k} as {'int' if k % 2 else 'double'})").alias(f"c.{k}")
            for k in range(n)
        )
    )
    assert is_packed(frame)
    a = session.put(frame)
    assert a.dtype == np.float64
    np.testing.assert_array_equal(a.to_numpy(), np.add.outer(np.arange(40.0), np.arange(n)))


def six_columns(spark, names):
    return spark.range(0, 10, 1, 3).selectExpr(*(f"id + {k}.0D" for k in range(6))).toDF(*names)


SIX = np.add.outer(np.arange(10.0), np.arange(6))


def test_names_that_are_no_words(spark, session):
    names = ["a.b", "c`d", "e f", "select", "1", "ü"]
    frame = six_columns(spark, names)
    assert is_packed(frame)
    np.testing.assert_array_equal(session.put(frame).to_numpy(), SIX)
    few = frame.drop("e f", "ü")
    assert not is_packed(few)
    np.testing.assert_array_equal(session.put(few).to_numpy(), SIX[:, [0, 1, 3, 4]])
    kept = mt.spark.run(frame, lambda _, a: {"c`d.e": a}, columns=names[4::-2])
    assert kept.columns == [*names, "c`d.e"]
    assert sorted(row[-1] for row in kept.collect()) == SIX[:, 4::-2].tolist()


def test_names_that_differ_by_their_case(spark, session):
    frame = six_columns(spark, ["x", "X", "y", "z", "a", "b"])
    assert not is_packed(frame)
    np.testing.assert_array_equal(session.put(frame).to_numpy(), SIX)


def test_names_are_told_as_they_are(spark, session):
    frame = spark.range(3).selectExpr("if(id = 1, null, 1.0D) as `a.b`")
    with pytest.raises(mt.InvalidArgument, match=r"column 'a\.b' must have no nulls"):
        session.put(frame)


@pytest.mark.parametrize("n", [3, 70])
def test_vectors(spark, session, n):
    x = np.where(np.arange(40 * n).reshape(40, n) % 7 == 0, np.arange(40.0 * n).reshape(40, n), 0)
    dense = [Vectors.dense(row) for row in x]
    sparse = [SparseVector(n, np.flatnonzero(row), row[row != 0]) for row in x]
    mixed = [sparse[i] if i % 3 else dense[i] for i in range(40)]
    for rows in (dense, sparse, mixed):
        frame = vectors(spark, rows)
        assert is_packed(frame)
        np.testing.assert_array_equal(session.put(frame).to_numpy(), x)


@pytest.mark.parametrize("kind", ["dense", "transposed", "sparse"])
def test_blocks_come_as_lists(spark, session, kind):
    x = np.where(np.arange(77).reshape(7, 11) % 3 == 0, np.arange(77.0).reshape(7, 11), 0)
    blocks = []
    for i, j in np.ndindex(2, 3):
        part = x[4 * i : 4 * i + 4, 4 * j : 4 * j + 4]
        m, n = part.shape
        if kind == "sparse":
            rows = np.nonzero(part.T)[1].tolist()
            ends = np.append(0, np.cumsum(np.count_nonzero(part, axis=0))).tolist()
            made = Matrices.sparse(m, n, ends, rows, part.T[part.T != 0].tolist())
        else:
            order = "C" if kind == "transposed" else "F"
            made = DenseMatrix(m, n, part.ravel(order=order).tolist(), kind == "transposed")
        blocks.append(((i, j), made))
    a = BlockMatrix(spark.sparkContext.parallelize(blocks, 3), 4, 4, 7, 11)
    assert packed(source_of(a, None, None)) is None
    np.testing.assert_array_equal(session.put(a).to_numpy(), x)


def test_what_cannot_be_packed_comes_as_lists(spark, session):
    local = spark.createDataFrame(pd.DataFrame({"x": [[1.0, 2.0], [3.0, 4.0]]}))
    whole = spark.range(4).selectExpr("array(cast(id as int), 7) as x")
    for frame, expected in ((local, [[1, 2], [3, 4]]), (whole, [[i, 7] for i in range(4)])):
        np.testing.assert_array_equal(session.put(frame).to_numpy(), expected)
    assert not is_packed(whole)


def test_where_spark_generates_no_code(spark, session):
    frame = arrays(spark, A)
    names = "spark.sql.codegen.wholeStage", "spark.sql.codegen.factoryMode"
    try:
        spark.conf.set(names[0], "false")
        spark.conf.set(names[1], "NO_CODEGEN")
        found = session.put(frame).to_numpy()
    finally:
        for name in names:
            spark.conf.unset(name)
    np.testing.assert_array_equal(found, A)


@pytest.mark.parametrize(
    ("rows", "error", "match"),
    [
        ([[1.0], None], mt.InvalidArgument, "column 'x' must have no nulls: row "),
        ([[1.0], [None]], mt.InvalidArgument, "column 'x' must have no nulls inside"),
        ([[1.0], [1.0, 2.0]], mt.ShapeError, "column 'x' must have one length: got 1 and 2"),
        ([[1.0], []], mt.ShapeError, "column 'x' must have one length: got 1 and 0"),
    ],
)
def test_wrong_arrays(spark, session, rows, error, match):
    given = spark.sparkContext.parallelize([(row,) for row in rows], 1)
    frame = spark.createDataFrame(given, "x array<double>")
    assert is_packed(frame)
    with pytest.raises(error, match=match):
        session.put(frame)


def test_a_null_among_columns_is_named(spark, session):
    names = [f"c{k}" for k in range(70)]
    frame = spark.range(0, 9, 1, 1).select(*(sql.col("id").cast("double").alias(k) for k in names))
    frame = frame.withColumn("c66", sql.when(sql.col("c0") != 4, sql.col("c66")))
    assert is_packed(frame)
    with pytest.raises(mt.InvalidArgument, match="column 'c66' must have no nulls: row 4 of"):
        session.put(frame)


def test_arrays_without_elements(spark, session):
    assert session.put(arrays(spark, np.empty((4, 0)))).shape == (4, 0)


def test_small_batches_leave_the_users_session_alone(spark):
    def count(batches):
        import pyarrow as pa

        for batch in batches:
            yield pa.RecordBatch.from_pydict({"n": [batch.num_rows]})

    frame = spark.range(0, 20_000, 1, 1).selectExpr("array_repeat(1D, 100) as x")
    before = dict(spark.conf.getAll)
    found = [row.n for row in in_small_batches(frame).mapInArrow(count, "n long").collect()]
    assert sum(found) == 20_000
    assert 4_000 < max(found) < 7_000  # rows of 8 times 100 bytes, and some more
    assert dict(spark.conf.getAll) == before
    assert frame.sparkSession is spark
