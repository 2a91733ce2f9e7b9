# SPDX-License-Identifier: BSD-3-Clause
"""Spark's Python workers become MPI ranks; the partitions that they read become tiles, in place.

Loaded on demand, for it needs pyspark (the extra ``matrass[spark]``). Next: ``batches.py``.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

try:
    import pyspark as _pyspark
except ImportError as error:
    raise ImportError(
        "matrass.spark: pyspark must be installed: pip install 'matrass[spark]'"
    ) from error

from matrass.spark.run import run
from matrass.spark.session import SparkSession as Session

if _TYPE_CHECKING:
    from matrass.spark.ml import PCA as PCA
    from matrass.spark.ml import KMeans as KMeans
    from matrass.spark.ml import KMeansModel as KMeansModel
    from matrass.spark.ml import LinearRegression as LinearRegression
    from matrass.spark.ml import LinearRegressionModel as LinearRegressionModel
    from matrass.spark.ml import PCAModel as PCAModel
    from matrass.spark.ml import TruncatedSVD as TruncatedSVD
    from matrass.spark.ml import TruncatedSVDModel as TruncatedSVDModel

del _pyspark

__all__ = ["Session", "run"]

_ESTIMATORS = frozenset(("KMeans", "LinearRegression", "PCA", "TruncatedSVD"))


def __getattr__(name: str) -> _Any:
    """Estimators and models are loaded late: Python workers need none."""
    if name.removesuffix("Model") not in _ESTIMATORS:
        raise AttributeError(f"module 'matrass.spark' has no attribute {name!r}")
    from matrass.spark import ml

    return getattr(ml, name)
