# SPDX-License-Identifier: BSD-3-Clause
"""What the estimators find, beside pyspark.ml's own and NumPy."""

import matrass as mt
import numpy as np
import pytest
from pyspark.ml import clustering, feature, regression
from pyspark.ml.linalg import DenseMatrix, DenseVector, SparseVector, Vectors, VectorUDT
from pyspark.sql import functions as sql
from spark_ml_data import (
    CENTERS,
    LABEL,
    WEIGHT,
    K,
    M,
    N,
    X,
    column_of,
    same_up_to_signs,
    without_the_constant,
)

pytestmark = pytest.mark.time_limit(180)  # the first test waits for Spark and its Python workers

# PCA ----------------------------------------------------------------------------------------------


def test_pca_is_sparks(df, pca_model):
    theirs = feature.PCA(k=K, inputCol="features", outputCol="scores").fit(df)
    assert isinstance(pca_model, mt.spark.PCAModel)
    assert isinstance(pca_model.pc, DenseMatrix)
    assert isinstance(pca_model.explainedVariance, DenseVector)
    same_up_to_signs(pca_model.pc.toArray(), theirs.pc.toArray(), 1e-8)
    np.testing.assert_allclose(pca_model.explainedVariance, theirs.explainedVariance, rtol=1e-8)
    _, s, vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    same_up_to_signs(pca_model.pc.toArray(), vt[:K].T, 1e-8)
    np.testing.assert_allclose(pca_model.explainedVariance, (s**2 / (s**2).sum())[:K], rtol=1e-10)


def test_pca_transforms_without_centring_as_sparks(df, pca_model):
    out = pca_model.transform(df)
    assert out.columns == [*df.columns, "scores"]
    assert out.schema["scores"].dataType == VectorUDT()
    np.testing.assert_allclose(column_of(out, "scores"), X @ pca_model.pc.toArray(), atol=1e-12)


@pytest.mark.parametrize("kind", ["array", "mllib", "sparse"])
def test_columns_of_other_kinds_give_the_same(spark, df, session, pca_model, kind):
    from pyspark.mllib.util import MLUtils

    frame = df.select("id", "array", "features")
    name = "array" if kind == "array" else "features"
    if kind == "mllib":
        frame = MLUtils.convertVectorColumnsFromML(frame, "features")
    if kind == "sparse":
        rows = [(i, Vectors.sparse(N, range(N), x)) for i, x in enumerate(X)]
        frame = spark.createDataFrame(rows, ["id", "features"])
        assert isinstance(frame.head().features, SparseVector)
    model = mt.spark.PCA(k=K, inputCol=name, outputCol="o", session=session).fit(frame)
    np.testing.assert_allclose(model.pc.toArray(), pca_model.pc.toArray(), atol=1e-10)
    got = column_of(model.transform(frame), "o")
    np.testing.assert_allclose(got, X @ pca_model.pc.toArray(), atol=1e-9)


def test_without_a_session_a_fit_has_its_own_ranks(df, pca_model):
    pca = mt.spark.PCA(k=K, inputCol="features")
    for _ in range(2):  # the second one finds the first one's processes
        model = pca.fit(df)
        np.testing.assert_allclose(model.pc.toArray(), pca_model.pc.toArray(), atol=1e-10)
    assert model.getOutputCol() == f"{pca.uid}__output"


# TruncatedSVD -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auto", "tsqr"])
def test_truncated_svd_is_numpys(df, session, method):
    svd = mt.spark.TruncatedSVD(
        k=K, inputCol="features", outputCol="us", method=method, session=session
    )
    model = svd.fit(df)
    u, s, vt = np.linalg.svd(X, full_matrices=False)
    np.testing.assert_allclose(model.singularValues, s[:K], rtol=1e-10)
    same_up_to_signs(model.v.toArray(), vt[:K].T, 1e-8)
    same_up_to_signs(column_of(model.transform(df), "us"), u[:, :K] * s[:K], 1e-6)


# LinearRegression ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regularised", "intercept", "standardization", "weight"),
    [
        (0.0, True, True, None),
        (0.0, False, True, "w"),
        (0.3, True, True, "w"),
        (0.3, True, False, None),
        (0.3, False, True, None),
        (0.3, False, False, "w"),
    ],
)
def test_linear_regression_is_sparks(  # noqa: PLR0917
    df, session, regularised, intercept, standardization, weight
):
    options = {
        "regParam": regularised,
        "fitIntercept": intercept,
        "standardization": standardization,
    }
    if weight:
        options["weightCol"] = weight
    ours = mt.spark.LinearRegression(session=session, **options).fit(df)
    # Of a constant feature's deviation, with weights, Spark's one pass keeps some rounding.
    theirs = regression.LinearRegression(**options).fit(without_the_constant(df))
    np.testing.assert_allclose(ours.coefficients[: N - 1], theirs.coefficients, atol=1e-6)
    assert ours.intercept == pytest.approx(theirs.intercept, abs=1e-5)
    assert ours.coefficients[N - 1] == 0
    assert ours.numFeatures == N
    np.testing.assert_allclose(_by_hand(weight, **options), ours.coefficients, atol=1e-9)


