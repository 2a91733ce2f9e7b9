# SPDX-License-Identifier: BSD-3-Clause
"""Norms.

Next: ``factorizations.py``.
"""

from __future__ import annotations

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.bootstrap.which_mpi import load_core
from matrass.linalg.operands import require_matrices
from matrass.matrix import DistMatrix
from matrass.norm_names import norm_name
from matrass.sparse import SparseMatrix

__all__ = ["norm"]


@anywhere
def norm(a: DistMatrix | SparseMatrix, ord: float | str | None = None) -> float:  # noqa: A002
    """A norm of a matrix.

    Parameters
    ----------
    a : DistMatrix or SparseMatrix
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
    if isinstance(a, SparseMatrix):
        return a.norm(ord)
    require_matrices([a], "norm")
    name = agreed(a.grid._core, "norm", lambda: norm_name(ord))
    value: float = load_core().norm(a._core, name)
    return value
