# SPDX-License-Identifier: BSD-3-Clause
"""PCA and TruncatedSVD.

Next: ``linear.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pyspark import keyword_only
from pyspark.ml.linalg import DenseMatrix, DenseVector
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCol, HasOutputCol, HasSeed, HasTol

from matrass import linalg
from matrass.spark.ml.base import DistEstimator, DistModel, dense, seed_of_param, setter
from matrass.spark.predictions import projected

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from matrass.session.session import Session

__all__ = ["PCA", "PCAModel", "TruncatedSVD", "TruncatedSVDModel"]

_M = TypeVar("_M", bound=DistModel)


class _Projection(HasInputCol, HasOutputCol):
    k: Param[int] = Param(
        Params._dummy(), "k", "how many directions", typeConverter=TypeConverters.toInt
    )

    def getK(self) -> int:
        """The number of directions."""
        return self.getOrDefault(self.k)

    setInputCol = setter("inputCol")
    setOutputCol = setter("outputCol")


class _ProjectionEstimator(DistEstimator[_M], _Projection, Generic[_M]):
    setK = setter("k")

    def _check(self) -> None:
        for param in (self.k, self.inputCol):
            self._given(param)

    def _columns(self) -> tuple[str, list[str]]:
        return self.getInputCol(), []


class _ProjectionModel(DistModel, _Projection):
    def _directions(self) -> DenseMatrix:
        raise NotImplementedError

    def _transform(self, dataset: DataFrame) -> DataFrame:
        v = self._directions().toArray()
        column = self._given(self.inputCol)
        return self._appended(
            dataset, self.getOutputCol(), column, projected, len(v), "array<double>", v
        )


class PCAModel(_ProjectionModel):
    """The model that `PCA` fits.

    Attributes
    ----------
    pc : DenseMatrix, n x k
        Column i is principal component i; its entry of largest modulus is positive.
    explainedVariance : DenseVector, (k,)
        The part of the variance along each.

    Notes
    -----
    As pyspark.ml's, `transform` multiplies the rows by `pc` as they are: the mean is not taken off.
    """

    _saved: ClassVar = ("pc", "explainedVariance")
    pc: DenseMatrix
    explainedVariance: DenseVector

    def _directions(self) -> DenseMatrix:
        return self.pc


class PCA(_ProjectionEstimator[PCAModel]):
    """Principal components, computed by `matrass.linalg.pca`.

    Parameters
    ----------
    k : int
        1 <= k <= min(m, n).
    inputCol : str
        Vectors of ml or mllib, or arrays.
    outputCol : str, optional
    session : Session, optional
        See `matrass.spark.ml`.
    """

    @keyword_only
    def __init__(
        self,
        *,
        k: int | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
        session: Session | None = None,
    ) -> None:
        super().__init__()
        self._begin(**self._input_kwargs)

    def _model(self, a: Any, dataset: DataFrame) -> PCAModel:
        found: Any = linalg.pca(a, self.getK())
        variance = DenseVector(found.explained_variance_ratio)
        return PCAModel(pc=dense(found.components.to_numpy()), explainedVariance=variance)


class _Truncated(HasSeed, HasTol):
    method: Param[str] = Param(
        Params._dummy(),
        "method",
        "auto, randomized, lanczos, gram or tsqr: see matrass.linalg.truncated_svd",
        typeConverter=TypeConverters.toString,
    )

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(seed=0, tol=1e-10, method="auto")

    def getMethod(self) -> str:
        """How the triplets are found."""
        return self.getOrDefault(self.method)


class TruncatedSVDModel(_ProjectionModel, _Truncated):
    """The model that `TruncatedSVD` fits.

    Attributes
    ----------
    singularValues : DenseVector, (k,)
        Descending.
    v : DenseMatrix, n x k
        Right singular vectors; the entry of largest modulus in each is positive.

    Notes
    -----
    `transform` gives ``x V``: of the rows that were fitted those of ``U diag(S)``.
    """

    _saved: ClassVar = ("singularValues", "v")
    singularValues: DenseVector
    v: DenseMatrix

    def _directions(self) -> DenseMatrix:
        return self.v


class TruncatedSVD(_ProjectionEstimator[TruncatedSVDModel], _Truncated):
    """The leading singular triplets, computed by `matrass.linalg.truncated_svd`.

    Parameters
    ----------
    k : int
        1 <= k <= min(m, n).
    inputCol : str
        Vectors of ml or mllib, or arrays.
    outputCol : str, optional
    seed : int
        Of the random vectors.
    tol : float
        Largest residual in units of the largest singular value.
    method : {"auto", "randomized", "lanczos", "gram", "tsqr"}
    session : Session, optional
        See `matrass.spark.ml`.
    """

    setSeed = setter("seed")
    setTol = setter("tol")
    setMethod = setter("method")

    @keyword_only
    def __init__(
        self,
        *,
        k: int | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
        seed: int = 0,
        tol: float = 1e-10,
        method: str = "auto",
        session: Session | None = None,
    ) -> None:
        super().__init__()
        self._begin(**self._input_kwargs)

    def _model(self, a: Any, dataset: DataFrame) -> TruncatedSVDModel:
        method: Any = self.getMethod()
        seed = seed_of_param(self.getSeed())
        found: Any = linalg.truncated_svd(
            a, self.getK(), method=method, tol=self.getTol(), seed=seed
        )
        v = dense(found.V.to_numpy())
        return TruncatedSVDModel(singularValues=DenseVector(found.S), v=v)
