# SPDX-License-Identifier: BSD-3-Clause
"""The estimators in pyspark.ml's manner, beside pyspark.ml's own and NumPy."""

import json
import os

import matrass as mt
import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("pyspark")

from pyspark.ml import Pipeline, PipelineModel, clustering, feature, regression
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import DenseMatrix, DenseVector, SparseVector, Vectors, VectorUDT
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder
from pyspark.sql import functions as sql

pytestmark = pytest.mark.time_limit(180)  # the first test waits for Spark and its Python workers

M, N, K = 400, 6, 3
MEANS = np.array([3.0, -1.0, 2.0, 0.0, 10.0, 2.5])
DEVIATIONS = np.array([5.0, 1.0, 0.3, 3.0, 2.0, 0.0])  # the last feature is constant


def _data():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((M, N)) * DEVIATIONS + MEANS
    label = x @ [1.0, 2.0, -3.0, 0.5, -1.0, 0.0] + 4 + rng.standard_normal(M)
    return x, label, rng.uniform(0.5, 2, M)


X, LABEL, WEIGHT = _data()
CENTERS = 20 * np.array([[1.0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]])


@pytest.fixture(scope="module")
def df(spark):
    """Each partition has other numbers of rows."""
    table = {"id": np.arange(M), "array": list(X), "label": LABEL, "w": WEIGHT}
    table["group"] = np.arange(M) % 3
    table["near"] = list(X[:, :] * 0.1 + CENTERS[table["group"]])
    frame = spark.createDataFrame(pa.table(table))
    frame = frame.withColumn("features", array_to_vector("array"))
    return frame.withColumn("blobs", array_to_vector("near")).cache()


@pytest.fixture(scope="module")
def session(spark, df):
    with mt.spark.Session(spark, ranks=2) as found:
        yield found


def _column(frame, name):
    """A column by the order of `id`."""
    rows = sorted(frame.select("id", name).collect(), key=lambda row: row[0])
    return np.array([np.asarray(row[1]) for row in rows])


def _same_up_to_signs(ours, theirs, bound):
    for mine, other in zip(np.asarray(ours).T, np.asarray(theirs).T, strict=True):
        assert min(abs(mine - other).max(), abs(mine + other).max()) < bound


# PCA ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pca_model(df, session):
    return mt.spark.PCA(k=K, inputCol="features", outputCol="scores", session=session).fit(df)


def test_pca_is_sparks(df, pca_model):
    theirs = feature.PCA(k=K, inputCol="features", outputCol="scores").fit(df)
    assert isinstance(pca_model, mt.spark.PCAModel)
    assert isinstance(pca_model.pc, DenseMatrix)
    assert isinstance(pca_model.explainedVariance, DenseVector)
    _same_up_to_signs(pca_model.pc.toArray(), theirs.pc.toArray(), 1e-8)
    np.testing.assert_allclose(pca_model.explainedVariance, theirs.explainedVariance, rtol=1e-8)
    _, s, vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    _same_up_to_signs(pca_model.pc.toArray(), vt[:K].T, 1e-8)
    np.testing.assert_allclose(pca_model.explainedVariance, (s**2 / (s**2).sum())[:K], rtol=1e-10)


def test_pca_transforms_without_centring_as_sparks(df, pca_model):
    out = pca_model.transform(df)
    assert out.columns == [*df.columns, "scores"]
    assert out.schema["scores"].dataType == VectorUDT()
    np.testing.assert_allclose(_column(out, "scores"), X @ pca_model.pc.toArray(), atol=1e-12)


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
    got = _column(model.transform(frame), "o")
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
    _same_up_to_signs(model.v.toArray(), vt[:K].T, 1e-8)
    _same_up_to_signs(_column(model.transform(df), "us"), u[:, :K] * s[:K], 1e-6)


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
    theirs = regression.LinearRegression(**options).fit(_without_the_constant(df))
    np.testing.assert_allclose(ours.coefficients[: N - 1], theirs.coefficients, atol=1e-6)
    assert ours.intercept == pytest.approx(theirs.intercept, abs=1e-5)
    assert ours.coefficients[N - 1] == 0
    assert ours.numFeatures == N
    np.testing.assert_allclose(_by_hand(weight, **options), ours.coefficients, atol=1e-9)


