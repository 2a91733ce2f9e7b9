# SPDX-License-Identifier: BSD-3-Clause
"""Spark's partitions into the ranks of sessions of three kinds, and back; wrong input."""

import matrass as mt
import numpy as np
import pytest
from pyspark.ml.linalg import Vectors as MLVectors
from pyspark.mllib.linalg import Vectors
from pyspark.mllib.linalg.distributed import (
    CoordinateMatrix,
    IndexedRow,
    IndexedRowMatrix,
    MatrixEntry,
    RowMatrix,
)
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import ArrayType, DoubleType, StructField, StructType

pytestmark = [pytest.mark.time_limit(240)]
M, N = 103, 4


@pytest.fixture(scope="module")
def resident(spark):
    with mt.spark.Session(spark, ranks=2) as s:
        yield s


@pytest.fixture(scope="module")
def isolated(spark):
    with mt.spark.Session(spark, ranks=2, isolation="process") as s:
        yield s


@pytest.fixture(scope="module")
def embedded():
    with mt.Session(ranks=3) as s:
        yield s


@pytest.fixture(params=["resident", "isolated", "embedded"])
def session(request):
    return request.getfixturevalue(request.param)


def known(m=M, n=N):
    """a(i, j) = i + m j."""
    return np.arange(m)[:, np.newaxis] + float(m) * np.arange(n)


def frame_of(spark, partitions=3, m=M, n=N):
    names = [(F.col("id") + m * j).cast("double").alias(f"c{j}") for j in range(n)]
    return spark.range(0, m, 1, partitions).select(*names)


def arrays_of(spark, partitions=3, m=M, n=N):
    columns = frame_of(spark, partitions, m, n)
    return columns.select(F.array(*columns.columns).alias("a"))


@pytest.mark.parametrize("partitions", [1, 7])
def test_columns(spark, session, partitions):
    a = session.put(frame_of(spark, partitions))
    assert (a.shape, a.dtype, str(a.layout)) == ((M, N), np.float64, "[VC,STAR]")
    np.testing.assert_array_equal(a.to_numpy(), known())


@pytest.mark.parametrize(
    ("layout", "block"), [("VC,STAR", 3), ("MC,MR", None), ("STAR,VC", 3), ("STAR,STAR", None)]
)
def test_layouts(spark, embedded, layout, block):
    a = embedded.put(arrays_of(spark), layout=layout, block=block, name="x")
    assert a.layout == mt.Layout(layout)
    np.testing.assert_array_equal(a.to_numpy(), known())
    assert embedded.matrix("x") is a


def test_arrays(spark, session):
    np.testing.assert_array_equal(session.put(arrays_of(spark)).to_numpy(), known())


def test_partitions_are_taken_where_they_are_read(spark, resident):
    resident.put(frame_of(spark, 8), name="adopted")
    lines = [line for line in resident.transfers if line.matrix == "adopted"]
    assert sum(line.bytes for line in lines) == M * N * 8
    assert all(line.adopted == line.bytes for line in lines)
    assert sum(line.tiles for line in lines) == 8


def test_hundreds_of_partitions_share_connections(spark, embedded):
    """One for each Python worker process and rank, however many partitions there are."""
    before = embedded._on_each("wire.connections")[1]
    a = embedded.put(frame_of(spark, 100, m=1000))
    np.testing.assert_array_equal(a.to_numpy(), known(1000))
    embedded.put(frame_of(spark, 30, m=1000))
    after = embedded._on_each("wire.connections")[1]
    processes = 2
    assert all(y - x <= processes for x, y in zip(before, after, strict=True))


def test_ml_vectors(spark, session):
    rows = [(MLVectors.dense(row),) if k % 3 else (_sparse(row),) for k, row in enumerate(known())]
    frame = spark.createDataFrame(rows, ["features"]).repartitionByRange(3, F.expr("uuid()"))
    found = session.put(frame).to_numpy()
    np.testing.assert_array_equal(found[np.argsort(found[:, 0])], known())


def _sparse(row):
    places = np.flatnonzero(row)
    return MLVectors.sparse(len(row), places, row[places])


