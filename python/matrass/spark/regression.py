# SPDX-License-Identifier: BSD-3-Clause
"""On the ranks: linear regression as pyspark.ml defines it.

Next: ``ml/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matrass import linalg
from matrass.agreement import together
from matrass.bootstrap.which_mpi import load_core
from matrass.control.routines import routine
from matrass.create import from_local
from matrass.errors import InvalidArgument

if TYPE_CHECKING:
    from matrass.control.agent import Desk
    from matrass.matrix import DistMatrix

__all__ = ["linear_regression"]

_Array = npt.NDArray[Any]
_NAME = "LinearRegression"
_PANEL_ROWS = 512
_CONSTANT = 1e-13
"""A deviation up to this part of the mean is rounding: the column is constant."""


@routine("spark.regression")
def _regression(_: Desk, *args: Any) -> Any:
    return linear_regression(*args)


def linear_regression(
    z: DistMatrix, weighted: bool, penalty: float, intercept: bool, standardization: bool
) -> tuple[_Array, float]:
    """The coefficients and the intercept that pyspark.ml's normal equations give.

    Parameters
    ----------
    z : DistMatrix, shape (m, n + 1) or (m, n + 2), [VC,STAR]
        Features, the label, and the rows' weights.
    weighted : bool
        Whether the last column has weights.
    penalty : float
        `regParam`.
    intercept, standardization : bool

    Raises
    ------
    InvalidArgument
        On every rank: no rows, NaN or infinity, negative weights; a penalty for a constant label
        without an intercept, where Spark too knows no scale.

    Notes
    -----
    Collective over ``z.grid.comm``. With weights w of sum W, the deviation t of the label and d_j
    of feature j it minimises

        sum_i w_i (b_i - c - a_i x)**2 / (2 W) + penalty / (2 t) sum_j s_j**2 x_j**2,

    where s_j is d_j with `standardization` and 1 without. The part 1 / t is Spark's: it scales the
    label. Constant features get 0. Two passes for the moments, a centred copy, then `ridge`, or
    `lstsq` where the penalty is 0.
    """
    n = z.shape[1] - 1 - weighted
    mean, deviation, total = _moments(z, n, weighted)
    scale = float(deviation[n])
    if scale == 0:
        if intercept or mean[n] == 0:
            return np.zeros(n), float(mean[n])
        if penalty > 0:
            raise InvalidArgument(
                f"{_NAME}: the label must not be constant where regParam > 0 and "
                f"fitIntercept=False: got {mean[n]:g} in every row"
            )
        scale = abs(float(mean[n]))
    deviation = deviation[:n]
    scaled = standardization or penalty == 0
    inverse = np.zeros(n)
    np.divide(1, deviation if scaled else 1, out=inverse, where=deviation > 0)
    centre = mean if intercept else np.zeros(n + 1)
    a, b = _prepared(z, n, weighted, centre, inverse)
    x = linalg.ridge(a, b, penalty * total / scale) if penalty > 0 else linalg.lstsq(a, b).x
    whole = x.numpy(None)
    assert whole is not None
    coefficients = whole[:, 0] * inverse
    return coefficients, float(centre[n] - centre[:n] @ coefficients)


def _panels(z: DistMatrix, n: int, weighted: bool) -> Iterator[tuple[int, _Array, _Array]]:
    """Where some of this rank's rows begin, the rows with their label, and their weights."""
    rows = z.local
    for at in range(0, rows.shape[0] if rows.size else 0, _PANEL_ROWS):
        panel = rows[at : at + _PANEL_ROWS]
        yield at, panel[:, : n + 1], panel[:, n + 1] if weighted else np.ones(len(panel))


def _moments(z: DistMatrix, n: int, weighted: bool) -> tuple[_Array, _Array, float]:
    """Means and deviations of the columns, label included, and the sum of the weights."""
    core, on = load_core(), z.grid._core
    sums = np.zeros(n + 3)

    def add() -> None:
        with np.errstate(all="ignore"):
            for _, panel, weights in _panels(z, n, weighted):
                sums[: n + 1] += weights @ panel
                sums[n + 1] += weights.sum()
                sums[n + 2] += np.count_nonzero(weights < 0)

    together(on, _NAME, add)
    core.allreduce(on, sums, "sum")
    total = float(sums[n + 1])
    if not np.isfinite(sums).all():
        raise InvalidArgument(f"{_NAME}: features, labels and weights must be finite: they are not")
    if sums[n + 2] or total == 0:
        raise InvalidArgument(
            f"{_NAME}: there must be rows, and weights that are not negative: got "
            f"{z.shape[0]} rows, weights of sum {total:g}, {int(sums[n + 2])} below 0"
        )
    mean = sums[: n + 1] / total
    squares = np.zeros((2, n + 1))

    def square() -> None:
        for _, panel, weights in _panels(z, n, weighted):
            centred = panel - mean
            squares[0] += weights @ centred
            squares[1] += weights @ centred**2

    together(on, _NAME, square)
    core.allreduce(on, squares, "sum")
    rest, variance = squares / total
    mean += rest
    deviation = np.sqrt(np.maximum(variance - rest**2, 0))
    deviation[deviation <= _CONSTANT * np.abs(mean)] = 0
    return mean, deviation, total


def _prepared(
    z: DistMatrix, n: int, weighted: bool, centre: _Array, inverse: _Array
) -> tuple[DistMatrix, DistMatrix]:
    """Features and label: centred, the features scaled, each row times the root of its weight."""
    parts: list[_Array] = []

    def fill() -> None:
        local = z.local.shape[0] if z.local.size else 0
        parts.extend(np.empty((local, width), order="F") for width in (n, 1))
        for at, panel, weights in _panels(z, n, weighted):
            centred = (panel - centre) * np.sqrt(weights)[:, np.newaxis]
            parts[0][at : at + len(panel)] = centred[:, :n] * inverse
            parts[1][at : at + len(panel), 0] = centred[:, n]

    together(z.grid._core, _NAME, fill)
    m = z.shape[0]
    a, b = (
        from_local(z.grid, part, (m, width), layout="VC,STAR", block=z.block)
        for part, width in zip(parts, (n, 1), strict=True)
    )
    return a, b
