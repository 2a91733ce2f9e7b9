# SPDX-License-Identifier: BSD-3-Clause
"""Linear algebra on distributed matrices.

Next: ``operands.py``.
"""

from matrass.linalg.certificate import Certificate as Certificate
from matrass.linalg.least_squares import Lstsq as Lstsq
from matrass.linalg.least_squares import Ridge as Ridge
from matrass.linalg.least_squares import lstsq as lstsq
from matrass.linalg.least_squares import ridge as ridge
from matrass.linalg.norms import norm as norm
from matrass.linalg.products import matmul as matmul
from matrass.linalg.tall import TallQR as TallQR
from matrass.linalg.tall import leverage_scores as leverage_scores
from matrass.linalg.tall import tall_qr as tall_qr
from matrass.linalg.truncated import PCA as PCA
from matrass.linalg.truncated import TruncatedSVD as TruncatedSVD
from matrass.linalg.truncated import pca as pca
from matrass.linalg.truncated import truncated_svd as truncated_svd

__all__ = [
    "PCA",
    "Certificate",
    "Lstsq",
    "Ridge",
    "TallQR",
    "TruncatedSVD",
    "leverage_scores",
    "lstsq",
    "matmul",
    "norm",
    "pca",
    "ridge",
    "tall_qr",
    "truncated_svd",
]