@pytest.mark.parametrize("kind", ["int", "bigint", "smallint", "tinyint", "boolean"])
def test_integers_become_float64(spark, resident, kind):
    frame = spark.range(0, 6, 1, 2).select((F.col("id") % 2).cast(kind).alias("x"))
    a = resident.put(frame)
    assert a.dtype == np.float64
    np.testing.assert_array_equal(a.to_numpy()[:, 0], [0, 1, 0, 1, 0, 1])


def test_float_stays_float32(spark, resident):
    frame = spark.range(0, 6, 1, 2).select(F.col("id").cast("float"), F.lit(2.5).cast("float"))
    a = resident.put(frame.toDF("x", "y"))
    assert a.dtype == np.float32
    assert resident.put(frame.toDF("x", "y"), dtype=np.float64).dtype == np.float64
    np.testing.assert_array_equal(a.to_numpy()[:, 1], np.full(6, 2.5))


def test_mixed_columns(spark, resident):
    frame = spark.range(0, 6, 1, 2).select(
        F.col("id").cast("int").alias("i"), F.col("id").cast("double").alias("x")
    )
    np.testing.assert_array_equal(resident.put(frame).to_numpy()[:, 0], np.arange(6))


def test_empty_and_unequal_partitions(spark, session):
    frame = frame_of(spark, 6).where("c0 < 18 or c0 > 90")
    found = session.put(frame).to_numpy()
    keep = (known()[:, 0] < 18) | (known()[:, 0] > 90)
    np.testing.assert_array_equal(found, known()[keep])


def test_no_rows(spark, session):
    a = session.put(frame_of(spark).where("c0 < 0"))
    assert a.shape == (0, N)
    assert a.to_numpy().shape == (0, N)


def test_row_matrix(spark, session):
    rows = spark.sparkContext.parallelize([Vectors.dense(row) for row in known()], 3)
    np.testing.assert_array_equal(session.put(RowMatrix(rows)).to_numpy(), known())


@pytest.mark.parametrize("order", ["in order", "shuffled"])
def test_indexed_row_matrix(spark, session, order):
    numbers = np.arange(M)
    if order == "shuffled":
        numbers = np.random.default_rng(0).permutation(M)
    rows = spark.sparkContext.parallelize(
        [IndexedRow(int(i), Vectors.dense(known()[i])) for i in numbers], 5
    )
    a = session.put(IndexedRowMatrix(rows), layout="MC,MR")
    assert str(a.layout) == "[MC,MR]"
    np.testing.assert_array_equal(a.to_numpy(), known())


@pytest.mark.parametrize(
    ("numbers", "message"),
    [([0, 1, 3], "no gaps"), ([0, 1, 1, 2], "duplicates"), ([0, 2, 2], "must come once|got row")],
)
def test_row_numbers_with_gaps_or_duplicates(spark, resident, numbers, message):
    rows = spark.sparkContext.parallelize([IndexedRow(i, Vectors.dense([1.0])) for i in numbers], 2)
    with pytest.raises(mt.InvalidArgument, match=message):
        resident.put(IndexedRowMatrix(rows))


def test_coordinate_matrix(spark, session):
    entries = [(0, 0, 1.0), (5, 2, 2.0), (5, 2, 3.0), (7, 1, -1.0)]
    rows = spark.sparkContext.parallelize([MatrixEntry(*each) for each in entries], 3)
    a = session.put(CoordinateMatrix(rows, 9, 4))
    assert (a.shape, a.nnz) == ((9, 4), 3)
    wanted = np.zeros((9, 4))
    for i, j, v in entries:
        wanted[i, j] += v
    np.testing.assert_array_equal(a.to_dense().to_numpy(), wanted)


@pytest.mark.parametrize("block", [(10, 3), (128, 128), (7, 1)])
def test_block_matrix(spark, resident, block):
    rows = spark.sparkContext.parallelize(
        [IndexedRow(i, Vectors.dense(row)) for i, row in enumerate(known())], 2
    )
    blocks = IndexedRowMatrix(rows).toBlockMatrix(*block)
    np.testing.assert_array_equal(resident.put(blocks).to_numpy(), known())


# Back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("partitions", [None, 1, 7])
def test_to_a_dataframe(spark, session, partitions):
    a = session.put(known(), layout="MC,MR", block=5)
    frame = a.to_spark(spark, partitions=partitions)
    assert frame.columns == ["index", "vector"]
    rows = frame.collect()
    assert [row["index"] for row in rows] == list(range(M))
    np.testing.assert_array_equal([row["vector"].toArray() for row in rows], known())
    if partitions is None:
        assert frame.rdd.getNumPartitions() == len(session.ranks)


