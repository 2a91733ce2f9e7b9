# SPDX-License-Identifier: BSD-3-Clause
"""Every routine of `matrass.linalg` with operands of any size, for what all of them promise.

A routine that is missing here fails `linalg/test_every_routine.py`. Next: that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matrass as mt
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Array = npt.NDArray[Any]

SPD, TALL = "positive definite", "tall"
# Routine -> what its matrices are. A right-hand side has the rows of the first one.
OPERANDS = {
    **dict.fromkeys(["cholesky", "det", "eigh", "eigvals", "inv", "slogdet"], (SPD,)),
    **dict.fromkeys(["solve", "cg"], (SPD, "right")),
    **dict.fromkeys(["cond", "lu", "matrix_rank", "norm", "pinv", "qr", "svd"], (TALL,)),
    **dict.fromkeys(["kmeans", "leverage_scores", "pca", "random_features"], (TALL,)),
    **dict.fromkeys(["tall_qr", "truncated_svd"], (TALL,)),
    **dict.fromkeys(["lstsq", "lsqr", "ridge"], (TALL, "right")),
    "matmul": (TALL, "left"),
}
# What they cannot do without, beside their matrices.
MORE: dict[str, dict[str, Any]] = {
    "kmeans": {"k": 2},
    "pca": {"k": 2},
    "random_features": {"n": 3, "gamma": 0.1},
    "truncated_svd": {"k": 2},
}


def public() -> set[str]:
    """The routines, without the types of their results."""
    names = {name: getattr(mt.linalg, name) for name in mt.linalg.__all__}
    return {name for name, value in names.items() if not isinstance(value, type)}


def element(kind: str) -> Callable[[Array, Array], Array]:
    """f(i, j) of an operand."""
    if kind == SPD:
        return lambda i, j: 1.0 / (1.0 + np.abs(i - j)) + 4.0 * (i == j)
    return lambda i, j: np.cos(0.7 * i + 1.3 * j + 0.01 * i * j) + (i == j)


def shape(kind: str, m: int, n: int) -> tuple[int, int]:
    """Of an operand of a routine whose first matrix is m x n."""
    return {SPD: (n, n), TALL: (m, n), "right": (m, 2), "left": (n, n)}[kind]


def operands(
    name: str, grid: mt.Grid, m: int, n: int, *, layout: str = "VC,STAR"
) -> list[mt.DistMatrix]:
    """Matrices for a routine: m x n, or n x n."""
    kinds = OPERANDS[name]
    if kinds[0] == SPD:
        m = n
    return [mt.from_function(grid, shape(k, m, n), element(k), layout=layout) for k in kinds]


def run(name: str, matrices: list[Any], **more: Any) -> Any:
    """Call a routine."""
    return getattr(mt.linalg, name)(*matrices, **{**MORE.get(name, {}), **more})
