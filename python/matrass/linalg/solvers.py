# SPDX-License-Identifier: BSD-3-Clause
"""Linear systems, inverses, determinants and ranks of dense matrices.

Next: ``truncated.py``.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.arguments import choice_of, flag_of, real_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument, ShapeError, SingularError
from matrass.linalg.factorizations import measured, svd
from matrass.linalg.norms import norm
from matrass.linalg.operands import require_alike, require_matrices
from matrass.matrix import DistMatrix

__all__ = ["SlogDet", "cond", "det", "inv", "matrix_rank", "pinv", "slogdet", "solve"]

_NORMS = ("fro", 1, -1, np.inf, -np.inf)


@anywhere
def solve(
    a: DistMatrix,
    b: DistMatrix,
    assume: Literal["gen", "pos", "sym"] = "gen",
    *,
    certify: bool = False,
) -> DistMatrix:
    """Solve ``A @ X = B``.

    Parameters
    ----------
    a : DistMatrix, shape (n, n)
        Any layout; not changed.
    b : DistMatrix, shape (n, k)
        Right-hand sides: any layout, on the same grid, of the same dtype.
    assume : {"gen", "pos", "sym"}
        What is known of `a`: nothing; Hermitian and positive definite, of which the lower triangle
        is read (half the work); Hermitian (as "gen": ScaLAPACK has nothing of its own for it).
    certify : bool
        Measure the backward error ``||B - A @ X|| / (||A|| ||X|| + ||B||)``; the result has it as
        ``.certificate``.

    Returns
    -------
    DistMatrix, shape (n, k)
        New, in the layout and blocks of `b`.

    Raises
    ------
    ShapeError, DTypeError, InvalidArgument
        On every rank: shapes, dtypes or grids that do not fit; a NaN or infinity.
    SingularError
        Names the pivot that is exactly zero.
    NotPositiveDefiniteError
        For "pos": names the order of the first leading minor that fails.

    Notes
    -----
    Collective over ``a.grid.comm``. ``2 n**3 / 3`` flops, ``2 n**2 k`` more; copies of the parts.

    References
    ----------
    ScaLAPACK PxGETRF, PxGETRS, PxPOTRF, PxPOTRS.
    """
    require_matrices([a], "solve")

    def read() -> tuple[str, bool]:
        require_alike([a, b], "solve")
        how = choice_of(assume, ("gen", "pos", "sym"), "solve: assume")
        return how, flag_of(certify, "solve: certify")

    how, wanted = agreed(a.grid._core, "solve", read)
    x = DistMatrix._wrap(load_core().solve(a._core, b._core, how), b.grid)
    if wanted:
        x.certificate = measured("solve", a, [x, b], how=how)
    return x


@anywhere
def inv(a: DistMatrix) -> DistMatrix:
    """The inverse of a square matrix; for ``inv(A) @ B``, `solve` is faster and more accurate.

    Returns
    -------
    DistMatrix, shape (n, n)
        New, [MC,MR] in blocks of 64.

    Raises
    ------
    ShapeError, InvalidArgument, SingularError
        As `solve`.

    Notes
    -----
    Collective over ``a.grid.comm``. ``8 n**3 / 3`` flops; three copies of the local part.
    """
    require_matrices([a], "inv")
    return DistMatrix._wrap(load_core().inv(a._core), a.grid)


class SlogDet(NamedTuple):
    """``det = sign * exp(logabsdet)``."""

    sign: Any
    logabsdet: float


@anywhere
def slogdet(a: DistMatrix) -> SlogDet:
    """Sign (or phase) and logarithm of the modulus of a determinant; (0, -inf) if it is zero.

    Raises
    ------
    ShapeError, InvalidArgument
        On every rank: `a` not square; a NaN or infinity in it.

    Notes
    -----
    Collective over ``a.grid.comm``. ``2 n**3 / 3`` flops; a copy of the local part.
    """
    return _sign_and_log(a, "slogdet")


@anywhere
def det(a: DistMatrix) -> Any:
    """The determinant; `slogdet` does not overflow. Collective; costs and errors as there."""
    sign, log = _sign_and_log(a, "det")
    with np.errstate(over="ignore"):
        return a.dtype.type(sign * np.exp(log)) if sign != 0 else a.dtype.type(0)


def _sign_and_log(a: DistMatrix, routine: str) -> SlogDet:
    """What both determinants are made of, with their names in errors. Collective."""
    require_matrices([a], routine)
    sign, log = load_core().slogdet(a._core, routine)
    return SlogDet(a.dtype.type(sign), log)


@anywhere
def cond(a: DistMatrix, p: Any = None) -> float:
    """The condition number ``||A|| ||A^-1||``, in the manner of `numpy.linalg.cond`.

    Parameters
    ----------
    a : DistMatrix, shape (m, n)
        Square unless `p` is None, 2 or -2.
    p : {None, 2, -2, "fro", 1, -1, inf, -inf}
        The norm; None and 2: largest over smallest singular value, -2: the inverse of that.

    Returns
    -------
    float
        Infinite for a singular matrix.

    Notes
    -----
    Collective over ``a.grid.comm``. Costs of `svd` without vectors, or of `inv`.
    """
    require_matrices([a], "cond")

    def read() -> Any:
        order = choice_of(p, (None, 2, -2, *_NORMS), "cond: p")
        if order not in (None, 2, -2) and a.shape[0] != a.shape[1]:
            raise ShapeError(f"cond: A must be square for p={p!r}: got shape {a.shape}")
        return order

    order = agreed(a.grid._core, "cond", read)
    if order in (None, 2, -2):
        s = svd(a, compute_uv=False)
        if s.size == 0:
            raise InvalidArgument(f"cond: A must not be empty: got shape {a.shape}")
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(s[-1] / s[0] if order == -2 else s[0] / s[-1])
    try:
        return norm(a, order) * norm(inv(a), order)
    except SingularError:
        return float("inf")


@anywhere
def pinv(a: DistMatrix, rcond: float | None = None) -> DistMatrix:
    """The Moore-Penrose pseudoinverse, in the manner of `numpy.linalg.pinv`.

    Parameters
    ----------
    a : DistMatrix, shape (m, n)
        Any layout; not changed.
    rcond : float, optional
        Singular values up to `rcond` times the largest count as zero. Default: max(m, n) times the
        unit roundoff of the dtype.

    Returns
    -------
    DistMatrix, shape (n, m)
        New, [MC,MR] in blocks of 64.

    Notes
    -----
    Collective over ``a.grid.comm``. Costs of `svd` with vectors, and a product.
    """
    require_matrices([a], "pinv")
    bound = agreed(a.grid._core, "pinv", lambda: _tolerance(rcond, "pinv: rcond"))
    return DistMatrix._wrap(load_core().pinv(a._core, bound), a.grid)


@anywhere
def matrix_rank(a: DistMatrix, tol: float | None = None, *, rtol: float | None = None) -> int:
    """The rank of a matrix: how many singular values are larger than a tolerance.

    Parameters
    ----------
    a : DistMatrix, shape (m, n)
    tol, rtol : float, optional
        The tolerance itself, or in units of the largest singular value. Default: rtol = max(m, n)
        times the unit roundoff of the dtype.

    Notes
    -----
    Collective over ``a.grid.comm``. Costs of `svd` without vectors.
    """
    require_matrices([a], "matrix_rank")

    def read() -> tuple[float | None, float | None]:
        if tol is not None and rtol is not None:
            raise InvalidArgument("matrix_rank: tol or rtol must be None: got both")
        return _tolerance(tol, "matrix_rank: tol"), _tolerance(rtol, "matrix_rank: rtol")

    absolute, relative = agreed(a.grid._core, "matrix_rank", read)
    s = svd(a, compute_uv=False)
    if s.size == 0:
        return 0
    if absolute is None:
        if relative is None:
            relative = max(a.shape) * float(np.finfo(a.dtype).eps)
        absolute = relative * float(s[0])
    return int(np.count_nonzero(s > absolute))


def _tolerance(value: Any, what: str) -> float | None:
    if value is None:
        return None
    read = real_of(value, what, must := "be a number that is not negative")
    if not read >= 0:
        raise InvalidArgument(f"{what} must {must}: got {value!r}")
    return read