def _without_the_constant(frame):
    return frame.withColumn("features", array_to_vector(sql.slice("array", 1, N - 1)))


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
    np.testing.assert_allclose(_column(out, "prediction"), expected, rtol=1e-12)
    np.testing.assert_allclose(_column(theirs.transform(df), "prediction"), expected, rtol=1e-8)
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
    labels = _column(out, "prediction")
    groups = np.arange(M) % 3
    assert {tuple(labels[groups == g]).count(labels[g]) for g in range(3)} == {133, 134}
    assert ours.predict(Vectors.dense(CENTERS[1])) == labels[1]


def test_kmeans_of_equal_rows(spark, session):
    frame = spark.createDataFrame([(Vectors.dense([1.0, 2.0]),)] * 5, ["features"])
    model = mt.spark.KMeans(k=1, session=session).fit(frame)
    assert model.summary.trainingCost == 0
    np.testing.assert_array_equal(model.clusterCenters(), [[1.0, 2.0]])


# Parameters, copies, persistence ------------------------------------------------------------------

TWINS = [
    (mt.spark.PCA, feature.PCA, set()),
    (
        mt.spark.LinearRegression,
        regression.LinearRegression,
        {"aggregationDepth", "epsilon", "loss", "maxBlockSizeInMB"},
    ),
    (
        mt.spark.KMeans,
        clustering.KMeans,
        {
            "distanceMeasure",
            "initSteps",
            "intermediateStorageLevel",
            "maxBlockSizeInMB",
            "solver",
            "weightCol",
        },
    ),
]


@pytest.mark.parametrize(("ours", "theirs", "less"), TWINS)
def test_parameters_and_defaults_are_sparks(spark, ours, theirs, less):
    mine, other = ours(), theirs()
    assert {p.name for p in mine.params} == {p.name for p in other.params} - less
    for param in mine.params:
        if param.name in ("outputCol", "seed"):  # one's own name; ours repeats
            continue
        twin = other.getParam(param.name)
        assert mine.hasDefault(param) == other.hasDefault(twin), param.name
        if mine.hasDefault(param):
            assert mine.getOrDefault(param) == other.getOrDefault(twin), param.name
        name = f"{param.name[0].upper()}{param.name[1:]}"
        assert hasattr(mine, f"set{name}"), param.name
        assert hasattr(mine, f"get{name}"), param.name
    assert not mine._paramMap, "defaults are not set by hand"
    with pytest.raises(TypeError):
        ours(unknown=1)


def test_models_have_their_estimators_parameters(df, pca_model, session):
    assert pca_model.getK() == K
    assert pca_model.getOutputCol() == "scores"
    assert pca_model.uid.startswith("PCA_")
    renamed = pca_model.copy({pca_model.outputCol: "other"})
    assert renamed.transform(df).columns[-1] == "other"
    assert pca_model.transform(df, {pca_model.outputCol: "third"}).columns[-1] == "third"
    assert pca_model.getOutputCol() == "scores"
    assert pca_model.setOutputCol("scores") is pca_model


def test_fit_with_other_parameters(df, session):
    ridge = mt.spark.LinearRegression(session=session)
    some = [{ridge.regParam: 0.0}, {ridge.regParam: 10.0, ridge.predictionCol: "p"}]
    plain, small = ridge.fit(df, some)
    assert np.linalg.norm(small.coefficients) < np.linalg.norm(plain.coefficients)
    assert small.getPredictionCol() == "p"
    assert ridge.getRegParam() == 0
    one = ridge.copy({ridge.regParam: 10.0}).fit(df)
    np.testing.assert_array_equal(one.coefficients, small.coefficients)


def test_estimators_are_saved_without_their_session(tmp_path, session):
    svd = mt.spark.TruncatedSVD(k=2, inputCol="features", seed=5, session=session)
    svd.save(f"{tmp_path}/svd")
    loaded = mt.spark.TruncatedSVD.load(f"{tmp_path}/svd")
    assert loaded.uid == svd.uid
    assert (loaded.getK(), loaded.getSeed(), loaded.getMethod()) == (2, 5, "auto")
    assert not loaded.isSet("method")
    assert loaded._session is None


