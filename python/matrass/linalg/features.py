# SPDX-License-Identifier: BSD-3-Clause
"""Random features: kernels as scalar products of columns that can be computed."""

from __future__ import annotations

import math
from typing import Any

from matrass.agreement import agreed
from matrass.anywhere import anywhere
from matrass.arguments import index_of, real_of, seed_of
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument
from matrass.linalg.clustering import require_real
from matrass.linalg.operands import require_matrices
from matrass.matrix import DistMatrix

__all__ = ["random_features"]


@anywhere
def random_features(
    a: DistMatrix,
    n: int,
    gamma: float,
    *,
    seed: int = 0,
    first: int = 0,
    total: int | None = None,
) -> DistMatrix:
    """Random Fourier features of the Gaussian kernel ``exp(-gamma ||x - y||**2)``.

    Parameters
    ----------
    a : DistMatrix, shape (m, d)
        Real; rows are samples. Any layout.
    n : int
        How many features.
    gamma : float
        Of the kernel.
    seed : int
        Of the frequencies, in [0, 2**64). Feature f is the same for any `n`, `first` and number of
        ranks.
    first, total : int, optional
        Features ``[first, first + n)`` of a matrix of `total` (default: first + n): blocks of one
        that is too large.

    Returns
    -------
    DistMatrix, shape (m, n)
        ``Z = sqrt(2 / total) cos(A W + b)`` in [VC,STAR]; ``Z @ Z.T`` approaches the kernel, with
        an error of about ``1 / sqrt(total)``.

    Raises
    ------
    DTypeError, InvalidArgument
        On every rank, before anything is done; a NaN or infinity too.

    Notes
    -----
    Collective over ``a.grid.comm``, but only layouts other than [VC,STAR] send anything. 2 m d n
    flops and m n cosines in all; no memory but the result's.

    References
    ----------
    Rahimi, Recht (2007).
    """
    require_matrices([a], "random_features")

    def read() -> tuple[Any, ...]:
        require_real(a, "random_features")
        must = "be positive and finite"
        width = real_of(gamma, "random_features: gamma", must)
        if not 0 < width < math.inf:
            raise InvalidArgument(f"random_features: gamma must {must}: got {gamma!r}")
        given = ((n, "n"), (first, "first"), (0 if total is None else total, "total"))
        count, begin, all_of_them = (index_of(x, f"random_features: {w}") for x, w in given)
        return count, width, seed_of(seed, "random_features"), begin, all_of_them

    arguments = agreed(a.grid._core, "random_features", read)
    return DistMatrix._wrap(load_core().random_features(a._core, *arguments), a.grid)
