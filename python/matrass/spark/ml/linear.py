# SPDX-License-Identifier: BSD-3-Clause
"""LinearRegression.

Next: ``clustering.py``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from pyspark import keyword_only
from pyspark.ml.linalg import DenseVector
from pyspark.ml.param.shared import (
    HasElasticNetParam,
    HasFeaturesCol,
    HasFitIntercept,
    HasLabelCol,
    HasMaxIter,
    HasPredictionCol,
    HasRegParam,
    HasSolver,
    HasStandardization,
    HasTol,
    HasWeightCol,
)

from matrass.errors import InvalidArgument
from matrass.spark.ml.base import DistEstimator, DistModel, setter
from matrass.spark.predictions import predicted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from matrass.session.session import Session

__all__ = ["LinearRegression", "LinearRegressionModel", "LinearRegressionSummary"]


class _Regression(
    HasFeaturesCol,
    HasLabelCol,
    HasPredictionCol,
    HasRegParam,
    HasElasticNetParam,
    HasFitIntercept,
    HasStandardization,
    HasWeightCol,
    HasMaxIter,
    HasTol,
    HasSolver,
):
    def __init__(self) -> None:
        super().__init__()
        self._setDefault(regParam=0.0, maxIter=100, tol=1e-6, solver="auto")
        self._setDefault(elasticNetParam=0.0, fitIntercept=True, standardization=True)

    setFeaturesCol = setter("featuresCol")
    setPredictionCol = setter("predictionCol")


class LinearRegressionSummary:
    """How a model does on a DataFrame; each number is a job of Spark's, when it is first read.

    Parameters
    ----------
    model : LinearRegressionModel
    dataset : DataFrame
        With labels.
    """

    def __init__(self, model: LinearRegressionModel, dataset: DataFrame) -> None:
        self._model = model
        self.predictions = model.transform(dataset)
        """`dataset` with the predictions."""
        self.featuresCol = model.getFeaturesCol()
        self.labelCol = model.getLabelCol()
        self.predictionCol = model.getPredictionCol()

    @property
    def residuals(self) -> DataFrame:
        """Label minus prediction, one column."""
        from pyspark.sql.functions import col

        found = col(f"`{self.labelCol}`") - col(f"`{self.predictionCol}`")
        return self.predictions.select(found.alias("residuals"))

    def _metric(self, name: Any) -> float:
        from pyspark.ml.evaluation import RegressionEvaluator

        weighted = {}
        if self._model.isSet("weightCol"):
            weighted["weightCol"] = self._model.getWeightCol()
        measure = RegressionEvaluator(
            predictionCol=self.predictionCol,
            labelCol=self.labelCol,
            metricName=name,
            throughOrigin=not self._model.getFitIntercept(),
            **weighted,
        )
        return measure.evaluate(self.predictions)

    @cached_property
    def explainedVariance(self) -> float:
        """Of the predictions, about the labels' mean."""
        return self._metric("var")

    @cached_property
    def meanAbsoluteError(self) -> float:
        """Of the residuals."""
        return self._metric("mae")

    @cached_property
    def meanSquaredError(self) -> float:
        """Of the residuals."""
        return self._metric("mse")

    @property
    def rootMeanSquaredError(self) -> float:
        """Root of `meanSquaredError`."""
        return float(self.meanSquaredError**0.5)

    @cached_property
    def r2(self) -> float:
        """Part of the labels' variance that is explained; without an intercept, about 0."""
        return self._metric("r2")

    @cached_property
    def numInstances(self) -> int:
        """How many rows there are."""
        return self.predictions.count()

    @property
    def degreesOfFreedom(self) -> int:
        """Rows less coefficients, and less one for an intercept."""
        own = self._model.numFeatures + bool(self._model.getFitIntercept())
        return self.numInstances - own


