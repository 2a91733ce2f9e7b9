# SPDX-License-Identifier: BSD-3-Clause
"""Rows that lie with the ranks in other ways than whole matrices' do; partitions that are wrong."""

import matrass as mt
import numpy as np
import pytest
from pyspark.sql import functions as sql

pytestmark = pytest.mark.time_limit(180)  # the first test waits for Spark and its Python workers

A = np.arange(22.0).reshape(11, 2)


@pytest.fixture(scope="module")
def session(spark):
    with mt.spark.Session(spark, ranks=2) as found:
        yield found


@pytest.mark.parametrize("rows", [slice(7, 8), slice(3, 9), slice(0, 7), slice(0, 0)])
def test_slices_come_back(spark, session, rows):
    part = session.put(A)[rows]
    np.testing.assert_array_equal(part.to_numpy(), A[rows])
    found = sorted(part.to_spark(spark).collect())
    assert [list(row.vector) for row in found] == A[rows].tolist()


def test_a_column_that_is_wrong_costs_no_rank(spark, session):
    ranks = session.ranks
    numbers = spark.range(0, 1000, 1, 2).withColumn("x", sql.col("id").cast("double"))
    wrong = numbers.withColumn("x", sql.when(sql.col("id") != 3, sql.col("x")))
    for _ in range(2):
        with pytest.raises(mt.InvalidArgument, match="column 'x' must have no nulls"):
            session.put(wrong.select("x"))
    a = session.put(numbers.select("x"))  # in tasks that find the ranks' processes as they were
    assert float(a.sum()) == 999 * 500
    assert session.ranks == ranks
