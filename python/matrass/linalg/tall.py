# SPDX-License-Identifier: BSD-3-Clause
"""QR and leverage scores of tall matrices, whose rows stay where they are.

Next: ``least_squares.py``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, overload

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.arguments import choice_of, flag_of, index_of, seed_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument
from matrass.linalg.certificate import Certificate, Certified
from matrass.linalg.operands import require_matrices
from matrass.matrix import DistMatrix

__all__ = ["TallQR", "leverage_scores", "tall_qr"]

_MODES = ("reduced", "r")
_QR_METHODS = ("auto", "cholesky", "tsqr")
_LEVERAGE_METHODS = ("qr", "sketch")


class _TallQR(NamedTuple):
    Q: DistMatrix | None
    R: DistMatrix


class TallQR(_TallQR, Certified):
    """``A = Q @ R``: a pair (Q, R).

    Q is m x n in [VC,STAR] (None where only R was asked for), R n x n in [STAR,STAR], upper
    triangular, its diagonal real and not negative.
    """


@overload
def tall_qr(
    a: DistMatrix,
    mode: Literal["reduced"] = "reduced",
    *,
    method: Literal["auto", "cholesky", "tsqr"] = "auto",
    certify: bool = False,
) -> TallQR: ...
@overload
def tall_qr(
    a: DistMatrix,
    mode: Literal["r"],
    *,
    method: Literal["auto", "cholesky", "tsqr"] = "auto",
    certify: Literal[False] = False,
) -> DistMatrix: ...
@overload
def tall_qr(
    a: DistMatrix,
    mode: Literal["r"],
    *,
    method: Literal["auto", "cholesky", "tsqr"] = "auto",
    certify: Literal[True],
) -> TallQR: ...
@anywhere
def tall_qr(
    a: DistMatrix,
    mode: Literal["reduced", "r"] = "reduced",
    *,
    method: Literal["auto", "cholesky", "tsqr"] = "auto",
    certify: bool = False,
) -> TallQR | DistMatrix:
    """QR of a tall matrix.

    Parameters
    ----------
    a : DistMatrix, shape (m, n), m >= n
        Any layout; [VC,STAR] is used where it is, others are redistributed to it. Not changed. Of
        any rank.
    mode : {"reduced", "r"}
        As `numpy.linalg.qr`: both factors, or R alone.
    method : {"auto", "cholesky", "tsqr"}
        "cholesky": CholeskyQR2, which gives way to "tsqr" where it is measured not to be safe
        (condition numbers above some 1e7, with columns of length 1). "tsqr": Householder's QR of
        blocks of rows, then of pairs of their R. "auto": as "cholesky", but R alone takes one pass
        over `a` where that is harmless (condition numbers up to 8).
    certify : bool
        Measure the result. `residual` is ``||A - Q R||_F / ||A||_F``, estimated by 8 random vectors
        (to some 10 %), or without Q ``||A.H A - R.H R||_F / ||A||_F**2``; `orthogonality` is
        ``||I - Q.H Q||_F``, exactly.

    Returns
    -------
    TallQR or DistMatrix
        The pair (Q, R): Q (m, n) in [VC,STAR] with the rows of `a`, R (n, n) in [STAR,STAR]. The
        diagonal of R is real and not negative, so that the factors are the same, to rounding, for
        any number of ranks and any method. With ``mode="r"`` R alone; a pair (None, R) if it is
        certified.

    Raises
    ------
    ShapeError
        On every rank, if m < n.
    InvalidArgument
        On every rank: for a NaN or infinity in `a`.

    Notes
    -----
    Collective over ``a.grid.comm``. On p ranks 4 m n**2 / p flops a rank and two passes over `a`
    with Q (a third over Q where `a` is not well conditioned), 1 or 3 for R alone; "tsqr" 4.4 and
    2.2. Memory: Q, and for "tsqr" one more copy of the local part.

    References
    ----------
    Yamamoto, Nakatsukasa, Yanagisawa, Fukaya (2015); Demmel, Grigori, Hoemmen, Langou (2012).
    """
    require_matrices([a], "tall_qr")

    def read() -> tuple[bool, str, bool]:
        both = choice_of(mode, _MODES, "tall_qr: mode") == "reduced"
        name = choice_of(method, _QR_METHODS, "tall_qr: method")
        return both, name, flag_of(certify, "tall_qr: certify")

    with_q, name, measured = agreed(a.grid._core, "tall_qr", read)
    core = load_core()
    q, r = core.tall_qr(a._core, with_q, name)
    found = TallQR(None if q is None else DistMatrix._wrap(q, a.grid), DistMatrix._wrap(r, a.grid))
    if measured:
        found.certificate = Certificate(*core.certify_qr(a._core, q, r))
    return found if with_q or measured else found.R


@anywhere
def leverage_scores(
    a: DistMatrix,
    method: Literal["qr", "sketch"] = "qr",
    *,
    rank: int | None = None,
    seed: int = 0,
) -> DistMatrix:
    """How much each row of a tall matrix counts for its column space.

    Parameters
    ----------
    a : DistMatrix, shape (m, n), m >= n
        Any layout; [VC,STAR] is used where it is.
    method : {"qr", "sketch"}
        "qr": exact. "sketch": estimates, from the QR of a random sketch of `a` with 4 n + 64 rows
        and, for n > 96, 96 random directions: each within some 30 % with high probability.
    rank : int, optional
        Only for "qr": scores for the space of so many leading left singular vectors. None: the
        whole column space; columns that depend on others do not count.
    seed : int
        Of the sketch. The same seed gives the same scores on any number of ranks, to rounding.

    Returns
    -------
    DistMatrix, shape (m, 1)
        In [VC,STAR] with the rows of `a`, of its dtype: ``||q_i||**2`` for an orthonormal basis Q
        of the space. Exact ones lie in [0, 1] and add up to the rank.

    Raises
    ------
    ShapeError, InvalidArgument
        On every rank: m < n; `rank` out of range; NaN or infinity in `a`.
    SingularError
        On every rank, for "sketch", if columns depend on each other.

    Notes
    -----
    Collective over ``a.grid.comm``. "qr": 4 m n**2 / p flops a rank. "sketch": m n (n + 2 min(n,
    96)) / p.

    References
    ----------
    Drineas, Magdon-Ismail, Mahoney, Woodruff, "Fast approximation of matrix coherence and
    statistical leverage" (2012).
    """
    require_matrices([a], "leverage_scores")

    def read() -> tuple[bool, int, int]:
        name = choice_of(method, _LEVERAGE_METHODS, "leverage_scores: method")
        wanted = 0 if rank is None else index_of(rank, "leverage_scores: rank")
        if rank is not None and wanted < 1:
            raise InvalidArgument(
                f"leverage_scores: rank must be between 1 and {a.shape[1]}: got {rank!r}"
            )
        return name == "sketch", wanted, seed_of(seed, "leverage_scores", "2**64 - 1")

    arguments = agreed(a.grid._core, "leverage_scores", read)
    return DistMatrix._wrap(load_core().leverage_scores(a._core, *arguments), a.grid)
