# SPDX-License-Identifier: BSD-3-Clause
"""Parameters, copies, what is saved, pipelines, errors: as pyspark.ml's."""

import json
import os

import matrass as mt
import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel, clustering, feature, regression
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder
from pyspark.sql import functions as sql
from spark_ml_data import K, M, N, column_of, without_the_constant

pytestmark = pytest.mark.time_limit(180)  # the first test waits for Spark and its Python workers

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


def test_estimators_are_savedwithout_their_session(tmp_path, session):
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
            column_of(loaded.transform(some), out), column_of(model.transform(some), out)
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
    mine = column_of(out, "mine")
    np.testing.assert_allclose(mine, column_of(out, "theirs"), atol=1e-6)
    pipeline.save(f"{tmp_path}/pipeline")
    names = [type(stage) for stage in Pipeline.load(f"{tmp_path}/pipeline").getStages()]
    assert names == [type(stage) for stage in stages]
    model.save(f"{tmp_path}/model")
    loaded = PipelineModel.load(f"{tmp_path}/model")
    np.testing.assert_array_equal(column_of(loaded.transform(df), "mine"), mine)


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
    short = pca_model.transform(without_the_constant(df))
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
