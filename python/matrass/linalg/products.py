# SPDX-License-Identifier: BSD-3-Clause
"""Products.

Next: ``norms.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import DTypeError, InvalidArgument
from matrass.linalg.operands import require_alike, require_matrices
from matrass.matrix import DistMatrix
from matrass.sparse import SparseMatrix, sparse_matmul

__all__ = ["matmul"]

_OPS = {False: "N", True: "T", "N": "N", "T": "T", "C": "C"}


@anywhere
def matmul(
    a: DistMatrix | SparseMatrix,
    b: DistMatrix | SparseMatrix,
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
        (``a.T``) and slices are used where they are. One of them may be a SparseMatrix: the result
        is then in [VC,STAR] ([STAR,VC] where `b` is sparse), with neither `beta` nor `out`.
    transpose_a, transpose_b : bool or {"N", "T", "C"}
        What op is: nothing, the transpose (True or "T"), or the conjugate transpose ("C").
    alpha, beta : scalar
        Real where the matrices are.
    out : DistMatrix, shape (m, n), optional
        Gets the result; may share elements with `a` and `b`. Without it, `beta` is not used.

    Returns
    -------
    DistMatrix, shape (m, n)
        `out`, or a new matrix in the layout in which it comes about: [STAR,STAR] where the dealt
        rows of two tall matrices are summed over (``A.T @ B``, both in [VC,STAR]), the rows of `a`
        in [VC,STAR] where `b` is small (or the columns of `b` in [STAR,VC]), else [MC,MR] with
        blocks of 64.

    Raises
    ------
    ShapeError, DTypeError, InvalidArgument
        On every rank, before anything is computed.

    Notes
    -----
    Collective over ``a.grid.comm``. 2 m n k flops in all; half of them for ``A.T @ A`` of a tall
    matrix.

    What moves little is done, on an r x c grid: rows that are dealt alike are multiplied where they
    are and summed, 2 m n elements a rank; a factor much larger than the other stays where it is,
    and the other goes to it (nothing moves if that is in [STAR,STAR]); else panels of both go to
    where the result is, (m / r + n / c) k elements to a rank, 32 MB at a time.

    References
    ----------
    SUMMA: van de Geijn, Watts (1997).
    """
    if isinstance(a, SparseMatrix) or isinstance(b, SparseMatrix):
        sparse = a if isinstance(a, SparseMatrix) else b
        ops, factor = agreed(
            sparse.grid._core,
            "matmul",
            lambda: _sparse_arguments((transpose_a, transpose_b), alpha, beta, out, sparse.dtype),
        )
        product = sparse_matmul(_turned(a, ops[0]), _turned(b, ops[1]))
        if factor != 1:
            product.local[...] *= factor if sparse.dtype.kind == "c" else factor.real
        return product
    require_matrices([a], "matmul")
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
    require_alike(operands, "matmul")
    alpha, beta = _factors(factors, a.dtype)
    return *_ops(transposes), alpha, beta


def _ops(transposes: tuple[Any, Any]) -> tuple[str, str]:
    """Read transposes as BLAS letters."""
    try:
        return _OPS[transposes[0]], _OPS[transposes[1]]
    except (KeyError, TypeError) as error:
        raise InvalidArgument(
            f'matmul: transposes must be a bool, "N", "T" or "C": got {transposes}'
        ) from error


def _factors(factors: tuple[Any, Any], dtype: np.dtype[Any]) -> tuple[complex, complex]:
    """Read alpha and beta."""
    if any(np.iscomplexobj(x) for x in factors) and dtype.kind != "c":
        raise DTypeError(f"matmul: alpha and beta must be real for {dtype}: got {factors}")
    try:
        if any(np.ndim(x) != 0 or isinstance(x, (str, bytes)) for x in factors):
            raise TypeError(factors)
        alpha, beta = (complex(x) for x in factors)
    except (TypeError, ValueError, OverflowError) as error:
        raise DTypeError(f"matmul: alpha and beta must be numbers: got {factors}") from error
    return alpha, beta


def _turned(a: Any, op: str) -> Any:
    """op(a): a view, but for the conjugate of a dense matrix."""
    return {"N": lambda: a, "T": lambda: a.T, "C": lambda: a.H}[op]()


def _sparse_arguments(
    transposes: tuple[bool | str, bool | str],
    alpha: Any,
    beta: Any,
    out: Any,
    dtype: np.dtype[Any],
) -> tuple[tuple[str, str], complex]:
    """Check the arguments of a product with a sparse factor."""
    factor, added = _factors((alpha, beta), dtype)
    if out is not None or added != 0:
        raise InvalidArgument("matmul: a product with a sparse factor takes neither out nor beta")
    return _ops(transposes), factor
