# SPDX-License-Identifier: BSD-3-Clause
"""Factorisations of dense matrices by ScaLAPACK.

Next: ``eigen.py``.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.arguments import choice_of, flag_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument
from matrass.linalg.certificate import Certificate, Certified
from matrass.linalg.operands import require_matrices
from matrass.matrix import DistMatrix

__all__ = ["LU", "QR", "SVD", "cholesky", "lu", "qr", "svd"]


@anywhere
def cholesky(a: DistMatrix, lower: bool = True, *, certify: bool = False) -> DistMatrix:
    """Cholesky factor of a Hermitian positive definite matrix.

    Parameters
    ----------
    a : DistMatrix, shape (n, n)
        Any layout. Only the triangle chosen by `lower` is read; `a` is not changed.
    lower : bool
        Whether the result is L with ``A = L @ L.H``, or U with ``A = U.H @ U``.
    certify : bool
        Measure ``||A - L @ L.H|| / ||A||``; the result has it as ``.certificate``.

    Returns
    -------
    DistMatrix, shape (n, n)
        New, [MC,MR] in blocks of 64, zero outside of its triangle.

    Raises
    ------
    ShapeError, InvalidArgument
        On every rank: `a` not square; a NaN or infinity in the triangle that is read.
    NotPositiveDefiniteError
        Names the order of the first leading minor that fails.

    Notes
    -----
    Collective over ``a.grid.comm``. About n**3 / 3 flops; one more copy of the local part of `a`.

    References
    ----------
    ScaLAPACK PxPOTRF.
    """
    require_matrices([a], "cholesky")
    triangle, wanted = agreed(
        a.grid._core,
        "cholesky",
        lambda: (
            "L" if flag_of(lower, "cholesky: lower") else "U",
            flag_of(certify, "cholesky: certify"),
        ),
    )
    factor = DistMatrix._wrap(load_core().cholesky(a._core, triangle), a.grid)
    if wanted:
        factor.certificate = measured("cholesky", a, [factor], how=triangle)
    return factor


class _LU(NamedTuple):
    P: DistMatrix | npt.NDArray[np.int64]
    """The permutation, m x m, or its indices (m,) on every rank."""
    L: DistMatrix
    """m x min(m, n), unit lower trapezoidal."""
    U: DistMatrix
    """min(m, n) x n, upper trapezoidal."""


class LU(_LU, Certified):
    """``A = P @ L @ U``; with ``p_indices``, ``A = L[P] @ U`` in NumPy's terms."""


@anywhere
def lu(a: DistMatrix, *, p_indices: bool = False, certify: bool = False) -> LU:
    """LU factors with partial pivoting, in the manner of `scipy.linalg.lu`.

    Parameters
    ----------
    a : DistMatrix, shape (m, n)
        Any layout; not changed.
    p_indices : bool
        Give the permutation as an array of m row numbers, and not as a matrix of m x m.
    certify : bool
        Measure ``||A - P @ L @ U|| / ||A||``; the result has it as ``.certificate``.

    Returns
    -------
    LU
        P, L, U: new, [MC,MR] in blocks of 64. A singular matrix is no error.

    Raises
    ------
    InvalidArgument
        On every rank: a NaN or infinity in `a`.

    Notes
    -----
    Collective over ``a.grid.comm``. ``m n**2 - n**3 / 3`` flops for m >= n; a copy of the local
    part, m indices, and P's part unless `p_indices`.

    References
    ----------
    ScaLAPACK PxGETRF.
    """
    require_matrices([a], "lu")

    def read() -> tuple[bool, bool]:
        return flag_of(p_indices, "lu: p_indices"), flag_of(certify, "lu: certify")

    as_indices, wanted = agreed(a.grid._core, "lu", read)
    permutation, lower, upper = load_core().lu(a._core)
    inverse = np.empty_like(permutation)  # A[permutation] = L U
    inverse[permutation] = np.arange(len(permutation))
    factors = DistMatrix._wrap(lower, a.grid), DistMatrix._wrap(upper, a.grid)
    if as_indices:
        result = LU(inverse, *factors)
    else:
        m = a.shape[0]
        P = DistMatrix(a.grid, (m, m), a.dtype)
        P.local[...] = inverse[P.local_rows][:, None] == P.local_cols
        result = LU(P, *factors)
    if wanted:
        result.certificate = measured("lu", a, list(factors), permutation)
    return result


class _QR(NamedTuple):
    Q: DistMatrix | None
    R: DistMatrix


class QR(_QR, Certified):
    """``A = Q @ R``: Q with orthonormal columns, R upper trapezoidal with a diagonal >= 0."""


