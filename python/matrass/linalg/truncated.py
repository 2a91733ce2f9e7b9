# SPDX-License-Identifier: BSD-3-Clause
"""The leading singular triplets and principal components."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy.typing as npt

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.bootstrap.which_mpi import load_core
from matrass.linalg.operands import require_matrix_or_sparse, svd_arguments
from matrass.matrix import DistMatrix
from matrass.sparse import SparseMatrix

__all__ = ["PCA", "TruncatedSVD", "pca", "truncated_svd"]


class TruncatedSVD(NamedTuple):
    """The leading singular triplets of a matrix: ``A ~= U @ diag(S) @ V.H``."""

    U: DistMatrix
    """Left singular vectors, m x k, [VC,STAR]."""
    S: npt.NDArray[Any]
    """Singular values, descending, on every rank."""
    V: DistMatrix
    """Right singular vectors, n x k, [STAR,STAR]."""
    residual: npt.NDArray[Any]
    """``||A v_i - s_i u_i||`` for each triplet, measured."""


@anywhere
def truncated_svd(
    a: DistMatrix | SparseMatrix,
    k: int,
    *,
    method: Literal["auto", "randomized", "lanczos", "gram", "tsqr"] = "auto",
    tol: float | None = None,
    seed: int = 0,
) -> TruncatedSVD:
    """The k largest singular values of a matrix, with their vectors.

    Parameters
    ----------
    a : DistMatrix or SparseMatrix, shape (m, n)
        Any layout; [VC,STAR] is used where it is, others are redistributed to it. Not changed.
    k : int
        1 <= k <= min(m, n).
    method : {"auto", "randomized", "lanczos", "gram", "tsqr"}
        "randomized": block Krylov from random vectors. "lanczos": the same with thick restarts,
        which bound the memory to about 2 k + 80 saved vectors, whatever the spectrum is. "gram":
        from the eigenvectors of A^H A. "tsqr": SVD of the triangular factor, exact to rounding.
        "auto" takes "gram" where there are few columns (up to some 160 to 320), "tsqr" where `k` is
        a large part of them, and else
        "randomized", which gives way to "gram" where the residuals fall slowly. Of a sparse matrix
        "auto" takes "gram" where n is some hundreds, else "lanczos"; "tsqr" is an error.
    tol : float, optional
        Largest residual in units of the largest singular value. Default: 1e-10 in double, 1e-5 in
        single precision.
    seed : int
        Of the random vectors. The same seed gives the same answer on any number of ranks, to
        rounding.

    Returns
    -------
    TruncatedSVD
        U (m, k), S (k,), V (n, k), residual (k,). The entry of largest modulus in each column of V
        is positive real.

    Raises
    ------
    InvalidArgument
        On every rank: `k` out of range; a NaN or infinity in `a`, before work is done; a method
        that needs dense n x n matrices, for a sparse `a` with n > 4096.
    Error
        On every rank, if the residuals of a sparse matrix do not fall below `tol`.

    Notes
    -----
    Collective over ``a.grid.comm``. Sparse: a pass costs 4 nnz b flops with b = 8 vectors and reads
    the entries once, beside 24 n b j flops for a basis of j <= 2 k + 80 vectors (dealt to the ranks
    where n >= 8192); a matrix that is stored wide is transposed first. Dense: a pass over `a` costs
    4 m n b flops with b = 16 vectors (8 where n < 256, and for complex); 5 to 8 passes where the
    spectrum falls well, more where it does not, then the direct method. Memory: at most half of the
    local part for saved vectors, and a copy of it where it has to be redistributed.

    References
    ----------
    Golub, Luk, Overton (1981); Musco, Musco (2015); Demmel, Grigori, Hoemmen, Langou (2012).
    """
    require_matrix_or_sparse(a, "truncated_svd")
    arguments = agreed(
        a.grid._core, "truncated_svd", lambda: svd_arguments("truncated_svd", k, method, tol, seed)
    )
    core = load_core()
    if isinstance(a, SparseMatrix):
        u, s, v, residual = core.sparse_truncated_svd(a._core, *arguments)
    else:
        u, s, v, residual = core.truncated_svd(a._core, *arguments)
    return TruncatedSVD(DistMatrix._wrap(u, a.grid), s, DistMatrix._wrap(v, a.grid), residual)


class PCA(NamedTuple):
    """The leading principal components of the rows of a matrix.

    The numbers of scikit-learn's PCA, which has the components as rows.
    """

    mean: npt.NDArray[Any]
    """Of each column, (n,)."""
    components: DistMatrix
    """n x k, [STAR,STAR]: column i is component i."""
    explained_variance: npt.NDArray[Any]
    """Variance of the scores, (k,), descending."""
    explained_variance_ratio: npt.NDArray[Any]
    """Its part of the sum of the variances of all columns."""
    singular_values: npt.NDArray[Any]
    """Of the centred matrix."""
    scores: DistMatrix
    """m x k, [VC,STAR]: the centred matrix times the components."""
    residual: npt.NDArray[Any]
    """As of `truncated_svd`, for the centred matrix."""


@anywhere
def pca(
    a: DistMatrix | SparseMatrix,
    k: int,
    *,
    method: Literal["auto", "randomized", "lanczos", "gram", "tsqr"] = "auto",
    tol: float | None = None,
    seed: int = 0,
) -> PCA:
    """The k leading principal components of the rows of a matrix.

    Parameters
    ----------
    a : DistMatrix or SparseMatrix, shape (m, n)
        Rows are samples, m >= 2; columns are features. Any layout. Neither changed nor copied: the
        means are taken off while it is read.
    k : int
        1 <= k <= min(m, n).
    method, tol, seed
        See `truncated_svd`.

    Returns
    -------
    PCA

    Raises
    ------
    InvalidArgument
        On every rank: `k` out of range, fewer than 2 rows, a NaN or infinity in `a`; for a sparse
        one a method that needs dense n x n matrices where n > 4096.
    Error
        On every rank, if the residuals of a sparse matrix do not fall below `tol`.

    Notes
    -----
    Collective over ``a.grid.comm``. One pass for the means, then as `truncated_svd`. No digits are
    lost where means are much larger than deviations, but for those that the elements do not have.
    A sparse `a` stays sparse: the means are taken off the products with it, and there digits are
    lost where means are much larger than deviations.
    """
    require_matrix_or_sparse(a, "pca")
    arguments = agreed(a.grid._core, "pca", lambda: svd_arguments("pca", k, method, tol, seed))
    core = load_core()
    if isinstance(a, SparseMatrix):
        found = core.sparse_pca(a._core, *arguments)
    else:
        found = core.pca(a._core, *arguments)
    mean, components, variance, ratio, s, scores, residual = found
    return PCA(
        mean,
        DistMatrix._wrap(components, a.grid),
        variance,
        ratio,
        s,
        DistMatrix._wrap(scores, a.grid),
        residual,
    )
