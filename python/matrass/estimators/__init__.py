# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn's estimators on distributed matrices.

Loaded on demand, for it needs scikit-learn (the extra ``matrass[estimators]``). Next: ``base.py``.
"""

try:
    import sklearn as _sklearn
except ImportError as error:
    raise ImportError(
        "matrass.estimators: scikit-learn must be installed: pip install 'matrass[estimators]'"
    ) from error

from matrass.estimators.clustering import KMeans as KMeans
from matrass.estimators.components import PCA as PCA
from matrass.estimators.incremental import IncrementalPCA as IncrementalPCA
from matrass.estimators.linear import LinearRegression as LinearRegression
from matrass.estimators.linear import Ridge as Ridge
from matrass.estimators.truncated import TruncatedSVD as TruncatedSVD

del _sklearn

__all__ = ["PCA", "IncrementalPCA", "KMeans", "LinearRegression", "Ridge", "TruncatedSVD"]