@anywhere
def qr(
    a: DistMatrix,
    mode: Literal["reduced", "complete", "r"] = "reduced",
    *,
    certify: bool = False,
) -> Any:
    """QR factors of a matrix, in the manner of `numpy.linalg.qr`.

    Parameters
    ----------
    a : DistMatrix, shape (m, n)
        Any layout; not changed.
    mode : {"reduced", "complete", "r"}
        With k = min(m, n): Q (m, k) and R (k, n); Q (m, m) and R (m, n); R (k, n) alone.
    certify : bool
        Measure ``||A - Q @ R|| / ||A||`` and ``||I - Q.H @ Q||``.

    Returns
    -------
    QR, or DistMatrix for "r"
        New matrices. R's diagonal is real and not negative, so that the factors are the same to
        rounding on any number of ranks.

    Raises
    ------
    InvalidArgument
        On every rank: a NaN or infinity in `a`; `certify` without Q.

    Notes
    -----
    Collective over ``a.grid.comm``. ``2 m n**2 - 2 n**3 / 3`` flops for m >= n, and as much for Q.
    Where m >= max(4, p) n on p ranks, and Q is not complete, `tall_qr` does it: Q is in [VC,STAR]
    then and R in [STAR,STAR]; else both are in [MC,MR].

    References
    ----------
    ScaLAPACK PxGEQRF, PxORGQR, PxUNGQR.
    """
    require_matrices([a], "qr")

    def read() -> tuple[str, bool]:
        how = choice_of(mode, ("reduced", "complete", "r"), "qr: mode")
        wanted = flag_of(certify, "qr: certify")
        if wanted and how == "r":
            raise InvalidArgument('qr: certify must be False for mode "r": got no Q to measure')
        return how, wanted

    how, wanted = agreed(a.grid._core, "qr", read)
    q, r = load_core().qr(a._core, how)
    R = DistMatrix._wrap(r, a.grid)
    if how == "r":
        return R
    Q = DistMatrix._wrap(q, a.grid)
    result = QR(Q, R)
    if wanted:
        result.certificate = measured("qr", a, [Q, R])
    return result


class _SVD(NamedTuple):
    U: DistMatrix
    S: npt.NDArray[Any]
    Vt: DistMatrix


class SVD(_SVD, Certified):
    """``A = U @ diag(S) @ Vt``: U and Vt.H with orthonormal columns, S descending (an array)."""


@anywhere
def svd(
    a: DistMatrix, full_matrices: bool = False, compute_uv: bool = True, *, certify: bool = False
) -> Any:
    """Singular value decomposition, in the manner of `numpy.linalg.svd`.

    Parameters
    ----------
    a : DistMatrix, shape (m, n)
        Any layout; not changed.
    full_matrices : bool
        Whether U is (m, m) and Vt (n, n), and not (m, k) and (k, n) with k = min(m, n). Unlike
        NumPy's, the default is the small form.
    compute_uv : bool
        Whether vectors are wanted, too.
    certify : bool
        Measure ``||A - U @ diag(S) @ Vt|| / ||A||`` and the orthogonality of U and Vt.

    Returns
    -------
    SVD, or ndarray S without `compute_uv`
        S is on every rank. The first one of the largest entries of each row of Vt is real and
        positive, so that the vectors are the same to rounding on any number of ranks.

    Raises
    ------
    InvalidArgument
        On every rank: a NaN or infinity in `a`; `certify` without vectors.
    ScaLAPACKError
        If the iteration does not converge.

    See Also
    --------
    truncated_svd : the largest triplets alone, much faster.

    Notes
    -----
    Collective over ``a.grid.comm``. About ``8 m n**2 + 12 n**3`` flops for m >= n with vectors.
    Where n <= 512, or m >= max(2, p) n on p ranks, `tall_qr` comes first, then the SVD of R (wide
    matrices: through the transpose): ``6 m n**2`` flops, and for n <= 2,048 LAPACK's SVD of R on
    one rank. U and Vt are in [MC,MR] either way.

    References
    ----------
    Chan (1982); LAPACK xGESDD; ScaLAPACK PxGESVD.
    """
    require_matrices([a], "svd")

    def read() -> tuple[str, bool]:
        full = flag_of(full_matrices, "svd: full_matrices")
        vectors = flag_of(compute_uv, "svd: compute_uv")
        wanted = flag_of(certify, "svd: certify")
        if wanted and not vectors:
            raise InvalidArgument(
                "svd: certify must be False without vectors: got compute_uv=False"
            )
        return "values" if not vectors else "full" if full else "reduced", wanted

    how, wanted = agreed(a.grid._core, "svd", read)
    u, s, vt = load_core().svd(a._core, how)
    if how == "values":
        return s
    result = SVD(DistMatrix._wrap(u, a.grid), s, DistMatrix._wrap(vt, a.grid))
    if wanted:
        result.certificate = measured("svd", a, [result.U, result.Vt], s)
    return result


def measured(
    routine: str, a: DistMatrix, matrices: list[DistMatrix], values: Any = None, how: str = ""
) -> Certificate:
    """The certificate of a result. Collective."""
    cores = [m._core for m in matrices]
    return Certificate(*load_core().certificate(routine, a._core, cores, values, how))
