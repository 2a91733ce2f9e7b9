# SPDX-License-Identifier: BSD-3-Clause
"""Eigenvalues of dense matrices by ScaLAPACK.

Next: ``solvers.py``.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy.typing as npt

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.arguments import choice_of, flag_of
from matrass.bootstrap.which_mpi import load_core
from matrass.linalg.certificate import Certified
from matrass.linalg.factorizations import measured
from matrass.linalg.operands import require_matrices
from matrass.matrix import DistMatrix

__all__ = ["Eigh", "eigh", "eigvals"]


class _Eigh(NamedTuple):
    w: npt.NDArray[Any]
    V: DistMatrix


class Eigh(_Eigh, Certified):
    """``A = V @ diag(w) @ V.H``: w ascending (an array on every rank), V orthonormal."""


@anywhere
def eigh(a: DistMatrix, UPLO: Literal["L", "U"] = "L", *, certify: bool = False) -> Eigh:
    """Eigenvalues and eigenvectors of a Hermitian matrix, in the manner of `numpy.linalg.eigh`.

    Parameters
    ----------
    a : DistMatrix, shape (n, n)
        Any layout; only one triangle is read; not changed.
    UPLO : {"L", "U"}
        Which one.
    certify : bool
        Measure ``||A - V @ diag(w) @ V.H|| / ||A||`` and ``||I - V.H @ V||``.

    Returns
    -------
    Eigh
        w (n,), V (n, n) in [MC,MR]. The first one of the largest entries of each column of V is
        real and positive.

    Raises
    ------
    ShapeError, InvalidArgument
        On every rank: `a` not square; a NaN or infinity in the triangle that is read.
    ScaLAPACKError
        If the iteration does not converge.

    Notes
    -----
    Collective over ``a.grid.comm``. About 4 n**3 flops; some five copies of the local part.

    References
    ----------
    ScaLAPACK PxSYEVD, PxHEEVD.
    """
    require_matrices([a], "eigh")
    triangle, wanted = agreed(
        a.grid._core,
        "eigh",
        lambda: (
            choice_of(UPLO, ("L", "U"), "eigh: UPLO"),
            flag_of(certify, "eigh: certify"),
        ),
    )
    w, v = load_core().eigh(a._core, triangle)
    result = Eigh(w, DistMatrix._wrap(v, a.grid))
    if wanted:
        result.certificate = measured("eigh", a, [result.V], w, triangle)
    return result


@anywhere
def eigvals(a: DistMatrix) -> npt.NDArray[Any]:
    """Eigenvalues of a general matrix, in the manner of `numpy.linalg.eigvals`.

    Parameters
    ----------
    a : DistMatrix, shape (n, n)
        Any layout; not changed.

    Returns
    -------
    ndarray, shape (n,)
        Complex, on every rank, in no particular order.

    Raises
    ------
    ShapeError, InvalidArgument
        On every rank: `a` not square; a NaN or infinity in it.
    ScaLAPACKError
        If the iteration does not converge.

    Notes
    -----
    Collective over ``a.grid.comm``. Some 12 n**3 flops; a copy of the local part.

    References
    ----------
    ScaLAPACK PxGEHRD, PxLAHQR.
    """
    require_matrices([a], "eigvals")
    values: npt.NDArray[Any] = load_core().eigvals(a._core)
    return values