def test_what_went_to_spark_stays_there(spark):
    with mt.Session(ranks=2) as s:
        frame = s.put(known()).to_spark(spark)
    assert frame.count() == M
    np.testing.assert_array_equal([r["vector"].toArray() for r in frame.take(3)], known()[:3])


@pytest.mark.parametrize("form", ["indexedrow", "block"])
def test_to_mllib(spark, embedded, form):
    matrix = embedded.put(known()).to_spark(spark, form)
    assert (matrix.numRows(), matrix.numCols()) == (M, N)
    np.testing.assert_array_equal(embedded.put(matrix).to_numpy(), known())


def test_float32_to_spark(spark, embedded):
    frame = embedded.put(known().astype(np.float32)).to_spark(spark)
    np.testing.assert_array_equal(frame.first()["vector"].toArray(), known()[0])


def test_nothing_is_collected_to_the_driver(spark, resident):
    """Spark counts the bytes of results that tasks send to its driver: reports, no rows."""
    m, before = 20_000, len(result_bytes(spark))
    a = resident.put(frame_of(spark, 4, m=m))
    frame = a.to_spark(spark)
    assert frame.count() == m
    assert max(result_bytes(spark)[before:]) < m * N * 8 / 10


def result_bytes(spark):
    """The sizes of what the tasks of each stage so far have sent to the driver."""
    context = spark.sparkContext
    quantiles = context._gateway.new_array(context._jvm.double, 0)
    stages = context._jsc.sc().statusStore().stageList(None, False, False, quantiles, None)
    found = [stages.apply(k) for k in range(stages.size())]
    return [stage.resultSize() for stage in sorted(found, key=lambda stage: stage.stageId())]


# What is wrong ------------------------------------------------------------------------------------


def test_nulls_name_their_column(spark, session):
    frame = frame_of(spark).withColumn("c2", F.when(F.col("c0") != 50, F.col("c2")))
    with pytest.raises(mt.InvalidArgument, match="column 'c2' must have no nulls"):
        session.put(frame)
    np.testing.assert_array_equal(session.put(frame_of(spark)).to_numpy(), known())


def test_arrays_of_two_lengths(spark, session):
    schema = StructType([StructField("a", ArrayType(DoubleType()))])
    frame = spark.createDataFrame([([1.0, 2.0],), ([1.0],)], schema)
    with pytest.raises(mt.ShapeError, match="one length"):
        session.put(frame.repartition(2))
    with pytest.raises(mt.ShapeError, match="one length"):
        session.put(frame.coalesce(1))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda f: f.withColumn("s", F.lit("x")), mt.DTypeError, r"s \(string\) do not"),
        (lambda f: f.withColumn("d", F.lit(1).cast("decimal(5,2)")), mt.DTypeError, "decimal"),
        (lambda f: f.withColumn("v", F.array("c0")), mt.DTypeError, "must be the only one"),
        (lambda f: f.select(F.array(F.lit("x")).alias("a")), mt.DTypeError, "array<string>"),
        (lambda f: f.select("c0", "c0"), mt.InvalidArgument, "different names"),
        (lambda f: f.select(), mt.InvalidArgument, "columns"),
        (lambda f: f.rdd, mt.InvalidArgument, "DataFrame"),
    ],
)
def test_what_is_no_matrix(spark, embedded, make, error, message):
    with pytest.raises(error, match=message):
        embedded.put(make(frame_of(spark)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"form": "rows"}, mt.InvalidArgument, "form"),
        ({"partitions": 0}, mt.InvalidArgument, "partitions"),
        ({"spark": "no"}, mt.InvalidArgument, "SparkSession"),
    ],
)
def test_to_spark_checks_its_arguments(spark, embedded, arguments, error, message):
    a = embedded.put(known())
    with pytest.raises(error, match=message):
        a.to_spark(**{"spark": spark} | arguments)


def test_complex_numbers_do_not_go_to_spark(spark, embedded):
    with pytest.raises(mt.DTypeError, match="real"):
        embedded.put(known() * 1j).to_spark(spark)