def _models(df, session):
    yield mt.spark.PCA(k=2, inputCol="features", outputCol="o", session=session), "o"
    yield mt.spark.TruncatedSVD(k=2, inputCol="features", outputCol="o", session=session), "o"
    yield mt.spark.LinearRegression(predictionCol="o", session=session), "o"
    yield mt.spark.KMeans(k=2, predictionCol="o", session=session), "o"


def test_models_are_saved_and_loaded(df, session, tmp_path):
    some = df.limit(20)
    for estimator, out in _models(df, session):
        model = estimator.fit(df)
        path = f"{tmp_path}/{type(model).__name__}"
        model.save(path)
        loaded = type(model).load(path)
        assert loaded.uid == model.uid
        assert loaded.extractParamMap() == model.extractParamMap()
        np.testing.assert_array_equal(
            _column(loaded.transform(some), out), _column(model.transform(some), out)
        )
        saved = [name for _, _, names in os.walk(path) for name in names]
        assert any(name.endswith(".parquet") for name in saved)
        if hasattr(model, "hasSummary"):
            assert (model.hasSummary, loaded.hasSummary) == (True, False)
            with pytest.raises(mt.InvalidArgument, match="no summary"):
                _ = loaded.summary
    with pytest.raises(Exception, match="already exists"):
        model.save(path)
    model.write().overwrite().save(path)
    assert type(model).load(path).uid == model.uid
    with pytest.raises(mt.InvalidArgument, match=r"must hold a PCAModel: got .*KMeansModel"):
        mt.spark.PCAModel.load(path)


def test_what_is_saved_names_the_class_where_users_find_it(tmp_path, spark):
    mt.spark.KMeans().save(f"{tmp_path}/k")
    text = spark.read.text(f"{tmp_path}/k/metadata").first()[0]
    assert json.loads(text)["class"] == "matrass.spark.KMeans"


def test_pipelines_with_sparks_own_stages(df, session, tmp_path):
    stages = [
        feature.StandardScaler(inputCol="features", outputCol="scaled", withMean=True),
        mt.spark.PCA(k=K, inputCol="scaled", outputCol="scores", session=session),
        mt.spark.LinearRegression(featuresCol="scores", predictionCol="mine", session=session),
        regression.LinearRegression(featuresCol="scores", predictionCol="theirs"),
    ]
    pipeline = Pipeline(stages=stages)
    model = pipeline.fit(df)
    out = model.transform(df)
    mine = _column(out, "mine")
    np.testing.assert_allclose(mine, _column(out, "theirs"), atol=1e-6)
    pipeline.save(f"{tmp_path}/pipeline")
    names = [type(stage) for stage in Pipeline.load(f"{tmp_path}/pipeline").getStages()]
    assert names == [type(stage) for stage in stages]
    model.save(f"{tmp_path}/model")
    loaded = PipelineModel.load(f"{tmp_path}/model")
    np.testing.assert_array_equal(_column(loaded.transform(df), "mine"), mine)


