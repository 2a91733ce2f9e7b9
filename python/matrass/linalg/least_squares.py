# SPDX-License-Identifier: BSD-3-Clause
"""Least squares, solutions of least norm, and ridge regression.

Next: ``truncated.py``.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.arguments import choice_of, flag_of, index_of, real_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument
from matrass.linalg.certificate import Certificate, Certified
from matrass.linalg.operands import (
    require_alike,
    require_matrices,
    require_matrix_or_sparse,
    require_system,
    tolerance_of,
)
from matrass.matrix import DistMatrix
from matrass.sparse import SparseMatrix

__all__ = ["Lstsq", "Ridge", "lstsq", "ridge"]

_RIDGE_METHODS = ("auto", "cholesky", "svd", "tsqr", "cg")


class _Lstsq(NamedTuple):
    x: DistMatrix
    residuals: npt.NDArray[Any]
    rank: int
    s: npt.NDArray[Any]


class Lstsq(_Lstsq, Certified):
    """What `lstsq` returns: (x, residuals, rank, s), in NumPy's order."""


class _Ridge(NamedTuple):
    x: DistMatrix


class Ridge(_Ridge, Certified):
    """What `ridge` returns with ``certify=True``: (x,)."""


@anywhere
def lstsq(
    a: DistMatrix, b: DistMatrix, rcond: float | None = None, *, certify: bool = False
) -> Lstsq:
    """Solve least squares problems: ``||A x - b||`` minimal, and among solutions the least norm.

    Parameters
    ----------
    a : DistMatrix, shape (m, n)
        Any layout, shape and rank; not changed. Tall ones in [VC,STAR] and wide ones in [STAR,VC]
        are used where they are.
    b : DistMatrix, shape (m, k)
        Any layout, on the grid of `a` and of its dtype.
    rcond : float, optional
        Singular values up to `rcond` times the largest one count as zero. None: NumPy's default,
        eps of double precision times ``max(m, n)``, whatever the dtype. What does not lie between 0
        and 1 means eps, as in NumPy.
    certify : bool
        Measure the result: `residual` is the largest, over columns, of the smaller one of
        ``||A.H r|| / (||A||_F ||r||)`` and ``||r|| / (||A||_F ||x|| + ||b||)``; ``r = b - A x``.

    Returns
    -------
    Lstsq
        x (n, k) in [STAR,STAR]; residuals (k,), the sums of squares of ``b - A x``, or (0,) where
        the rank is below n or m <= n; rank; s (min(m, n),), descending.

    Raises
    ------
    ShapeError, DTypeError, InvalidArgument
        On every rank: rows, grids or dtypes that differ; a NaN or infinity in `a` or `b`.

    Notes
    -----
    Collective over ``a.grid.comm``. The cheapest way that is safe: up to a condition number of 50
    Cholesky of ``A.H A`` with one step of refinement, m n**2 / p flops a rank; up to some 1e7
    CholeskyQR2, 3 m n**2 / p; else Householder's QR of [A b] and the SVD of R, 2.2 m (n + k)**2 /
    p. Small matrices are in double precision for every dtype. Singular values have an error of some
    eps of double precision times the largest one (25 where Cholesky is used), then are rounded: the
    rank is NumPy's.

    References
    ----------
    Björck, Numerical Methods for Least Squares Problems (1996); LAPACK xGELSD.
    """
    _require_pair(a, b, "lstsq")

    def read() -> tuple[float | None, bool]:
        require_alike([a, b], "lstsq")
        must = "be a number or None"
        cut = None if rcond is None else real_of(rcond, "lstsq: rcond", must)
        if cut is not None and math.isnan(cut):
            raise InvalidArgument(f"lstsq: rcond must {must}: got {rcond!r}")
        return cut, flag_of(certify, "lstsq: certify")

    cut, measured = agreed(a.grid._core, "lstsq", read)
    core = load_core()
    x, residuals, rank, s = core.lstsq(a._core, b._core, cut)
    found = Lstsq(DistMatrix._wrap(x, a.grid), residuals, rank, s)
    if measured:
        found.certificate = Certificate(*core.certify_least_squares(a._core, b._core, x, [0.0]))
    return found


