# SPDX-License-Identifier: BSD-3-Clause
"""Rows in Spark, ranks that fit to them, and a model."""

import matrass as mt
import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("pyspark")

from pyspark.ml.functions import array_to_vector
from spark_ml_data import CENTERS, LABEL, WEIGHT, K, M, X


@pytest.fixture(scope="module")
def df(spark):
    """Unequal partitions, in an order of Spark's own."""
    table = {"id": np.arange(M), "array": list(X), "label": LABEL, "w": WEIGHT}
    table["group"] = np.arange(M) % 3
    table["near"] = list(X * 0.1 + CENTERS[table["group"]])
    frame = spark.createDataFrame(pa.table(table)).repartition(3, "group")
    frame = frame.withColumn("features", array_to_vector("array"))
    return frame.withColumn("blobs", array_to_vector("near")).cache()


@pytest.fixture(scope="module")
def session(spark, df):
    with mt.spark.Session(spark, ranks=2) as found:
        yield found


@pytest.fixture(scope="module")
def pca_model(df, session):
    return mt.spark.PCA(k=K, inputCol="features", outputCol="scores", session=session).fit(df)
