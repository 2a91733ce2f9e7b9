# SPDX-License-Identifier: BSD-3-Clause
"""What routines of linear algebra ask of their arguments.

Next: ``certificate.py``.
"""

from __future__ import annotations

from typing import Any

from matrass.arguments import choice_of, index_of, real_of, seed_of
from matrass.errors import DTypeError, InvalidArgument
from matrass.matrix import DistMatrix
from matrass.sparse import SparseMatrix

__all__ = [
    "require_alike",
    "require_matrices",
    "require_matrix_or_sparse",
    "require_system",
    "svd_arguments",
    "tolerance_of",
]

_SVD_METHODS = ("auto", "randomized", "lanczos", "gram", "tsqr")


def require_matrices(operands: list[DistMatrix], routine: str) -> None:
    """Raise unless all operands are matrices. Local."""
    for operand in operands:
        if not isinstance(operand, DistMatrix):
            raise InvalidArgument(
                f"{routine}: operands must be DistMatrix: got {type(operand).__name__} "
                "(mt.from_global makes one of an array)"
            )


def require_matrix_or_sparse(a: Any, routine: str) -> None:
    """Raise unless the operand is a matrix, dense or sparse. Local."""
    if not isinstance(a, SparseMatrix):
        require_matrices([a], routine)


def require_system(a: DistMatrix | SparseMatrix, dense: list[DistMatrix], routine: str) -> None:
    """Raise unless all others are dense matrices, and of the dtype of `a`. Local."""
    require_matrices(dense, routine)
    dtypes = [a.dtype, *(m.dtype for m in dense)]
    if len(set(dtypes)) != 1:
        shown = ", ".join(map(str, dtypes))
        raise DTypeError(f"{routine}: matrices must have one dtype: got {shown}")


def require_alike(operands: list[DistMatrix], routine: str) -> None:
    """Raise unless all operands are matrices of one dtype. Local."""
    require_matrices(operands, routine)
    if len({m.dtype for m in operands}) != 1:
        shown = ", ".join(str(m.dtype) for m in operands)
        raise DTypeError(f"{routine}: matrices must have one dtype: got {shown}")


def tolerance_of(tol: Any, routine: str) -> float:
    """Read a relative tolerance, of which 0 stands for the default. Local."""
    if tol is None:
        return 0.0
    bound = real_of(tol, f"{routine}: tol", must := "lie between 0 and 1, or be None")
    if not 0 < bound < 1:
        raise InvalidArgument(f"{routine}: tol must {must}: got {tol!r}")
    return bound


def svd_arguments(
    routine: str, k: Any, method: Any, tol: Any, seed: Any
) -> tuple[int, str, float, int]:
    """Read the arguments of a truncated SVD; a `tol` of 0 is the default."""
    rank = index_of(k, f"{routine}: k")
    name = choice_of(method, _SVD_METHODS, f"{routine}: method")
    return rank, name, tolerance_of(tol, routine), seed_of(seed, routine)
