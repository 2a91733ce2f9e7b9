# SPDX-License-Identifier: BSD-3-Clause
"""Means and centred Gram matrices that grow by rows, with no digit lost to large means.

Next: ``incremental.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
from scipy.linalg.blas import dsyrk

from matrass.agreement import together
from matrass.bootstrap.which_mpi import load_core
from matrass.errors import InvalidArgument
from matrass.grid import Grid

__all__ = ["Moments", "Spectrum"]

_Array = npt.NDArray[np.float64]
_PANEL_ROWS = 512


class Moments:
    """Of the rows seen so far: how many, their mean, ``sum (x - mean)(x - mean).T``.

    Rows come in panels that stay in the cache. A panel is copied with its own mean taken off; the
    sum of its products and the old ones lacks ``a b / (a + b) d d.T`` (a, b: numbers of rows, d:
    the means' difference). That is the product of one more row, ``sqrt(a b / (a + b)) d``, which
    is put below the panel. Everything is in double precision, and no term is a difference of
    squares: means of any size cost no digits.

    References
    ----------
    Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances" (1982).
    """

    def __init__(self, n: int) -> None:
        self.count = 0
        self.mean: _Array = np.zeros(n)
        self.gram: _Array = np.zeros((n, n), order="F")
        """Only the upper triangle is used."""

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Take rows, which are not changed. Local; n**2 flops a row.

        NaN and infinity make the sums NaN: `sum_over` finds them.
        """
        m, n = rows.shape
        if m == 0 or n == 0:
            self.count += m
            return
        by_columns = rows.strides[0] < rows.strides[1]
        order: Any = "F" if by_columns else "C"
        buffer = np.empty((min(m, _PANEL_ROWS) + 1, n), order=order)
        with np.errstate(all="ignore"):
            for at in range(0, m, _PANEL_ROWS):
                panel = rows[at : at + _PANEL_ROWS]
                self._add_panel(panel, buffer[: len(panel) + 1], by_columns=by_columns)

    def _add_panel(self, panel: npt.NDArray[Any], work: _Array, *, by_columns: bool) -> None:
        b = len(panel)
        mean = panel.mean(axis=0, dtype=np.float64)
        np.subtract(panel, mean, out=work[:b])
        self._join(b, mean, work[b])
        # dsyrk takes column-major arrays: a row-major panel is one, transposed.
        a, trans = (work, 1) if by_columns else (work.T, 0)
        self.gram = _plus_square(self.gram, a, trans)

    def _join(self, b: int, mean: _Array, out: _Array) -> None:
        """Count `b` rows of this mean; the row that their products lack goes to `out`."""
        a, total = self.count, self.count + b
        if a == 0:
            out[...] = 0
            self.mean = mean
        else:
            d = mean - self.mean
            np.multiply(d, math.sqrt(a * (b / total)), out=out)
            self.mean = self.mean + d * (b / total)
        self.count = total

    def merge(self, other: Moments) -> None:
        """Take all rows of another one. Local; n**2 flops."""
        if other.count == 0:
            return
        lack = np.empty((1, len(self.mean)))
        self._join(other.count, other.mean, lack[0])
        self.gram += other.gram
        self.gram = _plus_square(self.gram, lack)

    def sum_over(self, grid: Grid, name: str) -> Moments:
        """Those of the rows of all ranks, the same bits on every rank; this one is used up.

        Collective over ``grid.comm``: sums of n + 1 and of n**2 doubles.

        Raises
        ------
        InvalidArgument
            On every rank, if there are no rows, or a sum is not finite.
        """
        core, n = load_core(), len(self.mean)
        # The deviations d from the mean of all have to add up to 0 only up to a rounding e: their
        # products have an error of e**2.
        sums = np.append(self.mean * self.count, float(self.count))
        core.allreduce(grid._core, sums, "sum")
        total = Moments(0)

        def shift() -> None:
            total.count = int(sums[n])
            if total.count == 0:
                raise InvalidArgument(f"{name}: X must have rows: got 0 sample(s)")
            total.mean = sums[:n] / total.count
            _require_finite(name, total.mean)
            d = np.sqrt(self.count) * (self.mean - total.mean)
            self.gram = _plus_square(self.gram, d[np.newaxis, :])

        together(grid._core, name, shift)
        core.allreduce(grid._core, self.gram.T, "sum")
        together(grid._core, name, lambda: _require_finite(name, self.gram.diagonal()))
        total.gram = self.gram
        return total


def _plus_square(gram: _Array, rows: _Array, trans: int = 1) -> _Array:
    """``gram + rows.T @ rows`` in its memory, the upper triangle. Local."""
    if gram.size == 0:
        return gram
    found: _Array = dsyrk(1.0, rows, beta=1.0, c=gram, trans=trans, lower=0, overwrite_c=1)
    return found


def _require_finite(name: str, values: _Array) -> None:
    """Local."""
    if not np.isfinite(values).all():
        raise InvalidArgument(
            f"{name}: X must be finite, and sums of its squares: got NaN, infinity or values "
            "beyond 1e150"
        )


@dataclass(eq=False)
class Spectrum:
    """The leading eigenvectors of the Gram matrix, computed where they are first asked for.

    All of it is local: every rank has the whole matrix.
    """

    moments: Moments
    _known: dict[int, tuple[_Array, _Array]] = field(default_factory=dict)

    def leading(self, k: int) -> tuple[_Array, _Array]:
        """The k largest singular values of the centred rows, and as rows their components.

        Of the entries of largest modulus in a component the first is positive.
        """
        if k not in self._known:
            self._known[k] = self._leading(k)
        return self._known[k]

    def _leading(self, k: int) -> tuple[_Array, _Array]:
        n = len(self.moments.mean)
        values, vectors = scipy.linalg.eigh(
            self.moments.gram,
            lower=False,
            subset_by_index=None if k == n else [n - k, n - 1],
            check_finite=False,
        )
        components = np.ascontiguousarray(vectors.T[::-1])
        largest = np.abs(components).argmax(axis=1)
        components *= np.where(components[np.arange(k), largest] < 0, -1.0, 1.0)[:, np.newaxis]
        return np.sqrt(np.maximum(values[::-1], 0)), components
