# SPDX-License-Identifier: BSD-3-Clause
"""KMeans."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from pyspark import keyword_only
from pyspark.ml.linalg import DenseMatrix, Vectors
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasFeaturesCol, HasMaxIter, HasPredictionCol, HasSeed, HasTol

from matrass import linalg
from matrass.errors import InvalidArgument, ShapeError
from matrass.spark.ml.base import DistEstimator, DistModel, dense, seed_of_param, setter
from matrass.spark.predictions import nearest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from matrass.session.session import Session

__all__ = ["KMeans", "KMeansModel", "KMeansSummary"]

_MODES = ("k-means||", "k-means++", "random")


class _Clustering(HasFeaturesCol, HasPredictionCol, HasMaxIter, HasTol, HasSeed):
    k: Param[int] = Param(
        Params._dummy(), "k", "how many clusters", typeConverter=TypeConverters.toInt
    )
    initMode: Param[str] = Param(
        Params._dummy(),
        "initMode",
        "how the first centers are found: k-means||, k-means++ or random",
        typeConverter=TypeConverters.toString,
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(k=2, initMode="k-means||", maxIter=20, tol=1e-4, seed=0)

    def getK(self) -> int:
        """The number of clusters."""
        return self.getOrDefault(self.k)

    def getInitMode(self) -> str:
        """How the first centers are found."""
        return self.getOrDefault(self.initMode)

    setFeaturesCol = setter("featuresCol")
    setPredictionCol = setter("predictionCol")


class KMeansSummary:
    """What is known of a fit.

    Attributes
    ----------
    k, numIter : int
    trainingCost : float
        The sum of squared distances of the rows from their centers.
    featuresCol, predictionCol : str
    predictions : DataFrame
        What was fitted, with the clusters.
    """

    def __init__(self, model: KMeansModel, dataset: DataFrame, cost: float, steps: int) -> None:
        self.k, self.numIter, self.trainingCost = model.getK(), steps, cost
        self.featuresCol, self.predictionCol = model.getFeaturesCol(), model.getPredictionCol()
        self.predictions = model.transform(dataset)

    @property
    def cluster(self) -> DataFrame:
        """The clusters alone."""
        return self.predictions.select(f"`{self.predictionCol}`")

    @cached_property
    def clusterSizes(self) -> list[int]:
        """How many rows are in each; a job of Spark's."""
        counts: dict[int, int] = dict(
            self.cluster.groupBy(f"`{self.predictionCol}`").count().collect()
        )
        return [counts.get(i, 0) for i in range(self.k)]


class KMeansModel(DistModel, _Clustering):
    """The model that `KMeans` fits."""

    _saved: ClassVar = ("clusterCenterMatrix",)
    clusterCenterMatrix: DenseMatrix
    _found: tuple[DataFrame, float, int] | None = None

    def clusterCenters(self) -> list[npt.NDArray[np.float64]]:
        """The centers."""
        return list(self.clusterCenterMatrix.toArray())

    @property
    def numFeatures(self) -> int:
        """Length of the rows."""
        return self.clusterCenterMatrix.numCols

    def predict(self, value: Any) -> int:
        """The cluster of one vector."""
        row = Vectors.dense(value).toArray()[np.newaxis]
        return int(nearest(row, self.clusterCenterMatrix.toArray())[0])

    def _transform(self, dataset: DataFrame) -> DataFrame:
        centers = self.clusterCenterMatrix.toArray()
        return self._appended(
            dataset,
            self.getPredictionCol(),
            self.getFeaturesCol(),
            nearest,
            self.numFeatures,
            "int",
            centers,
        )

    @property
    def hasSummary(self) -> bool:
        """Whether it was fitted here, not loaded."""
        return self._found is not None

    @property
    def summary(self) -> KMeansSummary:
        """What is known of the fit."""
        if self._found is None:
            raise InvalidArgument("KMeansModel: a loaded model has no summary")
        return KMeansSummary(self, *self._found)


class KMeans(DistEstimator[KMeansModel], _Clustering):
    """Clusters by Lloyd's iteration, computed by `matrass.linalg.kmeans`.

    Parameters
    ----------
    featuresCol, predictionCol : str
        Features are vectors of ml or mllib, or arrays.
    k : int
        1 <= k <= m.
    initMode : {"k-means||", "k-means++", "random"}
    tol : float
        It ends where no center has moved by more than this.
    maxIter : int
    seed : int
        Of the first centers: the same seed gives the same clusters, whatever the partitions are.
    session : Session, optional
        See `matrass.spark.ml`.
    """

    setK = setter("k")
    setInitMode = setter("initMode")
    setMaxIter = setter("maxIter")
    setTol = setter("tol")
    setSeed = setter("seed")

    @keyword_only
    def __init__(
        self,
        *,
        featuresCol: str = "features",
        predictionCol: str = "prediction",
        k: int = 2,
        initMode: str = "k-means||",
        tol: float = 1e-4,
        maxIter: int = 20,
        seed: int = 0,
        session: Session | None = None,
    ) -> None:
        super().__init__()
        self._begin(**self._input_kwargs)

    def _check(self) -> None:
        if self.getInitMode() not in _MODES:
            raise InvalidArgument(
                f"{type(self).__name__}: initMode must be {', '.join(_MODES)}: got "
                f"{self.getInitMode()}"
            )

    def _columns(self) -> tuple[str, list[str]]:
        return self.getFeaturesCol(), []

    def _model(self, a: Any, dataset: DataFrame) -> KMeansModel:
        seed = seed_of_param(self.getSeed())
        found: Any = linalg.kmeans(
            a,
            self.getK(),
            init=self._first(a, seed),
            max_iter=self.getMaxIter(),
            tol=self._tolerance(a),
            seed=seed,
        )
        model = KMeansModel(clusterCenterMatrix=dense(found.centers))
        model._found = dataset, float(found.inertia), int(found.iterations)
        return model

    def _first(self, a: Any, seed: int) -> Any:
        """What `kmeans` calls `init`."""
        if self.getInitMode() != "random":
            return self.getInitMode()
        k, m = self.getK(), a.shape[0]
        if not 1 <= k <= m:
            raise ShapeError(f"{type(self).__name__}: k must be between 1 and m = {m}: got {k}")
        rows = np.random.default_rng(seed).choice(m, k, replace=False)
        return np.vstack([a[int(i) : int(i) + 1].to_numpy() for i in rows])

    def _tolerance(self, a: Any) -> float:
        """`tol` as `kmeans` has it: of the sum of squared shifts, in units of the mean variance."""
        variance = float(np.mean(a.var(axis=0).to_numpy()))
        return self.getTol() ** 2 / variance if variance > 0 else 0.0
