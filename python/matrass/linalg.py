# SPDX-License-Identifier: BSD-3-Clause
"""Linear algebra on distributed matrices."""

from __future__ import annotations

import operator
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed
from matrass.arguments import index_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument
from matrass.matrix import DistMatrix

__all__ = ["PCA", "TruncatedSVD", "matmul", "norm", "pca", "truncated_svd"]

_OPS = {False: "N", True: "T", "N": "N", "T": "T", "C": "C"}
_SVD_METHODS = ("auto", "randomized", "gram", "tsqr")
_NORMS = {
    None: "fro",
    "fro": "fro",
    1: "1",
    -1: "-1",
    np.inf: "inf",
    -np.inf: "-inf",
    "max": "max",
}


def matmul(
    a: DistMatrix,
    b: DistMatrix,
    *,
    transpose_a: bool | str = False,
    transpose_b: bool | str = False,
    alpha: complex = 1,
    beta: complex = 0,
    out: DistMatrix | None = None,
) -> DistMatrix:
    """The product ``alpha op(a) op(b) + beta out``.

    Parameters
    ----------
    a, b : DistMatrix
        op(a) has shape (m, k), op(b) (k, n): any layouts, one grid, one dtype. Transposed views
        (``a.T``) and slices are used where they are.
    transpose_a, transpose_b : bool or {"N", "T", "C"}
        What op is: nothing, the transpose (True or "T"), or the conjugate transpose ("C").
    alpha, beta : scalar
        Real where the matrices are.
    out : DistMatrix, shape (m, n), optional
        Gets the result; may share elements with `a` and `b`. Without it, `beta` is not used.

    Returns
    -------
    DistMatrix, shape (m, n)
        `out`, or a new matrix in [MC,MR] with blocks of 64.

    Raises
    ------
    ShapeError, DTypeError, InvalidArgument
        On every rank, before anything is computed.

    Notes
    -----
    Collective over ``a.grid.comm``. 2 m n k flops in all. What PBLAS cannot address is
    redistributed to [MC,MR] first.

    References
    ----------
    PBLAS PxGEMM.
    """
    _require_matrices([a], "matmul")
    arguments = agreed(
        a.grid._core,
        "matmul",
        lambda: _matmul_arguments(a, b, out, (transpose_a, transpose_b), (alpha, beta)),
    )
    core = load_core().matmul(a._core, b._core, *arguments, None if out is None else out._core)
    return DistMatrix._wrap(core, a.grid) if out is None else out


def _matmul_arguments(
    a: DistMatrix,
    b: DistMatrix,
    out: DistMatrix | None,
    transposes: tuple[bool | str, bool | str],
    factors: tuple[complex, complex],
) -> tuple[str, str, complex, complex]:
    """Check what C++ takes for granted; the two ops as BLAS letters, and the factors."""
    operands = [a, b] if out is None else [a, b, out]
    _require_matrices(operands, "matmul")
    if len({m.dtype for m in operands}) != 1:
        shown = ", ".join(str(m.dtype) for m in operands)
        raise DTypeError(f"matmul: matrices must have one dtype: got {shown}")
    if any(np.iscomplexobj(x) for x in factors) and a.dtype.kind != "c":
        raise DTypeError(f"matmul: alpha and beta must be real for {a.dtype}: got {factors}")
    try:
        alpha, beta = (complex(x) for x in factors)
    except (TypeError, ValueError) as error:
        raise DTypeError(f"matmul: alpha and beta must be numbers: got {factors}") from error
    try:
        return _OPS[transposes[0]], _OPS[transposes[1]], alpha, beta
    except (KeyError, TypeError) as error:
        raise InvalidArgument(
            f'matmul: transposes must be a bool, "N", "T" or "C": got {transposes}'
        ) from error


def norm(a: DistMatrix, ord: float | str | None = None) -> float:  # noqa: A002
    """A norm of a matrix.

    Parameters
    ----------
    a : DistMatrix
        Any layout.
    ord : {None, "fro", 1, -1, inf, -inf, "max"}
        As `numpy.linalg.norm` for matrices, and the largest modulus.

    Returns
    -------
    float
        The same on every rank; NaN if `a` has one.

    Raises
    ------
    InvalidArgument
        For another order.

    Notes
    -----
    Collective over ``a.grid.comm``; one pass over the local part and one reduction. Squares neither
    overflow nor vanish before the norm does.
    """
    _require_matrices([a], "norm")

    def read() -> str:
        try:
            return _NORMS[ord]
        except (KeyError, TypeError) as error:
            raise InvalidArgument(
                f'norm: ord must be None, "fro", 1, -1, inf, -inf or "max": got {ord!r}'
            ) from error

    value: float = load_core().norm(a._core, agreed(a.grid._core, "norm", read))
    return value


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


