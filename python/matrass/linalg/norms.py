# SPDX-License-Identifier: BSD-3-Clause
"""Norms.

Next: ``factorizations.py``.
"""

from __future__ import annotations

import numpy as np

from matrass.agreement import agreed
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument
from matrass.linalg.operands import require_matrices
from matrass.matrix import DistMatrix

__all__ = ["norm"]

_NORMS = {
    None: "fro",
    "fro": "fro",
    1: "1",
    -1: "-1",
    np.inf: "inf",
    -np.inf: "-inf",
    "max": "max",
}


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
    require_matrices([a], "norm")

    def read() -> str:
        try:
            return _NORMS[ord]
        except (KeyError, TypeError) as error:
            raise InvalidArgument(
                f'norm: ord must be None, "fro", 1, -1, inf, -inf or "max": got {ord!r}'
            ) from error

    value: float = load_core().norm(a._core, agreed(a.grid._core, "norm", read))
    return value
