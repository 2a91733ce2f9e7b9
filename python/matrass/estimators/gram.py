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
_PANEL_ROWS = 256


class Moments:
    """Of the rows seen so far: how many, their mean, ``sum (x - mean)(x - mean).T``.

    Rows come in panels that stay in the cache. A panel is copied with its own mean taken off; the
    sum of its products and the old ones lacks ``a b / (a + b) d d.T`` (a, b: numbers of rows, d:
    the means' difference). That is the product of one more row, ``sqrt(a b / (a + b)) d``, which
    is put below the panel. Everything is in double precision, no term is a difference of squares,
    and a mean is the sum of two numbers, the second one what is rounded off the first: means of any
    size cost no digits.

    References
    ----------
    Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances" (1982).
    """

    def __init__(self, n: int) -> None:
        self.count = 0
        self._high: _Array = np.zeros(n)
        self._low: _Array = np.zeros(n)
        self.gram: _Array = np.zeros((n, n), order="F")
        """Only the upper triangle is used."""

    @property
    def mean(self) -> _Array:
        """Of each column."""
        mean: _Array = self._high + self._low
        return mean

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Take rows, which are not changed. Local; n**2 flops a row.

        NaN and infinity make the sums NaN: `sum_over` finds them.
        """
        m, n = rows.shape
        by_columns = rows.strides[0] < rows.strides[1]
        order: Any = "F" if by_columns else "C"
        # A row-major panel is a column-major one, transposed: dsyrk takes both as they are.
        buffer = np.empty((min(m, _PANEL_ROWS) + 1, n), order=order)
        with np.errstate(all="ignore"):
            for at in range(0, m, _PANEL_ROWS):
                panel = rows[at : at + _PANEL_ROWS]
                work = buffer[: len(panel) + 1]
                self._centre(panel, work)
                a, trans = (work, 1) if by_columns else (work.T, 0)
                self.gram = _plus_square(self.gram, a, trans)

    def _centre(self, panel: npt.NDArray[Any], work: _Array) -> None:
        """Fill `work` with the centred panel and the row that its products lack; count it."""
        b = len(panel)
        high = panel.mean(axis=0, dtype=np.float64)
        centred = np.subtract(panel, high, out=work[:b])
        low = centred.mean(axis=0)
        centred -= low
        self._join(b, high, low, work[b])

    def _join(self, b: int, high: _Array, low: _Array, out: _Array) -> None:
        """Count `b` rows of this mean; the row that their products lack goes to `out`."""
        a, total = self.count, self.count + b
        self.count = total
        if a == 0:
            out[...] = 0
            self._high, self._low = high, low
            return
        d = (high - self._high) + (low - self._low)
        np.multiply(d, math.sqrt(a * (b / total)), out=out)
        step = d * (b / total)
        before, self._high = self._high, self._high + step
        rounded = self._high - before
        # What is rounded off a + b is (a - (s - (s - a))) + (b - (s - a)), for s = a + b (Knuth).
        self._low = self._low + ((before - (self._high - rounded)) + (step - rounded))

    def merge(self, other: Moments) -> None:
        """Take all rows of another one. Local; n**2 flops."""
        if other.count == 0:
            return
        lack = np.empty((1, len(self._high)))
        self._join(other.count, other._high, other._low, lack[0])
        self.gram += other.gram
        self.gram = _plus_square(self.gram, lack)

    def sum_over(self, grid: Grid, name: str) -> Moments:
        """Those of the rows of all ranks, the same bits on every rank; this one is used up.

        Collective over ``grid.comm``: sums of 2 n + 1 and of n**2 doubles.

        Raises
        ------
        InvalidArgument
            On every rank, if there are no rows, or a sum is not finite.
        """
        core, n, total = load_core(), len(self._high), Moments(0)
        sums = np.append(self.mean * self.count, float(self.count))
        core.allreduce(grid._core, sums, "sum")
        rest = np.zeros(n)

        def deviate() -> None:
            total.count = int(sums[n])
            if total.count == 0:
                raise InvalidArgument(f"{name}: X must have rows: got 0 sample(s)")
            total._high = sums[:n] / total.count
            _require_finite(name, total._high)
            rest[:] = (self._high - total._high) + self._low

        together(grid._core, name, deviate)
        low = rest * (self.count / total.count)
        core.allreduce(grid._core, low, "sum")

        def shift() -> None:
            total._low = low
            self.gram = _plus_square(self.gram, ((rest - low) * math.sqrt(self.count))[np.newaxis])

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
        n = self.moments.gram.shape[0]
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