# Spark does not close its pool of threads.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_cross_validation(df, session, tmp_path):
    ridge = mt.spark.LinearRegression(session=session)
    grid = ParamGridBuilder().addGrid(ridge.regParam, [0.0, 100.0]).build()
    search = CrossValidator(
        estimator=ridge,
        estimatorParamMaps=grid,
        evaluator=RegressionEvaluator(),
        numFolds=2,
        seed=1,
        parallelism=2,
    )
    found = search.fit(df)
    assert found.avgMetrics[0] < found.avgMetrics[1]
    assert found.bestModel.getRegParam() == 0
    found.save(f"{tmp_path}/cv")
    loaded = CrossValidatorModel.load(f"{tmp_path}/cv")
    np.testing.assert_array_equal(loaded.bestModel.coefficients, found.bestModel.coefficients)


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: mt.spark.PCA(k=2, inputCol="nope"), "columns must be of the DataFrame: got nope"),
        (lambda: mt.spark.PCA(k=2, inputCol="label"), "'label' must hold arrays or vectors: got"),
        (lambda: mt.spark.PCA(k=2), "inputCol must be set"),
        (lambda: mt.spark.PCA(inputCol="features"), "k must be set"),
        (lambda: mt.spark.PCA(k=N + 1, inputCol="features"), "k must be between 1 and"),
        (lambda: mt.spark.KMeans(k=M + 1), f"k must .*{M + 1}"),
        (lambda: mt.spark.KMeans(k=M + 1, initMode="random"), f"k must be between 1 and m = {M}"),
        (lambda: mt.spark.KMeans(initMode="other"), "initMode must be .*: got other"),
        (lambda: mt.spark.TruncatedSVD(k=2, inputCol="features", method="x"), "method must"),
        (lambda: mt.spark.LinearRegression(elasticNetParam=0.5), "elasticNetParam must be 0.*0.5"),
        (lambda: mt.spark.LinearRegression(solver="l-bfgs"), "solver must be auto or normal"),
        (lambda: mt.spark.LinearRegression(regParam=-1.0), "regParam must be finite"),
        (lambda: mt.spark.LinearRegression(labelCol="array"), "'array' must hold numbers: got"),
        (lambda: mt.spark.LinearRegression(weightCol="missing"), "got missing"),
    ],
)
def test_what_is_wrong_is_named(df, session, make, text):
    estimator = make()
    estimator._session = session
    with pytest.raises(mt.InvalidArgument, match=text):
        estimator.fit(df)


def _with_a_null(column):
    return sql.when(sql.col("id") == 100, None).otherwise(sql.col(column))


@pytest.mark.parametrize("name", ["features", "label"])
def test_nulls_are_named(df, session, name):
    frame = df.withColumn(name, _with_a_null(name))
    with pytest.raises(mt.InvalidArgument, match=f"column '{name}' must have no nulls"):
        mt.spark.LinearRegression(session=session).fit(frame)


def test_nan_and_negative_weights_are_named(df, session):
    lines = mt.spark.LinearRegression(weightCol="w", session=session)
    nan = df.withColumn("label", sql.when(sql.col("id") == 7, float("nan")).otherwise(1.0))
    with pytest.raises(mt.InvalidArgument, match="must be finite"):
        lines.fit(nan)
    with pytest.raises(mt.InvalidArgument, match="weights that are not negative"):
        lines.fit(df.withColumn("w", -sql.col("w")))
    with pytest.raises(mt.InvalidArgument, match="there must be rows"):
        lines.fit(df.where("id < 0"))


def test_transform_names_what_is_wrong(df, pca_model):
    with pytest.raises(mt.InvalidArgument, match="output column must be a new one: got 'label'"):
        pca_model.transform(df, {pca_model.outputCol: "label"})
    with pytest.raises(mt.InvalidArgument, match="column 'nope' must be of the DataFrame"):
        pca_model.transform(df, {pca_model.inputCol: "nope"})
    with pytest.raises(mt.DTypeError, match="must hold arrays or vectors: got double"):
        pca_model.transform(df, {pca_model.inputCol: "label"})
    null = pca_model.transform(df.withColumn("features", _with_a_null("features")))
    with pytest.raises(Exception, match=r"InvalidArgument: PCAModel: column 'features' must have"):
        null.collect()
    short = pca_model.transform(_without_the_constant(df))
    with pytest.raises(Exception, match=f"ShapeError: .* must hold rows of {N} numbers: got"):
        short.collect()


def test_a_session_must_be_one(spark):
    with pytest.raises(mt.InvalidArgument, match="session must be a session"):
        mt.spark.PCA(session=spark)


def test_a_closed_session_says_so(df):
    closed = mt.Session(ranks=1)
    closed.close()
    with pytest.raises(mt.SessionClosedError):
        mt.spark.PCA(k=2, inputCol="features", session=closed).fit(df)


def test_any_session_will_do(df, pca_model):
    with mt.Session(ranks=2) as local:
        model = mt.spark.PCA(k=K, inputCol="features", session=local).fit(df)
        np.testing.assert_allclose(model.pc.toArray(), pca_model.pc.toArray(), atol=1e-10)
        line = mt.spark.LinearRegression(session=local).fit(df)
        assert line.coefficients[0] == pytest.approx(1, abs=0.1)
