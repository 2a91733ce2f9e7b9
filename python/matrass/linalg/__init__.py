# SPDX-License-Identifier: BSD-3-Clause
"""Linear algebra on distributed matrices.

Next: ``operands.py``.
"""

from matrass.linalg.certificate import Certificate as Certificate
from matrass.linalg.clustering import KMeans as KMeans
from matrass.linalg.clustering import Labels as Labels
from matrass.linalg.clustering import kmeans as kmeans
from matrass.linalg.eigen import Eigh as Eigh
from matrass.linalg.eigen import eigh as eigh
from matrass.linalg.eigen import eigvals as eigvals
from matrass.linalg.factorizations import LU as LU
from matrass.linalg.factorizations import QR as QR
from matrass.linalg.factorizations import SVD as SVD
from matrass.linalg.factorizations import cholesky as cholesky
from matrass.linalg.factorizations import lu as lu
from matrass.linalg.factorizations import qr as qr
from matrass.linalg.factorizations import svd as svd
from matrass.linalg.features import random_features as random_features
from matrass.linalg.iterative import CG as CG
from matrass.linalg.iterative import LSQR as LSQR
from matrass.linalg.iterative import cg as cg
from matrass.linalg.iterative import lsqr as lsqr
from matrass.linalg.least_squares import Lstsq as Lstsq
from matrass.linalg.least_squares import Ridge as Ridge
from matrass.linalg.least_squares import lstsq as lstsq
from matrass.linalg.least_squares import ridge as ridge
from matrass.linalg.norms import norm as norm
from matrass.linalg.products import matmul as matmul
from matrass.linalg.solvers import SlogDet as SlogDet
from matrass.linalg.solvers import cond as cond
from matrass.linalg.solvers import det as det
from matrass.linalg.solvers import inv as inv
from matrass.linalg.solvers import matrix_rank as matrix_rank
from matrass.linalg.solvers import pinv as pinv
from matrass.linalg.solvers import slogdet as slogdet
from matrass.linalg.solvers import solve as solve
from matrass.linalg.tall import TallQR as TallQR
from matrass.linalg.tall import leverage_scores as leverage_scores
from matrass.linalg.tall import tall_qr as tall_qr
from matrass.linalg.truncated import PCA as PCA
from matrass.linalg.truncated import TruncatedSVD as TruncatedSVD
from matrass.linalg.truncated import pca as pca
from matrass.linalg.truncated import truncated_svd as truncated_svd

__all__ = [
    "CG",
    "LSQR",
    "LU",
    "PCA",
    "QR",
    "SVD",
    "Certificate",
    "Eigh",
    "KMeans",
    "Labels",
    "Lstsq",
    "Ridge",
    "SlogDet",
    "TallQR",
    "TruncatedSVD",
    "cg",
    "cholesky",
    "cond",
    "det",
    "eigh",
    "eigvals",
    "inv",
    "kmeans",
    "leverage_scores",
    "lsqr",
    "lstsq",
    "lu",
    "matmul",
    "matrix_rank",
    "norm",
    "pca",
    "pinv",
    "qr",
    "random_features",
    "ridge",
    "slogdet",
    "solve",
    "svd",
    "tall_qr",
    "truncated_svd",
]
