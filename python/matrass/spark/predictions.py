# SPDX-License-Identifier: BSD-3-Clause
"""In Spark's Python workers: what models make of rows, batch by batch.

Next: ``ml/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matrass.errors import InvalidArgument, ShapeError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["nearest", "of_rows", "predicted", "projected"]

_Array = npt.NDArray[Any]


def projected(x: _Array, directions: _Array) -> _Array:
    """Rows times a matrix."""
    found: _Array = x @ directions
    return found


def predicted(x: _Array, coefficients: _Array, intercept: float) -> _Array:
    """A linear model's predictions."""
    found: _Array = x @ coefficients + intercept
    return found


def nearest(x: _Array, centers: _Array) -> _Array:
    """The number of the center nearest to each row; of equally near ones the first."""
    origin = centers.mean(axis=0)  # squares lose no digits to means that are large
    moved = centers - origin
    found = (moved**2).sum(axis=1) - 2 * ((x - origin) @ moved.T)
    least: _Array = found.argmin(axis=1).astype(np.int32)
    return least


def of_rows(
    f: Callable[..., _Array], width: int, what: str, *args: Any
) -> Callable[[pd.Series], pd.Series]:
    """A function of a series of arrays: ``f(x, *args)``, where these are the rows of x."""
    import pandas

    def column(series: pd.Series) -> pd.Series:
        found = f(_rows_of(series, width, what), *args)
        return pandas.Series(list(found) if found.ndim == 2 else found)

    # Spark decides by types what kind of function it is.
    column.__annotations__ = {"series": pandas.Series, "return": pandas.Series}
    return column


def _rows_of(series: pd.Series, width: int, what: str) -> _Array:
    """The arrays of a series as a matrix."""
    rows = series.to_numpy()
    if series.isna().any():
        raise InvalidArgument(f"{what} must have no nulls (fill or drop them)")
    other = next((len(row) for row in rows if len(row) != width), width)
    if other != width:
        raise ShapeError(f"{what} must hold rows of {width} numbers: got {other}")
    stacked: _Array = np.stack(rows) if len(rows) else np.empty((0, width))
    return stacked