class LinearRegressionModel(DistModel, _Regression):
    """The model that `LinearRegression` fits.

    Attributes
    ----------
    coefficients : DenseVector, (n,)
    intercept : float
    """

    _saved: ClassVar = ("coefficients", "intercept")
    coefficients: DenseVector
    intercept: float
    _trained_on: DataFrame | None = None

    @property
    def numFeatures(self) -> int:
        """Length of the rows."""
        return len(self.coefficients)

    def predict(self, value: Any) -> float:
        """The prediction for one vector."""
        return float(self.coefficients.dot(value) + self.intercept)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        w = self.coefficients.toArray()
        return self._appended(
            dataset,
            self.getPredictionCol(),
            self.getFeaturesCol(),
            predicted,
            len(w),
            "double",
            w,
            self.intercept,
        )

    def evaluate(self, dataset: DataFrame) -> LinearRegressionSummary:
        """How it does on a DataFrame that has labels."""
        return LinearRegressionSummary(self, dataset)

    @property
    def hasSummary(self) -> bool:
        """Whether it was fitted here, not loaded."""
        return self._trained_on is not None

    @property
    def summary(self) -> LinearRegressionSummary:
        """How it does on what it was fitted to."""
        if self._trained_on is None:
            raise InvalidArgument("LinearRegressionModel: a loaded model has no summary")
        return self.evaluate(self._trained_on)


class LinearRegression(DistEstimator[LinearRegressionModel], _Regression):
    """Least squares and ridge regression, directly, as pyspark.ml's solver "normal" does.

    Parameters
    ----------
    featuresCol, labelCol, predictionCol : str
        Features are vectors of ml or mllib, or arrays.
    regParam : float
        The penalty: not negative.
    elasticNetParam : float
        Must be 0: there is no L1 penalty.
    fitIntercept, standardization : bool
        `standardization` penalises what the coefficients are of features of unit deviation.
    weightCol : str, optional
    solver : {"auto", "normal"}
    maxIter, tol
        Taken and not used: nothing is iterated.
    session : Session, optional
        See `matrass.spark.ml`.

    Notes
    -----
    It minimises what Spark minimises, weights w, labels b and rows a_i:
    ``sum_i w_i (b_i - c - a_i x)**2 / (2 sum w) + regParam / (2 t) sum_j (s_j x_j)**2``, where t is
    the deviation of the labels and s_j that of feature j, or 1 without `standardization`. Of many
    solutions it takes one of least norm, and 0 for constant features.
    """

    setLabelCol = setter("labelCol")
    setRegParam = setter("regParam")
    setElasticNetParam = setter("elasticNetParam")
    setFitIntercept = setter("fitIntercept")
    setStandardization = setter("standardization")
    setWeightCol = setter("weightCol")
    setMaxIter = setter("maxIter")
    setTol = setter("tol")
    setSolver = setter("solver")

    @keyword_only
    def __init__(
        self,
        *,
        featuresCol: str = "features",
        labelCol: str = "label",
        predictionCol: str = "prediction",
        maxIter: int = 100,
        regParam: float = 0.0,
        elasticNetParam: float = 0.0,
        tol: float = 1e-6,
        fitIntercept: bool = True,
        standardization: bool = True,
        solver: str = "auto",
        weightCol: str | None = None,
        session: Session | None = None,
    ) -> None:
        super().__init__()
        self._begin(**self._input_kwargs)

    def _check(self) -> None:
        name = type(self).__name__
        if self.getElasticNetParam() != 0:
            raise InvalidArgument(
                f"{name}: elasticNetParam must be 0, for there is no L1 penalty: got "
                f"{self.getElasticNetParam():g}"
            )
        if self.getSolver() not in ("auto", "normal"):
            raise InvalidArgument(f"{name}: solver must be auto or normal: got {self.getSolver()}")
        if not 0 <= self.getRegParam() < float("inf"):
            raise InvalidArgument(
                f"{name}: regParam must be finite and not negative: got {self.getRegParam():g}"
            )

    def _weighted(self) -> bool:
        return self.isDefined("weightCol") and bool(self.getWeightCol())

    def _columns(self) -> tuple[str, list[str]]:
        weights = [self.getWeightCol()] if self._weighted() else []
        return self.getFeaturesCol(), [self.getLabelCol(), *weights]

    def _model(self, a: Any, dataset: DataFrame) -> LinearRegressionModel:
        coefficients, intercept = a.session.call(
            "spark.regression",
            a,
            self._weighted(),
            float(self.getRegParam()),
            bool(self.getFitIntercept()),
            bool(self.getStandardization()),
        )
        model = LinearRegressionModel(
            coefficients=DenseVector(coefficients), intercept=float(intercept)
        )
        model._trained_on = dataset
        return model
