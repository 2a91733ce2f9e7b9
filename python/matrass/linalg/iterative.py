# SPDX-License-Identifier: BSD-3-Clause
"""Iterative solvers: conjugate gradients and LSQR.

Next: ``clustering.py``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy.typing as npt

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.arguments import index_of, real_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument
from matrass.linalg.operands import require_matrix_or_sparse, require_system
from matrass.matrix import DistMatrix
from matrass.sparse import SparseMatrix

__all__ = ["CG", "LSQR", "cg", "lsqr"]


class CG(NamedTuple):
    """What `cg` found."""

    x: DistMatrix
    """n x k, [VC,STAR]."""
    iterations: int
    """Of the slowest right-hand side."""
    residual: npt.NDArray[Any]
    """``||b - A x||`` of each right-hand side, (k,), measured at the end."""
    converged: bool
    """Whether all residuals are at most ``tol * ||b||``."""


@anywhere
def cg(
    a: DistMatrix | SparseMatrix,
    b: DistMatrix,
    x0: DistMatrix | None = None,
    *,
    tol: float | None = None,
    maxiter: int | None = None,
) -> CG:
    """Solve a positive definite system by conjugate gradients.

    Parameters
    ----------
    a : DistMatrix or SparseMatrix, shape (n, n)
        Hermitian positive definite, any layout; [VC,STAR] is used where it is. That it is Hermitian
        is not checked, but the residual is measured.
    b : DistMatrix, shape (n, k)
        Right-hand sides, solved side by side: each has its own recurrence, all share the products.
    x0 : DistMatrix, shape (n, k), optional
        Where to start. Default: zero.
    tol : float, optional
        Largest residual, in units of ``||b||``. Default: 1e-8, or 1e-5 in single precision.
    maxiter : int, optional
        Most products with `a`. Default: 10 n.

    Returns
    -------
    CG
        x (n, k), iterations, residual (k,), converged. One that has not converged is no error.

    Raises
    ------
    NotPositiveDefiniteError
        On every rank, where ``p^H A p <= 0`` for a direction p.
    ShapeError, DTypeError, InvalidArgument
        On every rank, before anything is done; a NaN or infinity too.

    Notes
    -----
    Collective over ``a.grid.comm``. An iteration is one pass over `a` and one allreduce of n k
    doubles; of a sparse `a` 2 nnz k flops. The recurrence starts anew from the true residual as
    long as this still falls. Real systems have the same solution, bit by bit, on any number of
    ranks.

    References
    ----------
    Hestenes, Stiefel (1952).
    """
    require_matrix_or_sparse(a, "cg")

    def read() -> tuple[float, int]:
        require_system(a, [b] if x0 is None else [b, x0], "cg")
        return _size_of(0.0 if tol is None else tol, "cg: tol"), _most_of(maxiter, "cg")

    arguments = agreed(a.grid._core, "cg", read)
    start = None if x0 is None else x0._core
    core = load_core()
    if isinstance(a, SparseMatrix):
        found = core.sparse_cg(a._core, b._core, start, *arguments)
    else:
        found = core.cg(a._core, b._core, start, *arguments)
    x, iterations, residual, converged = found
    return CG(DistMatrix._wrap(x, a.grid), iterations, residual, converged)


class LSQR(NamedTuple):
    """What `lsqr` found; arrays have an entry for each right-hand side."""

    x: DistMatrix
    """n x k, [VC,STAR]."""
    iterations: int
    """Of the slowest right-hand side."""
    residual: npt.NDArray[Any]
    """``||b - A x||``, measured at the end."""
    normal_residual: npt.NDArray[Any]
    """``||A^H (b - A x) - damp**2 x||``, measured at the end."""
    condition: npt.NDArray[Any]
    """Estimate of the condition number of ``[A; damp I]`` (from below, in the Frobenius norm)."""
    converged: bool
    """Whether `atol` or `btol` is met by what was measured, to a factor of 10."""


@anywhere
def lsqr(
    a: DistMatrix | SparseMatrix,
    b: DistMatrix,
    damp: float = 0.0,
    *,
    atol: float = 1e-6,
    btol: float = 1e-6,
    conlim: float = 1e8,
    maxiter: int | None = None,
) -> LSQR:
    """Least squares by LSQR: minimise ``||b - A x||**2 + damp**2 ||x||**2``.

    Parameters
    ----------
    a : DistMatrix or SparseMatrix, shape (m, n)
        Tall or wide, any layout; [VC,STAR] (of a wide one [STAR,VC]) is used where it is. A sparse
        one that is stored wide is transposed first.
    b : DistMatrix, shape (m, k)
        Right-hand sides, solved side by side: each has its own recurrence, all share the products.
    damp : float
        Ridge regression has ``damp = sqrt(alpha)``.
    atol, btol, conlim : float
        As of `scipy.sparse.linalg.lsqr`: stop where ``||A^H r|| <= atol ||A|| ||r||``, where
        ``||r|| <= btol ||b|| + atol ||A|| ||x||``, or where the estimated condition is beyond
        `conlim` (0: never).
    maxiter : int, optional
        Default: 2 n.

    Returns
    -------
    LSQR
        x (n, k), iterations, residual (k,), normal_residual (k,), condition (k,), converged. Where
        columns are dependent x is the solution of smallest norm.

    Raises
    ------
    ShapeError, DTypeError, InvalidArgument
        On every rank, before anything is done; a NaN or infinity too.

    Notes
    -----
    Collective over ``a.grid.comm``. An iteration is one pass over a tall `a` (two over a wide one)
    and one allreduce of min(m, n) k doubles; of a sparse `a` 4 nnz k flops. The same for any number
    of ranks, to rounding.

    References
    ----------
    Paige, Saunders (1982).
    """
    require_matrix_or_sparse(a, "lsqr")

    def read() -> tuple[float, float, float, float, int]:
        require_system(a, [b], "lsqr")
        sizes = zip((damp, atol, btol, conlim), ("damp", "atol", "btol", "conlim"), strict=True)
        first, second, third, fourth = (_size_of(x, f"lsqr: {name}") for x, name in sizes)
        return first, second, third, fourth, _most_of(maxiter, "lsqr")

    arguments = agreed(a.grid._core, "lsqr", read)
    core = load_core()
    if isinstance(a, SparseMatrix):
        x, *found = core.sparse_lsqr(a._core, b._core, *arguments)
    else:
        x, *found = core.lsqr(a._core, b._core, *arguments)
    return LSQR(DistMatrix._wrap(x, a.grid), *found)


def _size_of(value: Any, what: str) -> float:
    """Read a finite number that is not negative."""
    read = real_of(value, what, must := "be finite and not negative")
    if not (math.isfinite(read) and read >= 0):
        raise InvalidArgument(f"{what} must {must}: got {value!r}")
    return read


def _most_of(maxiter: Any, routine: str) -> int:
    """Read a number of iterations; -1 is the default."""
    if maxiter is None:
        return -1
    read = index_of(maxiter, f"{routine}: maxiter")
    if read < 0:
        raise InvalidArgument(f"{routine}: maxiter must not be negative: got {maxiter!r}")
    return read