def truncated_svd(
    a: DistMatrix,
    k: int,
    *,
    method: Literal["auto", "randomized", "gram", "tsqr"] = "auto",
    tol: float | None = None,
    seed: int = 0,
) -> TruncatedSVD:
    """The k largest singular values of a matrix, with their vectors.

    Parameters
    ----------
    a : DistMatrix, shape (m, n)
        Any layout; [VC,STAR] is used where it is, others are redistributed to it. Not changed.
    k : int
        1 <= k <= min(m, n).
    method : {"auto", "randomized", "gram", "tsqr"}
        "randomized": block Krylov from random vectors. "gram": from the eigenvectors of A^H A.
        "tsqr": SVD of the triangular factor, exact to rounding. "auto" takes "gram" where there are
        few columns (up to some 160 to 320), "tsqr" where `k` is a large part of them, and else
        "randomized", which gives way to "gram" where the residuals fall slowly.
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
        On every rank: `k` out of range; a NaN or infinity in `a`, before work is done.

    Notes
    -----
    Collective over ``a.grid.comm``. A pass over `a` costs 4 m n b flops with b = 16 vectors (8
    where n < 256, and for complex); 5 to 8 passes where the spectrum falls well, more where it does
    not, then the direct method. Memory: at most half of the local part for saved vectors, and a
    copy of it where it has to be redistributed.

    References
    ----------
    Golub, Luk, Overton (1981); Musco, Musco (2015); Demmel, Grigori, Hoemmen, Langou (2012).
    """
    _require_matrices([a], "truncated_svd")
    arguments = agreed(
        a.grid._core, "truncated_svd", lambda: _svd_arguments("truncated_svd", k, method, tol, seed)
    )
    u, s, v, residual = load_core().truncated_svd(a._core, *arguments)
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


def pca(
    a: DistMatrix,
    k: int,
    *,
    method: Literal["auto", "randomized", "gram", "tsqr"] = "auto",
    tol: float | None = None,
    seed: int = 0,
) -> PCA:
    """The k leading principal components of the rows of a matrix.

    Parameters
    ----------
    a : DistMatrix, shape (m, n)
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
        On every rank: `k` out of range, fewer than 2 rows, a NaN or infinity in `a`.

    Notes
    -----
    Collective over ``a.grid.comm``. One pass for the means, then as `truncated_svd`. No digits are
    lost where means are much larger than deviations, but for those that the elements do not have.
    """
    _require_matrices([a], "pca")
    arguments = agreed(a.grid._core, "pca", lambda: _svd_arguments("pca", k, method, tol, seed))
    mean, components, variance, ratio, s, scores, residual = load_core().pca(a._core, *arguments)
    return PCA(
        mean,
        DistMatrix._wrap(components, a.grid),
        variance,
        ratio,
        s,
        DistMatrix._wrap(scores, a.grid),
        residual,
    )


def _svd_arguments(
    routine: str, k: Any, method: Any, tol: Any, seed: Any
) -> tuple[int, str, float, int]:
    """Read the arguments of a truncated SVD; a `tol` of 0 is the default."""
    rank = index_of(k, f"{routine}: k")
    if method not in _SVD_METHODS:
        names = ", ".join(_SVD_METHODS)
        raise InvalidArgument(f"{routine}: method must be {names}: got {method!r}")
    try:
        bound = 0.0 if tol is None else float(tol)
    except (TypeError, ValueError):
        bound = -1.0
    if not (tol is None or 0 < bound < 1):
        raise InvalidArgument(f"{routine}: tol must lie between 0 and 1, or None: got {tol!r}")
    try:
        start = operator.index(seed)
    except TypeError:
        start = -1
    if not 0 <= start < 2**64:
        raise InvalidArgument(f"{routine}: seed must lie in [0, 2**64): got {seed!r}")
    return rank, str(method), bound, start


def _require_matrices(operands: list[DistMatrix], routine: str) -> None:
    for operand in operands:
        if not isinstance(operand, DistMatrix):
            raise InvalidArgument(
                f"{routine}: operands must be DistMatrix: got {type(operand).__name__} "
                "(mt.from_global makes one of an array)"
            )