@overload
def ridge(
    a: DistMatrix | SparseMatrix,
    b: DistMatrix,
    alpha: float | npt.ArrayLike = 1.0,
    method: Literal["auto", "cholesky", "svd", "tsqr", "cg"] = "auto",
    *,
    tol: float | None = None,
    max_steps: int | None = None,
    certify: Literal[False] = False,
) -> DistMatrix: ...
@overload
def ridge(
    a: DistMatrix | SparseMatrix,
    b: DistMatrix,
    alpha: float | npt.ArrayLike = 1.0,
    method: Literal["auto", "cholesky", "svd", "tsqr", "cg"] = "auto",
    *,
    tol: float | None = None,
    max_steps: int | None = None,
    certify: Literal[True],
) -> Ridge: ...
@anywhere
def ridge(
    a: DistMatrix | SparseMatrix,
    b: DistMatrix,
    alpha: float | npt.ArrayLike = 1.0,
    method: Literal["auto", "cholesky", "svd", "tsqr", "cg"] = "auto",
    *,
    tol: float | None = None,
    max_steps: int | None = None,
    certify: bool = False,
) -> DistMatrix | Ridge:
    """Ridge regression: ``||A x - b||**2 + alpha ||x||**2`` minimal for each column of b.

    Parameters
    ----------
    a : DistMatrix or SparseMatrix, shape (m, n)
        Any layout and shape; not changed.
    b : DistMatrix, shape (m, k)
        Any layout, on the grid of `a` and of its dtype.
    alpha : float or array_like, shape (k,)
        One penalty, or one for each column of `b`, as scikit-learn. Not negative; 0 is least
        squares.
    method : {"auto", "cholesky", "svd", "tsqr", "cg"}
        "cholesky": of ``A.H A + alpha I`` or ``A A.H + alpha I``, the smaller one, with one step of
        refinement; gives way to "svd" where that is not safe. "svd": from R of the QR of `a` by the
        cheapest way that is safe; "tsqr": by Householder's QR. "cg": conjugate gradients on the
        normal equations, one pass over `a` a step for all columns. "auto": "cholesky" where the
        smaller extent is up to 5,000, else "cg". Of a sparse `a`: "cholesky" up to a smaller extent
        of 4,096, which gives way to "cg"; "cg" in the form of LSQR, which goes on to rounding where
        `tol` is out of reach; "auto" is "cholesky" where that costs no more than 100 steps of "cg";
        "svd" and "tsqr" are errors.
    tol : float, optional
        Of "cg": residual of the normal equations, relative. Default: 1e-10, 1e-5 in single
        precision.
    max_steps : int, optional
        Of "cg". Default: ten times the smaller extent, at least 1,000.
    certify : bool
        Measure the result; see `lstsq`, with ``||A.H r - alpha x|| / (||A||_F ||r|| + alpha
        ||x||)``.

    Returns
    -------
    DistMatrix, shape (n, k)
        In [STAR,STAR]. With `certify`: a tuple of it, with a `certificate`.

    Raises
    ------
    ShapeError, DTypeError, InvalidArgument
        On every rank: rows, grids or dtypes that differ; `alpha`; a NaN or infinity.
    Error
        On every rank, if "cg" does not converge.

    Notes
    -----
    Collective over ``a.grid.comm``. With q = min(m, n): "cholesky" m n q / p flops a rank and two
    passes over `a` (wide: four), and q**3 / 3 flops for each distinct `alpha`; "svd" and "tsqr" as
    `lstsq`; "cg" 4 m n k / p flops a step. Sparse: "cholesky" the squares of the rows' numbers of
    entries instead of m n q, "cg" 4 nnz k / p flops a step.

    References
    ----------
    Hoerl, Kennard (1970); Björck, Numerical Methods for Least Squares Problems (1996).
    """
    require_matrix_or_sparse(a, "ridge")

    def read() -> tuple[list[float], str, float, int, bool]:
        require_system(a, [b], "ridge")
        name = choice_of(method, _RIDGE_METHODS, "ridge: method")
        bound = tolerance_of(tol, "ridge")
        steps = 0 if max_steps is None else index_of(max_steps, "ridge: max_steps")
        if max_steps is not None and steps < 1:
            raise InvalidArgument(f"ridge: max_steps must be at least 1: got {max_steps!r}")
        return _penalties(alpha), name, bound, steps, flag_of(certify, "ridge: certify")

    penalties, name, bound, steps, measured = agreed(a.grid._core, "ridge", read)
    core = load_core()
    if isinstance(a, SparseMatrix):
        x = core.sparse_ridge(a._core, b._core, penalties, name, bound, steps)
    else:
        x = core.ridge(a._core, b._core, penalties, name, bound, steps)
    found = DistMatrix._wrap(x, a.grid)
    if not measured:
        return found
    certified = Ridge(found)
    if isinstance(a, SparseMatrix):
        numbers = core.sparse_certify_least_squares(a._core, b._core, x, penalties)
    else:
        numbers = core.certify_least_squares(a._core, b._core, x, penalties)
    certified.certificate = Certificate(*numbers)
    return certified


def _penalties(alpha: Any) -> list[float]:
    """Read alpha as numbers; C++ checks their signs and how many they are."""
    try:
        array = np.asarray(alpha)
        if array.dtype.kind not in "iuf" or array.ndim > 1:
            raise TypeError
        return [float(x) for x in np.atleast_1d(array)]
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"ridge: alpha must be a number or one for each column of b: got {alpha!r}"
        ) from error


def _require_pair(a: Any, b: Any, routine: str) -> None:
    require_matrices([a], routine)
    agreed(a.grid._core, routine, lambda: require_matrices([b], routine))
