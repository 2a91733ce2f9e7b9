# SPDX-License-Identifier: BSD-3-Clause
"""Cases of linear algebra: from Spark's data to results, against Spark's own MLlib.

Next: ``transfers.py``.
"""

from __future__ import annotations

from typing import Any

import matrass as mt
import numpy as np
from lines import median
from matrass.spark.jobs import Job
from setting import blas_of, cached, known_rows, released, scaled, spark_session, tell
from svd import Run, by_matrass, by_mllib, error_of
from svd_matrix import rows_of_matrix, singular_values

TALL = (100_000, 1_000)
LONG = (500_000, 100)
SQUARE = 3_000
RANK = 20
CAP_SECONDS = 300.0
PENALTY = 1e-3


def svd(scale: float, repeats: int) -> None:
    """From a cached frame of arrays to singular values, and scores in a frame."""
    shape = scaled(TALL, scale)
    exact = singular_values("power_law", shape[1])
    with spark_session() as spark:
        frame = known_rows(spark, shape)
        with mt.spark.Session(spark) as s:
            ours = median_run([by_matrass(s, frame, RANK) for _ in range(repeats + 1)])
        theirs = median_run([by_mllib(frame, RANK) for _ in range(max(1, repeats // 2) + 1)])
        blas = blas_of(spark)
    common = {"shape": shape, "k": RANK, "mllib_blas": blas}
    errors = {"matrass_error": error_of(ours, exact), "mllib_error": error_of(theirs, exact)}
    tell(
        "svd",
        **common,
        against="RowMatrix.computeSVD(20, computeU=True) of array_to_vector rows kept in the JVM",
        matrass_ms=in_ms(ours.total),
        mllib_ms=in_ms(theirs.total),
        matrass_parts_ms={name: in_ms(each) for name, each in ours.seconds.items()},
        mllib_parts_ms={name: in_ms(each) for name, each in theirs.seconds.items()},
        **errors,
        times_faster=round(theirs.total / ours.total, 2),
        at_least=10,
    )
    mine, other = ours.seconds["compute"], theirs.seconds["compute"]
    tell(
        "svd_compute",
        **common,
        matrass_ms=in_ms(mine),
        mllib_ms=in_ms(other),
        mllib_products=theirs.passes,
        **errors,
        times_faster=round(other / mine, 2),
        at_least=60,
    )


def median_run(runs: list[Run]) -> Run:
    """The one in the middle, without the first."""
    counted = sorted(runs[1:], key=lambda run: run.total)
    return counted[len(counted) // 2]


def in_ms(seconds: float) -> float:
    return round(1e3 * seconds, 2)


def pca(scale: float, repeats: int) -> None:
    """Principal components and scores, against pyspark.ml.feature.PCA."""
    from pyspark.ml.feature import PCA
    from pyspark.ml.functions import array_to_vector

    shape = scaled(TALL, scale)
    found: dict[str, Any] = {}
    with spark_session() as spark:
        frame = known_rows(spark, shape)

        def ours(s: Any) -> None:
            result = mt.linalg.pca(s.put(frame), RANK)
            assert result.scores.to_spark(spark).count() == shape[0]
            found["matrass"] = result.explained_variance_ratio

        def theirs() -> None:
            vectors = frame.select(array_to_vector("x").alias("x"))
            model = PCA(k=RANK, inputCol="x", outputCol="scores").fit(vectors)
            scores = cached(model.transform(vectors).select("scores"))
            released(scores)
            found["mllib"] = model.explainedVariance.toArray()

        with mt.spark.Session(spark) as s:
            mine = median(repeats, lambda: ours(s))
        other = median(max(1, repeats // 2), theirs)
        blas = blas_of(spark)
    exact = variance_shares(shape)
    tell(
        "pca",
        shape=shape,
        k=RANK,
        against="pyspark.ml.feature.PCA: fit, transform",
        mllib_blas=blas,
        matrass_ms=mine,
        mllib_ms=other,
        **{f"{name}_error": float(abs(each - exact).max()) for name, each in found.items()},
        times_faster=round(other / mine, 2),
        at_least=8,
    )


def variance_shares(shape: tuple[int, int]) -> Any:
    """The part of the variance in each of the first components, by NumPy."""
    x = rows_of_matrix(shape, slice(0, shape[0]), "power_law")
    x -= x.mean(axis=0)
    variances = np.linalg.eigvalsh(x.T @ x)[::-1]
    return variances[:RANK] / variances.sum()


def regression(scale: float, repeats: int) -> None:
    """Least squares and ridge regression of a column of numbers on 100 others."""
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import LinearRegression

    m, n = scaled(LONG, scale)
    with spark_session() as spark:
        frame = samples(spark, m, n)
        names = [f"x{j}" for j in range(n)]
        spread = frame.selectExpr("stddev_pop(y)").first()[0]

        def ours(s: Any, penalty: float) -> Any:
            a = s.put(frame)
            return mt.linalg.ridge(a[:, :n], a[:, n:], penalty * m).to_numpy()[:, 0]

        def theirs(penalty: float) -> Any:
            rows = VectorAssembler(inputCols=names, outputCol="x").transform(frame)
            # Spark's penalty is for the mean of squares, with y in units of its deviation, and by
            # default for standardised columns.
            model = LinearRegression(
                featuresCol="x", labelCol="y", fitIntercept=False, standardization=False,
                regParam=penalty * spread,
            ).fit(rows)  # fmt: skip
            return model.coefficients.toArray()

        for case, penalty in (("linear_regression", 0.0), ("ridge", PENALTY)):
            with mt.spark.Session(spark) as s:
                mine = median(repeats, lambda s=s, penalty=penalty: ours(s, penalty))
                w = ours(s, penalty)
            other = median(repeats, lambda penalty=penalty: theirs(penalty))
            v = theirs(penalty)
            tell(
                case,
                shape=(m, n),
                against="pyspark.ml.regression.LinearRegression of VectorAssembler's rows",
                matrass_ms=mine,
                spark_ms=other,
                difference=float(np.linalg.norm(w - v) / np.linalg.norm(v)),
                times_faster=round(other / mine, 2),
                at_least=3,
            )


def samples(spark: Any, m: int, n: int, parts: int = 8) -> Any:
    """Normal columns x0, x1, ... and y, a sum of them with noise, made by Spark itself."""
    from pyspark.sql.functions import col, randn

    columns = [randn(seed=j).alias(f"x{j}") for j in range(n)]
    frame = spark.range(0, m, 1, parts).select(*columns)
    y = randn(seed=n)
    for j in range(n):
        y = y + col(f"x{j}") / (1 + j)
    return cached(frame.select("*", y.alias("y")))


def multiply(scale: float, repeats: int) -> None:
    """Two BlockMatrices of MLlib's, and their product as one."""
    from pyspark.mllib.linalg.distributed import IndexedRowMatrix

    n = int(SQUARE * scale)
    x = np.random.default_rng(0).standard_normal((n, n))
    with spark_session() as spark:
        from pyspark.mllib.util import MLUtils

        with mt.spark.Session(spark) as s:
            rows = MLUtils.convertVectorColumnsFromML(s.put(x).to_spark(spark), "vector")
            a = IndexedRowMatrix(rows, n, n).toBlockMatrix().cache()
            blocks_of(a).count()
            found: dict[str, Any] = {}

            def ours() -> None:
                left = s.put(a)
                product = (left @ s.put(a)).to_spark(spark, form="block")
                blocks_of(product).count()
                found["matrass"] = product

            mine = median(repeats, ours)

        def theirs() -> None:
            product = a.multiply(a)
            blocks_of(product).count()
            found["mllib"] = product

        other = capped(spark, theirs, max(1, repeats // 2))
        errors = {f"{name}_error": product_error(each, x) for name, each in found.items()}
        blas = blas_of(spark)
    ended = {"mllib_ms": other, "times_faster": round(other / mine, 2)} if other else {}
    tell(
        "multiply",
        shape=(n, n),
        block=(a.rowsPerBlock, a.colsPerBlock),
        against="BlockMatrix.multiply",
        mllib_blas=blas,
        matrass_ms=mine,
        mllib_ended=other is not None,
        cap_s=CAP_SECONDS,
        **ended,
        **errors,
        at_least=10,
    )


def blocks_of(matrix: Any) -> Any:
    """The RDD of the blocks, in the JVM."""
    return matrix._java_matrix_wrapper._java_model.blocks()


def capped(spark: Any, work: Any, repeats: int) -> float | None:
    """The median as of `median`; None if the first run is not done in time."""
    first = Job(spark, "multiply", work)
    if not first.ended.wait(CAP_SECONDS):
        first.cancel()
        first.ended.wait()
        return None
    first.value()
    return median(repeats, work)


def product_error(product: Any, x: Any) -> float:
    """Of a product with itself, by a vector: relative."""
    v = np.ones(len(x))
    exact = x @ (x @ v)
    difference = product.toLocalMatrix().toArray() @ v - exact
    return float(np.linalg.norm(difference) / np.linalg.norm(exact))