def _by_hand(weight, regParam, fitIntercept, standardization, **_):
    """The minimiser, by NumPy's least squares."""
    w = WEIGHT if weight else np.ones(M)
    mean, middle = w @ X / w.sum(), w @ LABEL / w.sum()
    deviation = np.sqrt(w @ (X - mean) ** 2 / w.sum())
    spread = np.sqrt(w @ (LABEL - middle) ** 2 / w.sum())
    a, b = (X - mean, LABEL - middle) if fitIntercept else (X, LABEL)
    penalties = deviation if standardization else np.ones(N)
    rows = np.sqrt(regParam / spread * w.sum()) * np.diag(penalties)
    a = np.vstack([np.sqrt(w)[:, None] * a, rows])[:, : N - 1]
    b = np.append(np.sqrt(w) * b, np.zeros(N))
    return np.append(np.linalg.lstsq(a, b)[0], 0)


def test_predictions_and_measures_are_sparks(df, session):
    ours = mt.spark.LinearRegression(regParam=0.1, session=session).fit(df)
    theirs = regression.LinearRegression(regParam=0.1).fit(df)
    out = ours.transform(df)
    assert out.schema["prediction"].dataType.simpleString() == "double"
    expected = X @ ours.coefficients.toArray() + ours.intercept
    np.testing.assert_allclose(column_of(out, "prediction"), expected, rtol=1e-12)
    np.testing.assert_allclose(column_of(theirs.transform(df), "prediction"), expected, rtol=1e-8)
    assert ours.predict(Vectors.dense(X[3])) == pytest.approx(expected[3])
    for name in ("r2", "rootMeanSquaredError", "meanAbsoluteError", "explainedVariance"):
        assert getattr(ours.summary, name) == pytest.approx(getattr(theirs.summary, name)), name
    assert ours.summary.degreesOfFreedom == M - N - 1
    assert ours.evaluate(df.limit(10)).numInstances == 10


def test_a_constant_label(df, session):
    frame = df.withColumn("label", sql.lit(5.0))
    make = mt.spark.LinearRegression
    model = make(regParam=0.3, session=session).fit(frame)
    assert not model.coefficients.toArray().any()
    assert model.intercept == 5
    with pytest.raises(mt.InvalidArgument, match=r"the label must not be constant .* got 5"):
        make(regParam=0.3, fitIntercept=False, session=session).fit(frame)


def test_fewer_rows_than_ranks(df, session):
    model = mt.spark.LinearRegression(session=session).fit(df.where("id = 3"))
    assert model.intercept == LABEL[3]


# KMeans -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["k-means||", "k-means++", "random"])
def test_kmeans_is_sparks(df, session, mode):
    make = mt.spark.KMeans
    ours = make(k=3, featuresCol="blobs", initMode=mode, seed=3, session=session).fit(df)
    theirs = clustering.KMeans(k=3, featuresCol="blobs", seed=1).fit(df)
    mine = np.array(sorted(map(tuple, ours.clusterCenters())))
    np.testing.assert_allclose(mine, sorted(map(tuple, theirs.clusterCenters())), atol=1e-8)
    assert ours.summary.trainingCost == pytest.approx(theirs.summary.trainingCost)
    assert sorted(ours.summary.clusterSizes) == sorted(theirs.summary.clusterSizes)
    out = ours.transform(df)
    assert out.schema["prediction"].dataType.simpleString() == "int"
    labels = column_of(out, "prediction")
    groups = np.arange(M) % 3
    assert {tuple(labels[groups == g]).count(labels[g]) for g in range(3)} == {133, 134}
    assert ours.predict(Vectors.dense(CENTERS[1])) == labels[1]


def test_kmeans_of_equal_rows(spark, session):
    frame = spark.createDataFrame([(Vectors.dense([1.0, 2.0]),)] * 5, ["features"])
    model = mt.spark.KMeans(k=1, session=session).fit(frame)
    assert model.summary.trainingCost == 0
    np.testing.assert_array_equal(model.clusterCenters(), [[1.0, 2.0]])
