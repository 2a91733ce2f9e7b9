# SPDX-License-Identifier: BSD-3-Clause
"""pyspark.ml's estimators, fitted on MPI ranks.

Parameters, their defaults, the fitted models' attributes and results are those of pyspark.ml.
`fit` takes the rows to the ranks of ``session=``, which is neither a parameter nor saved; without
one it has ranks for itself, as many as tasks can run at once, and lets them go. Models need no
ranks. Next: ``base.py``.
"""

from matrass.spark.ml.clustering import KMeans, KMeansModel
from matrass.spark.ml.components import PCA, PCAModel, TruncatedSVD, TruncatedSVDModel
from matrass.spark.ml.linear import LinearRegression, LinearRegressionModel

__all__ = [
    "PCA",
    "KMeans",
    "KMeansModel",
    "LinearRegression",
    "LinearRegressionModel",
    "PCAModel",
    "TruncatedSVD",
    "TruncatedSVDModel",
]

for _name in __all__:  # what is saved holds this name, wherever the class stands
    globals()[_name].__module__ = "matrass.spark"
