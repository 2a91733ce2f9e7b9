# SPDX-License-Identifier: BSD-3-Clause
"""Linear algebra on distributed matrices.

Next: ``operands.py``.
"""

from matrass.linalg.clustering import KMeans as KMeans
from matrass.linalg.clustering import Labels as Labels
from matrass.linalg.clustering import kmeans as kmeans
from matrass.linalg.features import random_features as random_features
from matrass.linalg.iterative import CG as CG
from matrass.linalg.iterative import LSQR as LSQR
from matrass.linalg.iterative import cg as cg
from matrass.linalg.iterative import lsqr as lsqr
from matrass.linalg.norms import norm as norm
from matrass.linalg.products import matmul as matmul
from matrass.linalg.truncated import PCA as PCA
from matrass.linalg.truncated import TruncatedSVD as TruncatedSVD
from matrass.linalg.truncated import pca as pca
from matrass.linalg.truncated import truncated_svd as truncated_svd

__all__ = [
    "CG",
    "LSQR",
    "PCA",
    "KMeans",
    "Labels",
    "TruncatedSVD",
    "cg",
    "kmeans",
    "lsqr",
    "matmul",
    "norm",
    "pca",
    "random_features",
    "truncated_svd",
]
