# SPDX-License-Identifier: BSD-3-Clause
"""Linear algebra on distributed matrices."""

from __future__ import annotations

import numpy as np

from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument
from matrass.matrix import DistMatrix

__all__ = ["matmul", "norm"]

_OPS = {False: "N", True: "T", "N": "N", "T": "T", "C": "C"}
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
        Gets the result. Without it, `beta` is not used.

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
    ops = load_core().together(
        a.grid._core,
        lambda: _matmul_arguments(a, b, out, (transpose_a, transpose_b), (alpha, beta)),
        "matmul",
    )
    core = load_core().matmul(
        a._core, b._core, *ops, alpha, beta, None if out is None else out._core
    )
    return DistMatrix._wrap(core, a.grid) if out is None else out


def _matmul_arguments(
    a: DistMatrix,
    b: DistMatrix,
    out: DistMatrix | None,
    transposes: tuple[bool | str, bool | str],
    factors: tuple[complex, complex],
) -> tuple[str, str]:
    """Check what C++ takes for granted; the two ops as BLAS letters."""
    operands = [a, b] if out is None else [a, b, out]
    _require_matrices(operands, "matmul")
    if len({m.dtype for m in operands}) != 1:
        shown = ", ".join(str(m.dtype) for m in operands)
        raise DTypeError(f"matmul: matrices must have one dtype: got {shown}")
    if any(np.iscomplexobj(x) for x in factors) and a.dtype.kind != "c":
        raise DTypeError(f"matmul: alpha and beta must be real for {a.dtype}: got {factors}")
    try:
        return _OPS[transposes[0]], _OPS[transposes[1]]
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
    if ord not in _NORMS:
        raise InvalidArgument(
            f'norm: ord must be None, "fro", 1, -1, inf, -inf or "max": got {ord!r}'
        )
    value: float = load_core().norm(a._core, _NORMS[ord])
    return value


def _require_matrices(operands: list[DistMatrix], routine: str) -> None:
    for operand in operands:
        if not isinstance(operand, DistMatrix):
            raise InvalidArgument(
                f"{routine}: operands must be DistMatrix: got {type(operand).__name__} "
                "(mt.from_global makes one of an array)"
            )
