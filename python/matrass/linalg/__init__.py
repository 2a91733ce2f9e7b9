# SPDX-License-Identifier: BSD-3-Clause
"""Linear algebra on distributed matrices.

Next: ``operands.py``.
"""

from matrass.linalg.norms import norm as norm
from matrass.linalg.products import matmul as matmul
from matrass.linalg.truncated import PCA as PCA
from matrass.linalg.truncated import TruncatedSVD as TruncatedSVD
from matrass.linalg.truncated import pca as pca
from matrass.linalg.truncated import truncated_svd as truncated_svd

__all__ = ["PCA", "TruncatedSVD", "matmul", "norm", "pca", "truncated_svd"]
